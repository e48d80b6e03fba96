/* SPDX-License-Identifier: MIT */
#ifndef PRELOAD_TALLY_H
#define PRELOAD_TALLY_H
/*
 * Counting on the calling thread: the inline hot path and its way out.
 *
 * A thread finds its struct tally by one thread-local pointer. The block lies
 * in memory that the kernel wipes in a forked child, so that a child reads a
 * null slot and leaves the hot path, whatever kind of fork made it. A block
 * without a slot (thread not yet known, thread ended, no slots left, tally
 * off, provider without an inline size) takes the slow path, too.
 *
 * All of it is signal-safe: a handler that interrupts one of these functions
 * and allocates finds every counter whole, as an addition to memory is one
 * instruction on x86-64.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "preload/cc.h"
#include "shm/layout.h"

/*
 * One thread's private half. 128 bytes apart, as neighbours are written by
 * other threads with every call, and the processor fetches lines in pairs.
 */
struct tally {
	struct slot *slot;     /* counters; NULL sends every call the slow way */
	uint64_t floor;        /* fold when allocated - freed - floor < 0 */
	int64_t budget_bytes;  /* may still be allocated before the next fold */
	uint64_t large_bytes;  /* a free of more folds at once */
	struct slot *own;      /* the slot claimed, also where `slot` is NULL */
	uint64_t folded_bytes; /* A - F at the last fold */
	int64_t batch_bytes;   /* share of the peak's slack; 0 = none taken */
	uint32_t index;        /* of the slot among the exclusive ones */
	uint64_t folded_small; /* small objects, net, at the last fold of those */
} __attribute__((aligned(128)));

/* This thread's block; never NULL. Defined in tally.c. */
extern __thread struct tally *tally_self
	__attribute__((tls_model("initial-exec"), visibility("hidden")));

/*
 * A handler may fork in the midst of counting, and its child return there:
 * it finds this pointer wiped, the slot itself replaced by empty memory. So
 * whoever counts loads it once.
 */
static inline struct slot *tally_own(const struct tally *t)
{
	return __atomic_load_n(&t->own, __ATOMIC_RELAXED);
}

/* ---- single-writer addition ---- */

/* Adds to a word that only this thread (and its signal handlers) writes. */
static inline void tally_add(uint64_t *word, uint64_t n)
{
#if defined(__x86_64__)
	/* As C, a volatile or atomic load, add and store would be three
	 * instructions, and lose the count of a handler in between. */
	__asm__ volatile("addq %1, %0" : "+m"(*word) : "er"(n) : "cc");
#else
	/* A handler between load and store can lose a count here. Release:
	 * pairs with the reader's acquire, which sees frees before allocs. */
	__atomic_store_n(word, __atomic_load_n(word, __ATOMIC_RELAXED) + n,
			 __ATOMIC_RELEASE);
#endif
}

/* Usable bytes of this slot's thread: allocated minus freed, modulo 2^64. */
static inline uint64_t tally_net(const struct slot *slot)
{
	return slot->alloc_bytes - slot->free_bytes;
}

/* Objects of this slot's thread: allocated minus freed, modulo 2^64. */
static inline uint64_t tally_net_objects(const struct slot *slot)
{
	uint64_t net = 0;

	for (unsigned i = 0; i < SIZE_BUCKETS; i++)
		net += slot->alloc_by_size[i] - slot->free_by_size[i];
	return net;
}

/*
 * Looked at before each free: with one thread, because a peak can only end
 * there; with more, because the net change has sunk by a batch.
 */
static inline bool tally_fold_is_due(const struct tally *t, const struct slot *slot)
{
	return (int64_t)(tally_net(slot) - t->floor) < 0;
}

/*
 * glibc's usable size, from the chunk header before the block: the size with
 * three flag bits; a chunk of its own mapping (bit 1) has two header words,
 * any other one. Used only where provider_examine() found it to hold.
 */
static inline size_t tally_chunk_bytes(const void *block)
{
	size_t word = ((const size_t *)block)[-1];

	return (word & ~(size_t)7) - 8 - ((word & 2) << 2);
}

/*
 * The hot path leaves out chunks of their own mapping. They are rare, and
 * their system call costs more than anything here; blocks of the bootstrap
 * arena pretend to be such, so that one test finds both.
 */
#define TALLY_CHUNK_MAPPED 2

static inline bool tally_chunk_is_plain(const void *block)
{
	return LIKELY(!(((const size_t *)block)[-1] & TALLY_CHUNK_MAPPED));
}

/* Never 0, of which there is no logarithm, whatever a damaged header says:
 * sizes are multiples of 16. */
static inline size_t tally_plain_bytes(const void *block)
{
	return (((const size_t *)block)[-1] & ~(size_t)15) - 8;
}

/*
 * The same for small ones: glibc keeps no larger free block unjoined with its
 * neighbours than of 160 bytes (M_MXFAST).
 */
#define TALLY_SMALL_BUCKETS 6

static inline uint64_t tally_net_small(const struct slot *slot)
{
	uint64_t net = 0;

	for (unsigned i = 0; i < TALLY_SMALL_BUCKETS; i++)
		net += slot->alloc_by_size[i] - slot->free_by_size[i];
	return net;
}

/* Index of the highest bit set; n > 0. */
static inline size_t tally_log2(size_t n)
{
#if defined(__x86_64__)
	size_t bit;

	/* The built-in is an int, whose widening is one instruction more. */
	__asm__("bsrq %1, %0" : "=r"(bit) : "r"(n) : "cc");
	return bit;
#else
	return 63 - (size_t)__builtin_clzll(n);
#endif
}

/*
 * The bucket of a usable size of glibc's, which is never a power of two (8
 * more than a multiple of 16), so that its logarithm may be rounded down.
 */
static inline size_t tally_plain_bucket(size_t bytes)
{
	return tally_log2(bytes) - (SIZE_FIRST_LOG2 - 1);
}

/* The bucket of any size. */
static inline size_t tally_bucket(size_t bytes)
{
	size_t bucket;

	if (bytes <= 1u << SIZE_FIRST_LOG2)
		return 0;
	bucket = tally_log2(bytes - 1) - (SIZE_FIRST_LOG2 - 1);
	return bucket < SIZE_BUCKETS ? bucket : SIZE_BUCKETS - 1;
}

/* ---- the slow way; tally.c ---- */

/* Counts `block`, just allocated; returns it. NULL is a failed request. */
void *tally_alloc_slow(void *block);
/* Folds after an allocation that used up the budget; returns block. */
void *tally_alloc_fold(void *block);
/* Counts and frees; for every case that the hot path of free() leaves. */
void tally_free_slow(void *block);
/* realloc() as a whole: it is not as hot as the others. */
void *tally_realloc(void *block, size_t bytes);

/* ---- extras; tally.c ---- */

/* An allocation asked for that many bytes. */
void tally_requested(size_t bytes);

/* The calling thread waited so long for a lock that was taken. */
void tally_lock_wait(uint64_t ns);

/* ---- threads; tally.c ---- */

/* The stack that a thread is made with. */
struct stack_request {
	uintptr_t low;  /* the program's own memory begins there; 0: libc's */
	size_t bytes;   /* asked for; 0 = not known */
};

/*
 * Registers the calling thread, which has just begun on that stack, counts it
 * as started. Does nothing where the tally is off.
 */
void tally_thread_begin(struct stack_request stack);

/* Tells that a second thread is about to exist. By any thread, often. */
void tally_threads_begin(void);

/* ---- the hot path of allocation ---- */

static inline void *tally_alloc(void *block)
{
	struct tally *t = tally_self;
	struct slot *slot = __atomic_load_n(&t->slot, __ATOMIC_RELAXED);
	size_t bytes;

	if (UNLIKELY(!block || !slot))
		return tally_alloc_slow(block);
	if (!tally_chunk_is_plain(block))
		return tally_alloc_slow(block);
	bytes = tally_plain_bytes(block);
	tally_add(&slot->alloc_by_size[tally_plain_bucket(bytes)], 1);
	tally_add(&slot->alloc_bytes, bytes);
	t->budget_bytes -= (int64_t)bytes;
	if (UNLIKELY(t->budget_bytes < 0))
		return tally_alloc_fold(block);
	return block;
}

#endif /* PRELOAD_TALLY_H */
