/* SPDX-License-Identifier: MIT */
#include "preload/peak.h"

#include <stddef.h>

#include "preload/fork.h"

#define BATCH_MIN_BYTES (4 << 10)
#define BATCH_MAX_BYTES (1 << 20)
#define BUDGET_SINGLE_BYTES (64 << 10) /* how often a fold comes by at least */
#define SMALL_BATCH     1024 /* objects */
#define BATCH_SHARE     64 /* all batches together: 1/64 of the peak */

#define SIGN_BIT (1ULL << 63)

/* Values of struct process.threaded. */
enum { SINGLE = 0, SEEDING, THREADED };

static void raise_to(uint64_t *word, uint64_t value)
{
	uint64_t seen = __atomic_load_n(word, __ATOMIC_RELAXED);

	while (seen < value &&
	       !__atomic_compare_exchange_n(word, &seen, value, true,
					    __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
}

static bool is_threaded(const struct process *p)
{
	/* Acquire: pairs with the release in peak_go_threaded(). */
	return __atomic_load_n(&p->threaded, __ATOMIC_ACQUIRE) == THREADED;
}

/* Fold, from now on, before a free that finds net above mark_bytes ... */
static void fold_above(struct tally *t, uint64_t mark_bytes)
{
	t->floor = mark_bytes + 1 - SIGN_BIT;
	t->large_bytes = UINT64_MAX;
}

/* ... or below it, or after one that is larger than large_bytes. */
static void fold_below(struct tally *t, uint64_t mark_bytes, uint64_t large_bytes)
{
	t->floor = mark_bytes;
	t->large_bytes = large_bytes;
}

/* ... or before the very next free: net does not rise by 2^62 until then. */
static void fold_next(struct tally *t, uint64_t net)
{
	__atomic_store_n(&t->floor, net + (1ULL << 62), __ATOMIC_RELAXED);
}

/*
 * What folding needs of memory that is wiped in a child: loaded once, as a
 * handler may fork at any moment and its child return here.
 */
struct view {
	struct segment_header *header;
	const struct slot *own;
};

/*
 * Small objects of all threads, to within a batch of each, and the most there
 * ever were. A forked child has its parent's heap, and so goes on from here.
 */
static uint64_t small_objects, small_objects_peak;

static void add_small(struct tally *t, struct view v, int64_t least)
{
	uint64_t net = tally_net_small(v.own);
	int64_t change = (int64_t)(net - t->folded_small), sum;

	if (change < least && change > -least)
		return;
	t->folded_small = net;
	sum = (int64_t)__atomic_add_fetch(&small_objects, (uint64_t)change,
					  __ATOMIC_RELAXED);
	if (sum > 0)
		raise_to(&small_objects_peak, (uint64_t)sum);
}

uint64_t peak_small_lost(void)
{
	uint64_t most = __atomic_load_n(&small_objects_peak, __ATOMIC_RELAXED);
	uint64_t now = __atomic_load_n(&small_objects, __ATOMIC_RELAXED);

	return (int64_t)now <= 0 ? most : most > now ? most - now : 0;
}

static void fold_single(struct process *p, struct tally *t, struct view v)
{
	struct segment_header *h = v.header;
	uint64_t net = tally_net(v.own);
	uint64_t live = h->inherited_bytes + net;

	/* Signed: with an unknown baseline or foreign frees live is negative. */
	if ((int64_t)(live - h->peak_bytes) > 0) {
		raise_to(&h->peak_bytes, live);
		fold_above(t, net);
		/* Pairs with the fence in peak_go_threaded(): either it
		 * replaces our mark, or we see that it is at it. */
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		if (__atomic_load_n(&p->threaded, __ATOMIC_RELAXED) != SINGLE)
			fold_next(t, net);
	}
	t->budget_bytes = BUDGET_SINGLE_BYTES;
	fork_note_baseline(h->inherited_objects + tally_net_objects(v.own), live);
}

static void add_to_sum(struct segment_header *h, int64_t change)
{
	int64_t sum = __atomic_add_fetch(&h->batched_live_bytes, change,
					 __ATOMIC_RELAXED);

	if (sum > 0)
		raise_to(&h->peak_bytes, (uint64_t)sum);
}

static int64_t batch_for(const struct segment_header *h)
{
	uint64_t peak = __atomic_load_n(&h->peak_bytes, __ATOMIC_RELAXED);
	uint64_t threads = __atomic_load_n(&h->threads_now, __ATOMIC_RELAXED);
	uint64_t batch = peak / BATCH_SHARE / (threads ? threads : 1);

	if (batch < BATCH_MIN_BYTES)
		return BATCH_MIN_BYTES;
	return batch > BATCH_MAX_BYTES ? BATCH_MAX_BYTES : (int64_t)batch;
}

/* Changes this thread's share of the slack, and the most there ever was. */
static void set_batch(struct process *p, struct segment_header *h,
		      struct tally *t, int64_t batch)
{
	uint64_t sum;

	if (batch == t->batch_bytes)
		return;
	sum = __atomic_add_fetch(&p->batch_sum_bytes,
				 (uint64_t)(batch - t->batch_bytes),
				 __ATOMIC_RELAXED);
	t->batch_bytes = batch;
	raise_to(&h->peak_slack_bytes, sum);
}

/*
 * Back and forth of small change, however long, stays private: only a good
 * part of a batch is worth an atomic addition. Up to half a batch may be
 * pending when a thread goes on, and it comes back here before it is a whole
 * one: upwards by the budget, which counts allocations, downwards by the
 * floor, or at once with a large block.
 */
static void fold_threaded(struct process *p, struct tally *t, struct view v)
{
	uint64_t net = tally_net(v.own);
	int64_t change = (int64_t)(net - t->folded_bytes);
	int64_t batch = batch_for(v.header), half = batch / 2;

	if (change > half / 2 || change < -half) {
		t->folded_bytes = net;
		add_to_sum(v.header, change);
		change = 0;
	}
	set_batch(p, v.header, t, batch);
	fold_below(t, t->folded_bytes - (uint64_t)half, (uint64_t)half);
	t->budget_bytes = change > 0 ? half - change : half;
}

void peak_fold(struct process *p, struct tally *t)
{
	struct view v = {
		.header = __atomic_load_n(&kept.segment.header, __ATOMIC_RELAXED),
		.own = tally_own(t),
	};

	if (!v.header || !v.own)
		return;
	if (is_threaded(p))
		fold_threaded(p, t, v);
	else
		fold_single(p, t, v);
	add_small(t, v, SMALL_BATCH);
}

void peak_start_first(struct process *p, struct tally *t)
{
	struct segment_header *h = kept.segment.header;

	p->threaded = SINGLE;
	kept.first_slot = t->own;
	t->folded_small = tally_net_small(t->own);
	h->peak_bytes = h->inherited_bytes;
	p->batch_sum_bytes = t->batch_bytes = t->budget_bytes = BATCH_MAX_BYTES;
	fold_above(t, tally_net(t->own));
}

void peak_start(struct process *p, struct tally *t)
{
	const struct slot *own = tally_own(t);

	if (!own)
		return;
	t->folded_bytes = tally_net(own);
	t->folded_small = tally_net_small(own);
	t->batch_bytes = 0;
	peak_fold(p, t);
}

/*
 * Seeds the shared sum with what the first thread has so far. That thread
 * may be in the middle of an operation when it is not the caller; it is
 * enough that folded_bytes is exactly what went into the sum. Its next free,
 * or its budget, sends it to peak_fold(), where it learns of the change.
 */
void peak_go_threaded(struct process *p, struct tally *me)
{
	struct segment_header *h = kept.segment.header;
	struct tally *first = kept.first;
	uint32_t single = SINGLE;

	if (is_threaded(p) ||
	    !__atomic_compare_exchange_n(&p->threaded, &single, SEEDING, false,
					 __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		return;
	first->folded_bytes = tally_net(kept.first_slot);
	if (me == first) {
		set_batch(p, h, first, 0); /* it folds as soon as it may */
	} else {
		/* Pairs with the fence in fold_single(). */
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		fold_next(first, first->folded_bytes);
	}
	add_to_sum(h, (int64_t)(h->inherited_bytes + first->folded_bytes));
	/* Release: whoever sees it also sees folded_bytes. */
	__atomic_store_n(&p->threaded, THREADED, __ATOMIC_RELEASE);
	if (me == first)
		peak_fold(p, first);
}

void peak_finish(struct process *p, struct tally *t)
{
	const struct slot *own = tally_own(t);
	uint64_t net;

	if (own)
		add_small(t, (struct view){ .own = own }, 1);
	if (!own || !is_threaded(p))
		return;
	net = tally_net(own);
	add_to_sum(kept.segment.header, (int64_t)(net - t->folded_bytes));
	t->folded_bytes = net;
	set_batch(p, kept.segment.header, t, 0);
}

void peak_fold_shared(struct process *p, int64_t change_bytes)
{
	peak_go_threaded(p, NULL);
	add_to_sum(kept.segment.header, change_bytes);
}
