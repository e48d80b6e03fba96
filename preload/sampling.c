/* SPDX-License-Identifier: MIT */
#include "preload/sampling.h"

#include "preload/clock.h"
#include "preload/next.h"
#include "preload/process.h"
#include "preload/tally.h"

#define INTERVAL_MEAN 128 /* calls between two samples: a power of two */

/* Constant from the first switch on: what is behind us. */
static struct next provider;
static bool provider_is_known;

static bool stall_on, requested_on;

/* What two readings of the clock take by themselves. */
static uint64_t overhead_ns;

/* `left` calls to the next sample, which stands for `interval` calls. */
THREAD_LOCAL struct {
	uint32_t random;
	unsigned short left, interval;
} mine;

/* Marsaglia, Xorshift RNGs (2003), 32 bits. Intervals must not be regular,
 * or a program with the same rhythm would show one kind of call only. */
static void draw_interval(void)
{
	uint32_t x = mine.random;

	if (!x)
		x = (uint32_t)((uintptr_t)&mine >> 4) ^
		    (uint32_t)clock_monotonic_ns() ^ 0x9e3779b9u;
	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	mine.random = x ? x : 1;
	mine.interval = (unsigned short)(1 + x % (2 * INTERVAL_MEAN - 1));
	mine.left = mine.interval;
}

static COLD void record(uint64_t start_ns)
{
	uint64_t ns = clock_monotonic_ns() - start_ns;
	struct process *p = process_if_on();
	struct segment_header *h = p ? kept.segment.header : NULL;

	ns = ns > overhead_ns ? ns - overhead_ns : 0;
	if (h) {
		__atomic_fetch_add(&h->stall_ns[clock_bucket(ns)], 1,
				   __ATOMIC_RELAXED);
		__atomic_fetch_add(&h->allocator_ns, ns * mine.interval,
				   __ATOMIC_RELAXED);
	}
	draw_interval();
}

/* 0 unless this call is a sample. */
static inline uint64_t begin(void)
{
	if (!stall_on)
		return 0;
	if (UNLIKELY(!mine.interval))
		draw_interval();
	return --mine.left ? 0 : clock_monotonic_ns();
}

static inline void end(uint64_t start_ns, bool succeeded, size_t bytes)
{
	if (UNLIKELY(start_ns))
		record(start_ns);
	if (requested_on && succeeded)
		tally_requested(bytes);
}

#define OBSERVED(call, bytes)                             \
	do {                                              \
		uint64_t start_ns_ = begin();             \
		void *block_ = (call);                    \
                                                          \
		end(start_ns_, block_ != NULL, (bytes));  \
		return block_;                            \
	} while (0)

static void *observed_malloc(size_t bytes)
{
	OBSERVED(provider.malloc(bytes), bytes);
}

static void *observed_calloc(size_t count, size_t each)
{
	OBSERVED(provider.calloc(count, each), count * each);
}

static void *observed_realloc(void *block, size_t bytes)
{
	OBSERVED(provider.realloc(block, bytes), bytes);
}

static void *observed_memalign(size_t alignment, size_t bytes)
{
	OBSERVED(provider.memalign(alignment, bytes), bytes);
}

static void *observed_aligned_alloc(size_t alignment, size_t bytes)
{
	OBSERVED(provider.aligned_alloc(alignment, bytes), bytes);
}

static void *observed_valloc(size_t bytes)
{
	OBSERVED(provider.valloc(bytes), bytes);
}

static void *observed_pvalloc(size_t bytes)
{
	OBSERVED(provider.pvalloc(bytes), bytes);
}

static int observed_posix_memalign(void **ret, size_t alignment, size_t bytes)
{
	uint64_t start_ns = begin();
	int error = provider.posix_memalign(ret, alignment, bytes);

	end(start_ns, error == 0, bytes);
	return error;
}

static void observed_free(void *block)
{
	uint64_t start_ns = begin();

	provider.free(block);
	end(start_ns, false, 0);
}

#define PUT(field) \
	__atomic_store_n(&next.field, on ? observed_##field : provider.field, \
			 __ATOMIC_RELEASE)

static void measure_overhead(void)
{
	uint64_t least = UINT64_MAX;

	for (int i = 0; i < 16; i++) {
		uint64_t start = clock_monotonic_ns();
		uint64_t took = clock_monotonic_ns() - start;

		least = took < least ? took : least;
	}
	overhead_ns = least;
}

void sampling_switch(unsigned extras)
{
	bool on = extras & (EXTRA_STALL | EXTRA_REQUESTED);

	if (!on && !provider_is_known)
		return; /* nothing was ever put there */
	if (!provider_is_known) {
		provider = next;
		measure_overhead();
		provider_is_known = true;
	}
	stall_on = extras & EXTRA_STALL;
	requested_on = extras & EXTRA_REQUESTED;
	PUT(malloc);
	PUT(calloc);
	PUT(realloc);
	PUT(memalign);
	PUT(aligned_alloc);
	PUT(valloc);
	PUT(pvalloc);
	PUT(posix_memalign);
	PUT(free);
}
