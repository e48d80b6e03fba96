/* SPDX-License-Identifier: MIT */
/*
 * own_malloc: an executable that exports an allocator of its own, so that
 * nobody else's is ever called.
 *
 * Expects to be told to be unobserved, and never to be shown as zeros.
 */
#include <stddef.h>
#include <unistd.h>

static char arena[1 << 20];
static size_t used;

void *malloc(size_t bytes)
{
	size_t at = used;

	used += (bytes + 15) & ~(size_t)15;
	return used <= sizeof(arena) ? arena + at : NULL;
}

void free(void *p)
{
	(void)p;
}

void *calloc(size_t count, size_t bytes)
{
	return malloc(count * bytes);
}

void *realloc(void *p, size_t bytes)
{
	(void)p;
	return malloc(bytes);
}

int main(void)
{
	static const char text[] = "100 allocations of my own\n";

	for (int i = 0; i < 100; i++)
		if (!malloc(100))
			return 1;
	return write(1, text, sizeof(text) - 1) < 0;
}
