/* SPDX-License-Identifier: MIT */
/*
 * mutex_shim.so: an allocator with one lock of the pthread library around all
 * it does, telling its figures (mallctl) included, as jemalloc has several.
 * Never gives memory back. SHIM_US is how long telling takes.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define ROOM ((size_t)4 << 30)

void *memalign(size_t alignment, size_t bytes);
int mallctl(const char *name, void *old, size_t *old_bytes, void *new, size_t n);

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static char *memory;
static size_t used;

/* Sizes stand before the blocks. */
static void *take(size_t alignment, size_t bytes)
{
	size_t start;

	if (!memory)
		memory = mmap(NULL, ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE |
			      MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	start = (used + 16 + alignment - 1) & ~(alignment - 1);
	if (bytes > ROOM || start + bytes > ROOM)
		return NULL;
	used = start + bytes;
	((size_t *)(void *)(memory + start))[-1] = bytes;
	return memory + start;
}

void *memalign(size_t alignment, size_t bytes)
{
	void *block;

	pthread_mutex_lock(&mutex);
	block = take(alignment < 16 ? 16 : alignment, bytes);
	pthread_mutex_unlock(&mutex);
	return block;
}

void *malloc(size_t bytes)
{
	return memalign(16, bytes);
}

void *calloc(size_t count, size_t each)
{
	return malloc(count * each);
}

size_t malloc_usable_size(void *block)
{
	return block ? ((size_t *)block)[-1] : 0;
}

void *realloc(void *block, size_t bytes)
{
	void *moved = malloc(bytes);
	size_t old = malloc_usable_size(block);

	return block ? memcpy(moved, block, old < bytes ? old : bytes) : moved;
}

void free(void *block)
{
	(void)block;
	pthread_mutex_lock(&mutex);
	pthread_mutex_unlock(&mutex);
}

int mallctl(const char *name, void *old, size_t *old_bytes, void *new, size_t n)
{
	const char *slow = getenv("SHIM_US");

	(void)new, (void)n;
	pthread_mutex_lock(&mutex);
	if (slow && strcmp(name, "epoch") == 0)
		usleep((unsigned)atoi(slow));
	if (old && *old_bytes == sizeof(used))
		memcpy(old, &used, sizeof(used));
	pthread_mutex_unlock(&mutex);
	return old ? 0 : EINVAL;
}
