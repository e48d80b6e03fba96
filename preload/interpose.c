/* SPDX-License-Identifier: MIT */
/*
 * The exported malloc family. A call does what the provider does, with its
 * result and its errno; the counting is beside it. To interpose one more
 * function: define it here and add its name to exports.map.
 */
#include <errno.h>
#include <malloc.h>
#include <stddef.h>
#include <stdlib.h>

#include "preload/cc.h"
#include "preload/extras.h"
#include "preload/next.h"
#include "preload/tally.h"

/* Not in the headers of every C library. */
void cfree(void *block);
void free_sized(void *block, size_t bytes);
void free_aligned_sized(void *block, size_t alignment, size_t bytes);

EXPORT HOT void *malloc(size_t bytes)
{
	return tally_alloc(next.malloc(bytes));
}

EXPORT HOT void *calloc(size_t count, size_t each)
{
	return tally_alloc(next.calloc(count, each));
}

static inline void count_and_free(void *block)
{
	struct tally *t = tally_self;
	struct slot *slot = __atomic_load_n(&t->slot, __ATOMIC_RELAXED);
	size_t bytes;

	if (UNLIKELY(!block || !slot || tally_fold_is_due(t, slot)) ||
	    !tally_chunk_is_plain(block)) {
		tally_free_slow(block);
		return;
	}
	bytes = tally_plain_bytes(block);
	if (UNLIKELY(bytes > t->large_bytes)) {
		tally_free_slow(block);
		return;
	}
	/* Counted before it is gone: whoever gets the block next must not
	 * be seen to have one that was never given back. */
	tally_add(&slot->free_by_size[tally_plain_bucket(bytes)], 1);
	tally_add(&slot->free_bytes, bytes);
	next.free(block);
}

EXPORT HOT void free(void *block)
{
	count_and_free(block);
}

EXPORT void *realloc(void *block, size_t bytes)
{
	if (!block)
		return tally_alloc(next.realloc(NULL, bytes));
	return tally_realloc(block, bytes);
}

/* Never forwarded: glibc's own calls realloc, which would count twice. */
EXPORT void *reallocarray(void *block, size_t count, size_t each)
{
	size_t bytes;

	if (__builtin_mul_overflow(count, each, &bytes)) {
		errno = ENOMEM;
		return tally_alloc(NULL);
	}
	return realloc(block, bytes);
}

EXPORT void *memalign(size_t alignment, size_t bytes)
{
	return tally_alloc(next.memalign(alignment, bytes));
}

EXPORT void *aligned_alloc(size_t alignment, size_t bytes)
{
	return tally_alloc(next.aligned_alloc(alignment, bytes));
}

EXPORT int posix_memalign(void **ret, size_t alignment, size_t bytes)
{
	int error = next.posix_memalign(ret, alignment, bytes);

	tally_alloc(error ? NULL : *ret);
	return error;
}

EXPORT void *valloc(size_t bytes)
{
	return tally_alloc(next.valloc(bytes));
}

EXPORT void *pvalloc(size_t bytes)
{
	return tally_alloc(next.pvalloc(bytes));
}

/* glibc's alone; with another provider it is still glibc's, and harmless. */
EXPORT int malloc_trim(size_t pad)
{
	next_resolve();
	extras_count_trim();
	return next.malloc_trim ? next.malloc_trim(pad) : 0;
}

EXPORT void cfree(void *block)
{
	count_and_free(block);
}

/* C23; the sizes only let an allocator check, which not every one can. */
EXPORT void free_sized(void *block, size_t bytes)
{
	(void)bytes;
	count_and_free(block);
}

EXPORT void free_aligned_sized(void *block, size_t alignment, size_t bytes)
{
	(void)alignment;
	(void)bytes;
	count_and_free(block);
}
