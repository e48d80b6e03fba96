/* SPDX-License-Identifier: MIT */
#include "preload/tally.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "preload/next.h"
#include "preload/peak.h"
#include "preload/process.h"
#include "preload/thread.h"

/*
 * Where a thread without a block of its own points: before it is known, when
 * there was no slot for it, and after its end, when libc still frees.
 */
static struct tally unborn, shared, ended;

__thread struct tally *tally_self
	__attribute__((tls_model("initial-exec"), visibility("hidden"))) = &unborn;

/* A handler may interrupt the claiming of a slot and allocate. */
THREAD_LOCAL volatile bool joining;

/* Rounds of key destructors this thread has been through. */
THREAD_LOCAL unsigned char end_rounds;

static pthread_key_t end_key;

/* ---- counting, by thread with a slot and without ---- */

static size_t usable_bytes(const struct process *p, void *block)
{
	if (p->inline_bytes)
		return tally_chunk_bytes(block);
	return next.malloc_usable_size ? next.malloc_usable_size(block) : 0;
}

static void add_shared(uint64_t *word, uint64_t n)
{
	/* Release: pairs with the reader's acquire, frees before allocs. */
	__atomic_fetch_add(word, n, __ATOMIC_RELEASE);
}

/* Adds to one counter, given by its offset, of whatever slot is ours. */
static void count(struct process *p, struct tally *t, size_t counter, uint64_t n)
{
	char *slot = (char *)(t->own ? t->own : process_overflow_slot(p));

	if (t->own)
		tally_add((uint64_t *)(slot + counter), n);
	else
		add_shared((uint64_t *)(slot + counter), n);
}

#define COUNT(field, n) count(p, t, offsetof(struct slot, field), (n))

#define COUNT_SIZE(histogram, bytes)                                        \
	count(p, t, offsetof(struct slot, histogram) +                      \
		    tally_bucket(bytes) * sizeof(uint64_t), 1)

/* `change` came into being (negative: went). Folds when it is time. */
static void spend(struct process *p, struct tally *t, int64_t change)
{
	if (!t->own) {
		peak_fold_shared(p, change);
		return;
	}
	if (change > 0)
		t->budget_bytes -= change;
	if (t->budget_bytes < 0 || (change < 0 && (uint64_t)-change > t->large_bytes))
		peak_fold(p, t);
}

/* Before live bytes may fall: was this the highest they have been? */
static void look_for_peak(struct process *p, struct tally *t)
{
	if (t->own && tally_fold_is_due(t, t->own))
		peak_fold(p, t);
}

static void count_alloc(struct process *p, struct tally *t, void *block)
{
	size_t bytes = usable_bytes(p, block);

	COUNT_SIZE(alloc_by_size, bytes);
	COUNT(alloc_bytes, bytes);
	spend(p, t, (int64_t)bytes);
}

static void count_free(struct process *p, struct tally *t, size_t bytes)
{
	look_for_peak(p, t);
	COUNT_SIZE(free_by_size, bytes);
	COUNT(free_bytes, bytes);
	spend(p, t, -(int64_t)bytes);
}

/* The new block before the old: live must never seem to be negative. */
static void count_realloc(struct process *p, struct tally *t, size_t old_bytes,
			  size_t new_bytes)
{
	look_for_peak(p, t);
	COUNT_SIZE(alloc_by_size, new_bytes);
	COUNT(alloc_bytes, new_bytes);
	COUNT_SIZE(free_by_size, old_bytes);
	COUNT(free_bytes, old_bytes);
	COUNT(realloc_calls, 1);
	spend(p, t, (int64_t)(new_bytes - old_bytes));
}

/* ---- a thread's beginning ---- */

static uint64_t monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* The name tag, under a sequence count that is odd meanwhile. */
static void describe(struct slot *slot, int tid, bool owned)
{
	__atomic_store_n(&slot->sequence, slot->sequence + 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	slot->tid = tid;
	slot->owned = owned;
	slot->started_monotonic_ns = owned ? monotonic_ns() : 0;
	__atomic_store_n(&slot->sequence, slot->sequence + 1, __ATOMIC_RELEASE);
}

static void raise_threads_peak(struct segment_header *h, uint64_t now)
{
	uint64_t seen = __atomic_load_n(&h->threads_peak, __ATOMIC_RELAXED);

	while (seen < now &&
	       !__atomic_compare_exchange_n(&h->threads_peak, &seen, now, true,
					    __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
}

static void own_slot(struct process *p, struct tally *t)
{
	/* Where sizes take a call, the hot path is not for us. */
	t->slot = p->inline_bytes ? t->own : NULL;
	tally_self = t;
}

void thread_adopt_first(struct process *p, struct tally *t)
{
	p->first = t;
	peak_start_first(p, t);
	describe(t->own, p->pid, true);
	own_slot(p, t);
	end_rounds = 0;
	pthread_setspecific(end_key, t);
}

/* tid 0: it cannot be asked for, as a sandbox may forbid the call by now. */
static struct tally *join(struct process *p, int tid)
{
	struct segment_header *h = p->segment.header;
	struct tally *t;
	int saved = errno;

	joining = true;
	peak_go_threaded(p, NULL);
	raise_threads_peak(h, __atomic_add_fetch(&h->threads_now, 1,
						 __ATOMIC_RELAXED));
	t = process_claim(p);
	if (t) {
		describe(t->own, tid, true);
		peak_start(p, t);
		own_slot(p, t);
	} else {
		__atomic_fetch_add(&h->overflow_threads, 1, __ATOMIC_RELAXED);
		t = tally_self = &shared;
	}
	COUNT(threads_started, 1);
	pthread_setspecific(end_key, t);
	joining = false;
	errno = saved;
	return t;
}

/* The block to count with. Its `own` is NULL for a thread without a slot. */
static struct tally *attach(struct process *p)
{
	struct tally *t = tally_self;

	if (t->own || t == &shared || t == &ended)
		return t;
	return joining ? &shared : join(p, 0);
}

void tally_thread_begin(void)
{
	struct process *p = process_get();

	if (p && !tally_self->own && tally_self != &shared)
		join(p, process_is_sandboxed() ? 0 : (int)syscall(SYS_gettid));
}

void tally_threads_begin(void)
{
	struct process *p = process_get();

	if (p)
		peak_go_threaded(p, attach(p));
}

/* ---- a thread's end ---- */

static void leave(struct process *p, struct tally *t)
{
	struct segment_header *h = p->segment.header;

	COUNT(threads_exited, 1);
	__atomic_fetch_sub(&h->threads_now, 1, __ATOMIC_RELAXED);
	if (t->own)
		peak_finish(p, t);
	/* From here on a handler counts with the others. */
	tally_self = &ended;
	if (t->own) {
		describe(t->own, 0, false);
		process_release(p, t);
	}
}

/*
 * Key destructors run in rounds while any key has a value. Other keys'
 * destructors and libc itself still free; setting the value again puts us
 * into the last round there is.
 */
static void on_thread_end(void *value)
{
	struct process *p = process_if_on();
	struct tally *t = tally_self;

	if (!p || value != t)
		return;
	if (++end_rounds < PTHREAD_DESTRUCTOR_ITERATIONS)
		pthread_setspecific(end_key, value);
	else
		leave(p, t);
}

bool thread_watch_ends(void)
{
	return pthread_key_create(&end_key, on_thread_end) == 0;
}

/* ---- the slow way ---- */

COLD void *tally_alloc_slow(void *block)
{
	struct process *p;
	struct tally *t;

	if (next_is_resolving() || next_in_arena(block))
		return block;
	p = process_get();
	if (!p)
		return block;
	t = attach(p);
	if (block)
		count_alloc(p, t, block);
	else
		COUNT(alloc_failures, 1);
	return block;
}

COLD void *tally_alloc_fold(void *block)
{
	struct process *p = process_if_on();

	if (p)
		peak_fold(p, tally_self);
	return block;
}

static void drop_arena_block(void)
{
	struct process *p = process_if_on();
	struct tally *t = tally_self;

	if (!p || next_is_resolving())
		return;
	COUNT(foreign_frees, 1);
}

COLD void tally_free_slow(void *block)
{
	struct process *p;

	if (!block)
		return;
	if (next_in_arena(block)) {
		drop_arena_block();
		return;
	}
	p = next_is_resolving() ? NULL : process_get();
	if (p)
		count_free(p, attach(p), usable_bytes(p, block));
	next.free(block);
}

/* The program goes on with a block of the provider. */
static void *move_out_of_arena(void *block, size_t bytes)
{
	size_t old_bytes = next_arena_usable(block);
	void *moved = tally_alloc(next.malloc(bytes));

	if (moved) {
		memcpy(moved, block, old_bytes < bytes ? old_bytes : bytes);
		drop_arena_block();
	}
	return moved;
}

void *tally_realloc(void *block, size_t bytes)
{
	struct process *p;
	struct tally *t;
	size_t old_bytes;
	void *moved;

	if (UNLIKELY(next_in_arena(block)))
		return move_out_of_arena(block, bytes);
	p = next_is_resolving() ? NULL : process_get();
	if (!p)
		return next.realloc(block, bytes);
	t = attach(p);
	old_bytes = usable_bytes(p, block);
	moved = next.realloc(block, bytes);
	if (moved)
		count_realloc(p, t, old_bytes, usable_bytes(p, moved));
	else if (bytes == 0) /* it freed the block: not so in every provider */
		count_free(p, t, old_bytes);
	else
		COUNT(alloc_failures, 1);
	return moved;
}
