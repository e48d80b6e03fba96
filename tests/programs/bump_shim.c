/* SPDX-License-Identifier: MIT */
/*
 * An allocator that may be used in signal handlers: hands out memory from
 * one mapping by an atomic add and reuses nothing. For signal_storm only.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#define ARENA_BYTES ((size_t)64 << 30)

static char *arena;
static size_t used;

static void *take(size_t alignment, size_t bytes)
{
	size_t whole, at;
	char *base = __atomic_load_n(&arena, __ATOMIC_ACQUIRE);

	if (!base) {
		char *none = NULL;

		base = mmap(NULL, ARENA_BYTES, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
			    0);
		if (base == MAP_FAILED)
			return NULL;
		if (!__atomic_compare_exchange_n(&arena, &none, base, 0,
						 __ATOMIC_ACQ_REL,
						 __ATOMIC_ACQUIRE))
			base = none;
	}
	if (alignment < 16)
		alignment = 16;
	if (bytes > ARENA_BYTES / 2) {
		errno = ENOMEM;
		return NULL;
	}
	bytes = (bytes + 15) & ~(size_t)15;
	whole = bytes + alignment + 16;
	at = __atomic_fetch_add(&used, whole, __ATOMIC_RELAXED);
	if (at + whole > ARENA_BYTES) {
		errno = ENOMEM;
		return NULL;
	}
	at = (size_t)(((uintptr_t)base + at + 16 + alignment - 1) &
		      ~(uintptr_t)(alignment - 1));
	*(size_t *)(at - 8) = bytes;
	return (void *)at;
}

size_t malloc_usable_size(void *p)
{
	return p ? *(size_t *)((char *)p - 8) : 0;
}

void *malloc(size_t bytes)
{
	return take(16, bytes);
}

void *calloc(size_t count, size_t bytes)
{
	size_t all;

	if (__builtin_mul_overflow(count, bytes, &all)) {
		errno = ENOMEM;
		return NULL;
	}
	return take(16, all); /* fresh from the kernel: zero */
}

void free(void *p)
{
	(void)p;
}

void *realloc(void *p, size_t bytes)
{
	void *q = take(16, bytes);

	if (p && q)
		memcpy(q, p, malloc_usable_size(p) < bytes ?
			     malloc_usable_size(p) : bytes);
	return q;
}

void *memalign(size_t alignment, size_t bytes)
{
	return take(alignment, bytes);
}

void *aligned_alloc(size_t alignment, size_t bytes)
{
	return take(alignment, bytes);
}

int posix_memalign(void **ret, size_t alignment, size_t bytes)
{
	void *p;

	if (alignment < 8 || (alignment & (alignment - 1)))
		return EINVAL;
	p = take(alignment, bytes);
	if (!p)
		return ENOMEM;
	*ret = p;
	return 0;
}
