/* SPDX-License-Identifier: MIT */
#include "preload/tally.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "preload/clock.h"
#include "preload/env.h"
#include "preload/extras.h"
#include "preload/next.h"
#include "preload/peak.h"
#include "preload/process.h"
#include "preload/thread.h"

/* The smallest there is: an end is found to within one. */
#define STACK_PAGE_BYTES 4096u

/* glibc makes every stack a multiple of it. */
#define STACK_ALIGNMENT 64u

#define UNKNOWN_STACK ((struct stack_request){ 0, 0 })

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

/* Constant once the process has started. */
static bool inline_bytes;

static size_t usable_bytes(void *block)
{
	if (inline_bytes)
		return tally_chunk_bytes(block);
	return next.malloc_usable_size ? next.malloc_usable_size(block) : 0;
}

/* ---- counting by a thread with a slot of its own ---- */

static COLD void fold(struct tally *t)
{
	struct process *p = process_if_on();

	if (p) {
		peak_fold(p, t);
		extras_poll(p);
	}
}

static inline void own_alloc(struct tally *t, struct slot *own, size_t bytes)
{
	tally_add(&own->alloc_by_size[tally_bucket(bytes)], 1);
	tally_add(&own->alloc_bytes, bytes);
	t->budget_bytes -= (int64_t)bytes;
	if (UNLIKELY(t->budget_bytes < 0))
		fold(t);
}

static inline void own_free(struct tally *t, struct slot *own, size_t bytes)
{
	if (UNLIKELY(tally_fold_is_due(t, own)))
		fold(t);
	tally_add(&own->free_by_size[tally_bucket(bytes)], 1);
	tally_add(&own->free_bytes, bytes);
	if (UNLIKELY(bytes > t->large_bytes))
		fold(t);
}

/*
 * The new block before the old: live must never seem to be negative. For the
 * peak only the net change counts.
 */
static inline void own_realloc(struct tally *t, struct slot *own,
			       size_t old_bytes, size_t new_bytes)
{
	if (UNLIKELY(tally_fold_is_due(t, own)))
		fold(t);
	tally_add(&own->alloc_by_size[tally_bucket(new_bytes)], 1);
	tally_add(&own->alloc_bytes, new_bytes);
	tally_add(&own->free_by_size[tally_bucket(old_bytes)], 1);
	tally_add(&own->free_bytes, old_bytes);
	tally_add(&own->realloc_calls, 1);
	if (new_bytes > old_bytes)
		t->budget_bytes -= (int64_t)(new_bytes - old_bytes);
	if (UNLIKELY(t->budget_bytes < 0 || (old_bytes > new_bytes &&
					     old_bytes - new_bytes > t->large_bytes)))
		fold(t);
}

/* ---- counting by a thread without one ---- */

static void add_shared(uint64_t *word, uint64_t n)
{
	/* Release: pairs with the reader's acquire, frees before allocs. */
	__atomic_fetch_add(word, n, __ATOMIC_RELEASE);
}

static void shared_alloc(struct process *p, size_t bytes)
{
	struct slot *slot = process_overflow_slot();

	add_shared(&slot->alloc_by_size[tally_bucket(bytes)], 1);
	add_shared(&slot->alloc_bytes, bytes);
	peak_fold_shared(p, (int64_t)bytes);
}

static void shared_free(struct process *p, size_t bytes)
{
	struct slot *slot = process_overflow_slot();

	add_shared(&slot->free_by_size[tally_bucket(bytes)], 1);
	add_shared(&slot->free_bytes, bytes);
	peak_fold_shared(p, -(int64_t)bytes);
}

static void shared_realloc(struct process *p, size_t old_bytes, size_t new_bytes)
{
	struct slot *slot = process_overflow_slot();

	add_shared(&slot->alloc_by_size[tally_bucket(new_bytes)], 1);
	add_shared(&slot->alloc_bytes, new_bytes);
	add_shared(&slot->free_by_size[tally_bucket(old_bytes)], 1);
	add_shared(&slot->free_bytes, old_bytes);
	add_shared(&slot->realloc_calls, 1);
	peak_fold_shared(p, (int64_t)(new_bytes - old_bytes));
}

/* ---- either, for what is rare ---- */

/* Adds to one counter, given by its offset, of whatever slot is ours. */
static void count(struct tally *t, size_t counter, uint64_t n)
{
	char *own = (char *)tally_own(t);

	if (own)
		tally_add((uint64_t *)(own + counter), n);
	else
		add_shared((uint64_t *)((char *)process_overflow_slot() + counter), n);
}

#define COUNT(field) count(t, offsetof(struct slot, field), 1)

void tally_requested(size_t bytes)
{
	/* Its tally begins here in a forked child: before its first block is
	 * counted. */
	struct process *p = process_get();

	if (p)
		count(tally_self, offsetof(struct slot, requested_bytes), bytes);
}

void tally_lock_wait(uint64_t ns)
{
	if (!process_if_on())
		return;
	count(tally_self, offsetof(struct slot, lock_waits), 1);
	count(tally_self, offsetof(struct slot, lock_wait_ns), ns);
}

/* ---- a thread's beginning ---- */

/* The name tag is written between these two: its sequence count is odd. */
static void open_tag(struct slot *slot)
{
	__atomic_store_n(&slot->sequence, slot->sequence + 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
}

static void close_tag(struct slot *slot)
{
	__atomic_store_n(&slot->sequence, slot->sequence + 1, __ATOMIC_RELEASE);
}

/* What earlier threads left: the next one's own figures come on top. */
static void note_base(struct slot *slot)
{
	uint64_t allocs = 0, frees = 0;

	for (unsigned i = 0; i < SIZE_BUCKETS; i++) {
		allocs += slot->alloc_by_size[i];
		frees += slot->free_by_size[i];
	}
	slot->base_alloc_objects = allocs;
	slot->base_free_objects = frees;
	slot->base_alloc_bytes = slot->alloc_bytes;
	slot->base_free_bytes = slot->free_bytes;
}

/*
 * The C library puts a thread's descriptor and static storage at the top of
 * the stack that it maps: the end is the next address behind them that lies
 * in its page as a mapping of that size does. With less than a page of both,
 * as on x86-64, that is exact; on others it may be short of some pages.
 */
static uintptr_t stack_end(size_t bytes)
{
	uintptr_t self = (uintptr_t)pthread_self();
	uintptr_t storage = (uintptr_t)&tally_self;
	uintptr_t last = self > storage ? self : storage;

	return last + ((bytes - last) & (STACK_PAGE_BYTES - 1));
}

static void note_stack(struct slot *slot, struct stack_request stack)
{
	/* Not for everybody's eyes: addresses help an attacker. */
	if (env.mode != 0600)
		return;
	slot->stack_address = (uintptr_t)__builtin_frame_address(0);
	slot->stack_given = stack.low != 0;
	slot->stack_low = slot->stack_high = 0;
	if (stack.low) {
		slot->stack_low = stack.low;
		slot->stack_high = stack.low + stack.bytes;
	} else if (stack.bytes) {
		stack.bytes &= ~(size_t)(STACK_ALIGNMENT - 1);
		slot->stack_high = stack_end(stack.bytes);
		slot->stack_low = slot->stack_high - stack.bytes;
	}
}

static void tag(struct slot *slot, int tid, struct stack_request stack)
{
	open_tag(slot);
	slot->tid = tid;
	slot->owned = true;
	slot->started_monotonic_ns = clock_monotonic_ns();
	note_base(slot);
	note_stack(slot, stack);
	close_tag(slot);
}

/* The bounds of its stack stay: libc keeps it for the next thread. */
static void untag(struct slot *slot)
{
	open_tag(slot);
	slot->tid = 0;
	slot->owned = false;
	slot->started_monotonic_ns = 0;
	slot->stack_address = 0;
	close_tag(slot);
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
	t->slot = p->inline_bytes ? tally_own(t) : NULL;
	tally_self = t;
}

void thread_adopt_first(struct process *p, struct tally *t)
{
	inline_bytes = p->inline_bytes;
	kept.first = t;
	peak_start_first(p, t);
	tag(t->own, p->pid, UNKNOWN_STACK);
	own_slot(p, t);
	end_rounds = 0;
	pthread_setspecific(end_key, t);
}

/* tid 0: it cannot be asked for, as a sandbox may forbid the call by now. */
static struct tally *join(struct process *p, int tid, struct stack_request stack)
{
	struct segment_header *h = kept.segment.header;
	struct slot *own;
	struct tally *t;
	int saved = errno;

	joining = true;
	peak_go_threaded(p, NULL);
	raise_threads_peak(h, __atomic_add_fetch(&h->threads_now, 1,
						 __ATOMIC_RELAXED));
	t = process_claim(p);
	own = t ? tally_own(t) : NULL;
	if (own) {
		tag(own, tid, stack);
		peak_start(p, t);
		own_slot(p, t);
	} else {
		__atomic_fetch_add(&h->overflow_threads, 1, __ATOMIC_RELAXED);
		t = tally_self = &shared;
	}
	COUNT(threads_started);
	pthread_setspecific(end_key, t);
	extras_poll(p);
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
	return joining ? &shared : join(p, 0, UNKNOWN_STACK);
}

void tally_thread_begin(struct stack_request stack)
{
	struct process *p = process_get();

	if (p && !tally_self->own && tally_self != &shared)
		join(p, process_is_sandboxed() ? 0 : (int)syscall(SYS_gettid),
		     stack);
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
	struct segment_header *h = kept.segment.header;
	struct slot *own = tally_own(t);

	COUNT(threads_exited);
	__atomic_fetch_sub(&h->threads_now, 1, __ATOMIC_RELAXED);
	/* From here on a handler, and what libc frees yet, counts with the
	 * others; so what is folded now is all that this slot will hold. */
	tally_self = &ended;
	if (own) {
		peak_go_threaded(p, t);
		peak_finish(p, t);
		untag(own);
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

static COLD void *alloc_slowest(void *block)
{
	struct process *p;
	struct tally *t;
	struct slot *own;

	if (next_is_resolving() || next_in_arena(block))
		return block;
	p = process_get();
	if (!p)
		return block;
	t = attach(p);
	own = tally_own(t);
	if (!block)
		COUNT(alloc_failures);
	else if (own)
		own_alloc(t, own, usable_bytes(block));
	else
		shared_alloc(p, usable_bytes(block));
	return block;
}

void *tally_alloc_slow(void *block)
{
	struct tally *t = tally_self;
	struct slot *own = tally_own(t);

	if (UNLIKELY(!block || !own))
		return alloc_slowest(block);
	own_alloc(t, own, usable_bytes(block));
	return block;
}

COLD void *tally_alloc_fold(void *block)
{
	fold(tally_self);
	return block;
}

static void drop_arena_block(void)
{
	struct process *p = process_if_on();
	struct tally *t = tally_self;

	if (p && !next_is_resolving())
		COUNT(foreign_frees);
}

static COLD void free_slowest(void *block)
{
	struct process *p;
	struct tally *t;
	struct slot *own;

	p = next_is_resolving() ? NULL : process_get();
	if (p) {
		t = attach(p);
		own = tally_own(t);
		if (own)
			own_free(t, own, usable_bytes(block));
		else
			shared_free(p, usable_bytes(block));
	}
	next.free(block);
}

void tally_free_slow(void *block)
{
	struct tally *t = tally_self;
	struct slot *own = tally_own(t);

	if (UNLIKELY(!block))
		return;
	if (UNLIKELY(next_in_arena(block))) {
		drop_arena_block();
		return;
	}
	if (UNLIKELY(!own)) {
		free_slowest(block);
		return;
	}
	own_free(t, own, usable_bytes(block));
	next.free(block);
}

/* The program goes on with a block of the provider. */
static COLD void *move_out_of_arena(void *block, size_t bytes)
{
	size_t old_bytes = next_arena_usable(block);
	void *moved = tally_alloc(next.malloc(bytes));

	if (moved) {
		memcpy(moved, block, old_bytes < bytes ? old_bytes : bytes);
		drop_arena_block();
	}
	return moved;
}

/* What became of a block of old_bytes that realloc() was called for. */
static COLD void realloc_slowest(void *moved, size_t old_bytes, size_t bytes)
{
	struct process *p = process_get();
	struct tally *t;
	struct slot *own;

	if (!p)
		return;
	t = attach(p);
	own = tally_own(t);
	if (!moved && bytes > 0)
		COUNT(alloc_failures);
	else if (!moved && own) /* to zero: it freed, not in every provider */
		own_free(t, own, old_bytes);
	else if (!moved)
		shared_free(p, old_bytes);
	else if (own)
		own_realloc(t, own, old_bytes, usable_bytes(moved));
	else
		shared_realloc(p, old_bytes, usable_bytes(moved));
}

void *tally_realloc(void *block, size_t bytes)
{
	struct tally *t = tally_self;
	struct slot *own = tally_own(t);
	size_t old_bytes;
	void *moved;

	if (UNLIKELY(next_in_arena(block)))
		return move_out_of_arena(block, bytes);
	if (UNLIKELY(!own && (next_is_resolving() || !process_get())))
		return next.realloc(block, bytes);
	old_bytes = usable_bytes(block);
	moved = next.realloc(block, bytes);
	if (LIKELY(moved && own))
		own_realloc(t, own, old_bytes, usable_bytes(moved));
	else
		realloc_slowest(moved, old_bytes, bytes);
	return moved;
}
