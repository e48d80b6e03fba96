/* SPDX-License-Identifier: MIT */
/*
 * realloc_moves: reallocs that stay in place, that move, that shrink, and
 * huge ones that the kernel moves (mremap); contents must survive.
 *
 * Expects each to be one alloc of the new size, one free of the old size and
 * one realloc; proves by addresses that both kinds did occur.
 */
#include "expect.h"

#include <sys/mman.h>

static unsigned stayed, moved;

static unsigned char *step(unsigned char *p, size_t old_bytes, size_t bytes)
{
	size_t both = old_bytes < bytes ? old_bytes : bytes;
	uintptr_t before = (uintptr_t)p;

	for (size_t i = 0; i < old_bytes; i += 61)
		p[i] = (unsigned char)(i * 7 + old_bytes);
	p = x_realloc(p, bytes);
	MUST(p);
	for (size_t i = 0; i < both; i += 61)
		MUST(p[i] == (unsigned char)(i * 7 + old_bytes));
	if ((uintptr_t)p == before)
		stayed++;
	else
		moved++;
	return p;
}

static void in_place(void)
{
	unsigned char *p = got(malloc(5000));
	unsigned before = stayed;

	MUST(p);
	p = step(p, 5000, 5001);  /* the same chunk */
	p = step(p, 5001, 2000);  /* shrinks; the rest joins the top */
	p = step(p, 2000, 50000); /* grows into the top of the heap */
	p = step(p, 50000, 100);
	MUST(stayed - before == 4);
	free(gone(p));
}

static void moving(void)
{
	unsigned before = moved;
	void *fences[64];
	unsigned n = 0;

	for (size_t bytes = 16; bytes < 60000; bytes = bytes * 3 / 2) {
		unsigned char *p = got(malloc(bytes));

		fences[n] = got(malloc(32)); /* no room behind p */
		MUST(p && fences[n]);
		n++;
		p = step(p, bytes, bytes * 4);
		free(gone(p));
	}
	while (n)
		free(gone(fences[--n]));
	MUST(moved - before >= 10);
}

static void huge(void)
{
	const size_t mib = 1 << 20;
	unsigned char *p = got(malloc(40 * mib));
	unsigned before = moved;

	MUST(p);
	for (size_t m = 41; m < 120; m += 7) {
		/* a mapping right behind makes mremap move the block */
		char *end = (char *)p + malloc_usable_size(p);
		void *fence = mmap(end, 4096, PROT_NONE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		MUST(fence != MAP_FAILED);
		p = step(p, (m == 41 ? 40 : m - 7) * mib, m * mib);
		MUST(munmap(fence, 4096) == 0);
	}
	MUST(moved - before >= 1);
	p = step(p, 118 * mib, 50 * mib);
	p = step(p, 50 * mib, 100); /* from a mapping into the heap */
	p = step(p, 100, 60 * mib); /* and back */
	free(gone(p));
}

int main(void)
{
	in_place();
	moving();
	huge();
	MUST(expect.reallocs == stayed + moved);
	expect_report();
	return 0;
}
