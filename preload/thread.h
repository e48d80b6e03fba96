/* SPDX-License-Identifier: MIT */
#ifndef PRELOAD_THREAD_H
#define PRELOAD_THREAD_H
/*
 * Between process.c and tally.c: how the first thread comes to its slot.
 */
#include "preload/process.h"

/* Prepares to see threads end. Start of the process only, once. */
bool thread_watch_ends(void);

/*
 * Gives the claimed slot to the calling thread, with which this process
 * begins. The segment is not yet published. Signal-safe.
 */
void thread_adopt_first(struct process *p, struct tally *t);

#endif /* PRELOAD_THREAD_H */
