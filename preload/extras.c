/* SPDX-License-Identifier: MIT */
#include "preload/extras.h"

#include "preload/figures.h"
#include "preload/locks.h"
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

void extras_available(struct segment_header *h, enum availability bit)
{
	/* Release: who sees the bit sees the figure. */
	__atomic_fetch_or(&h->available, 1ULL << (bit - 1), __ATOMIC_RELEASE);
}

/*
 * Whoever is second leaves it to the first: the next to come by finds what
 * the first one may have missed.
 */
static COLD void switch_to(struct process *p, struct segment_header *h,
			   unsigned extras)
{
	if (__atomic_exchange_n(&p->extras_busy, 1, __ATOMIC_ACQUIRE))
		return;
	for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++)
		if (extras & shown[i].extra)
			extras_available(h, shown[i].bit);
	sampling_switch(extras);
	locks_switch(extras & EXTRA_MUTEX);
	__atomic_store_n(&h->extras_on, extras, __ATOMIC_RELAXED);
	__atomic_store_n(&p->extras_busy, 0, __ATOMIC_RELEASE);
}

/*
 * Where both are, loaded once: a handler may fork at any moment, and its
 * child return here and find the process wiped.
 */
struct view {
	struct segment_header *header;
	const struct segment_control *control;
};

static bool look(const struct process *p, struct view *ret)
{
	ret->header = kept.segment.header;
	ret->control = __atomic_load_n(&p->control, __ATOMIC_RELAXED);
	return ret->control != NULL;
}

static unsigned wanted(const struct view *v)
{
	return __atomic_load_n(&v->control->want_flags, __ATOMIC_RELAXED) &
	       EXTRA_ALL;
}

static void follow(struct process *p, const struct view *v)
{
	unsigned extras = wanted(v);

	if (UNLIKELY(extras != __atomic_load_n(&v->header->extras_on,
					       __ATOMIC_RELAXED)))
		switch_to(p, v->header, extras);
}

void extras_start(struct process *p)
{
	struct segment_header *h = kept.segment.header;

	/* Also when nothing is wanted: a forked child finds the functions of
	 * its parent in place. */
	switch_to(p, h, p->control->want_flags & EXTRA_ALL);
	figures_start(h);
}

void extras_withdraw(void)
{
	sampling_switch(0);
	locks_switch(false);
}

void extras_poll(struct process *p)
{
	struct view v;
	uint64_t asked;

	if (!look(p, &v))
		return;
	follow(p, &v);
	asked = __atomic_load_n(&v.control->asked, __ATOMIC_RELAXED);
	if (UNLIKELY(wanted(&v) & EXTRA_ALLOCATOR ||
		     asked != __atomic_load_n(&v.header->figures_asked,
					      __ATOMIC_RELAXED)))
		figures_take(p, asked);
}

void extras_look(void)
{
	struct process *p = process_if_on();
	struct view v;

	if (p && look(p, &v))
		follow(p, &v);
}

void extras_count_trim(void)
{
	struct process *p = process_if_on();
	struct view v;

	if (p && look(p, &v))
		__atomic_fetch_add(&v.header->heap_trims, 1, __ATOMIC_RELAXED);
}
