/* SPDX-License-Identifier: MIT */
#ifndef PRELOAD_EXTRAS_H
#define PRELOAD_EXTRAS_H
/*
 * What is counted only when somebody asks for it, by a HEAPTALLY_* variable
 * at the start or through the control page later. Whoever comes by on a cold
 * path looks at that page and switches; there is no thread of ours, so a
 * target that neither allocates nor starts threads switches later.
 *
 * Signal-safe, errno kept, no system calls but what the allocator does to
 * tell its own figures.
 */
#include <stdbool.h>

#include "preload/process.h"

/* The process begins, not yet published: what env asks for is switched on. */
void extras_start(struct process *p);

/* On cold paths: does what the control page asks for. */
void extras_poll(struct process *p);

/* The same for who has no process at hand. */
void extras_look(void);

/* Are waits for locks to be timed? For the hot path of locks. */
static inline bool extras_time_locks(void)
{
	const struct process *p = process_self;
	const struct segment_control *control;

	if (!p)
		return false;
	/* NULL in a forked child, where the page is not mapped. */
	control = __atomic_load_n(&p->control, __ATOMIC_RELAXED);
	return control && __atomic_load_n(&control->want_flags,
					  __ATOMIC_RELAXED) & EXTRA_MUTEX;
}

/* Marks a metric as there, for readers; after its figure was stored. */
void extras_available(enum availability bit);

/* The program called malloc_trim(). */
void extras_count_trim(void);

#endif /* PRELOAD_EXTRAS_H */
