/* SPDX-License-Identifier: MIT */
#include "preload/extras.h"

#include "preload/figures.h"
#include "preload/sampling.h"

/* What becomes readable as soon as an extra is on, at 0. */
static const struct {
	enum extra extra;
	enum availability bit;
} shown[] = {
	{ EXTRA_MUTEX, AVAILABLE_MUTEX },
	{ EXTRA_STALL, AVAILABLE_STALL },
	{ EXTRA_REQUESTED, AVAILABLE_REQUESTED },
};

void extras_available(enum availability bit)
{
	/* Release: who sees the bit sees the figure. */
	__atomic_fetch_or(&kept.segment.header->available, 1ULL << (bit - 1),
			  __ATOMIC_RELEASE);
}

static unsigned wanted(const struct segment_control *control)
{
	return __atomic_load_n(&control->want_flags, __ATOMIC_RELAXED) &
	       EXTRA_ALL;
}

/*
 * Whoever is second leaves it to the first: the next to come by finds what
 * the first one may have missed.
 */
static COLD void switch_to(struct process *p, unsigned extras)
{
	if (__atomic_exchange_n(&p->extras_busy, 1, __ATOMIC_ACQUIRE))
		return;
	for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++)
		if (extras & shown[i].extra)
			extras_available(shown[i].bit);
	sampling_switch(extras);
	__atomic_store_n(&kept.segment.header->extras_on, extras, __ATOMIC_RELAXED);
	__atomic_store_n(&p->extras_busy, 0, __ATOMIC_RELEASE);
}

void extras_start(struct process *p)
{
	/* Also when nothing is wanted: a forked child finds the functions of
	 * its parent in place. */
	switch_to(p, wanted(p->control));
	figures_start();
}

void extras_poll(struct process *p)
{
	const struct segment_header *h = kept.segment.header;
	/* Once: a handler may fork at any moment, and its child return here
	 * and find it wiped. */
	const struct segment_control *control =
		__atomic_load_n(&p->control, __ATOMIC_RELAXED);
	unsigned extras;
	uint64_t asked;

	if (!control)
		return;
	extras = wanted(control);
	if (UNLIKELY(extras != __atomic_load_n(&h->extras_on, __ATOMIC_RELAXED)))
		switch_to(p, extras);
	asked = __atomic_load_n(&control->asked, __ATOMIC_RELAXED);
	if (UNLIKELY(extras & EXTRA_ALLOCATOR ||
		     asked != __atomic_load_n(&h->figures_asked, __ATOMIC_RELAXED)))
		figures_take(p, asked);
}

void extras_look(void)
{
	struct process *p = process_if_on();

	if (p)
		extras_poll(p);
}

void extras_count_trim(void)
{
	struct process *p = process_if_on();

	if (p)
		__atomic_fetch_add(&kept.segment.header->heap_trims, 1,
				   __ATOMIC_RELAXED);
}
