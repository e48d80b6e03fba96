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

/*
 * On cold paths, where no call of the provider is under way: does what the
 * control page asks for.
 */
void extras_poll(struct process *p);

/*
 * The same, but for the allocator's own figures: also for who may be called
 * by the allocator.
 */
void extras_look(void);

/* No tally in this forked child: it goes straight to the provider. */
void extras_withdraw(void);

/* Marks a metric as there, for readers; after its figure was stored. */
void extras_available(struct segment_header *h, enum availability bit);

/* The program called malloc_trim(). */
void extras_count_trim(void);

#endif /* PRELOAD_EXTRAS_H */
