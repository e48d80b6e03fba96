/* SPDX-License-Identifier: MIT */
#ifndef PRELOAD_PEAK_H
#define PRELOAD_PEAK_H
/*
 * The high-water mark of live bytes. Signal-safe throughout.
 *
 * With one thread it is exact and costs a comparison in free(): live is that
 * thread's own sum, and a peak can only end where something is freed. The
 * mark is set so that the comparison is a test of a sign.
 *
 * With more threads, each folds its net change into a shared sum before it
 * exceeds a batch; the peak of that sum is off by at most the batches of all
 * threads together, which is published as the slack.
 */
#include <stdint.h>

#include "preload/process.h"

/* The first thread of a process: live bytes begin at what was inherited. */
void peak_start_first(struct process *p, struct tally *t);

/* Any later thread with a slot of its own. */
void peak_start(struct process *p, struct tally *t);

/* From here on there may be several threads. `me` may be NULL. Idempotent. */
void peak_go_threaded(struct process *p, struct tally *me);

/* tally_fold_is_due(), or the budget is used up. */
void peak_fold(struct process *p, struct tally *t);

/* The thread ends: folds all it has and returns its share of the slack. */
void peak_finish(struct process *p, struct tally *t);

/* A thread without a slot allocated (or, negative, freed) that much. */
void peak_fold_shared(struct process *p, int64_t change_bytes);

/*
 * By how much small objects (those that glibc does not join with their
 * neighbours when they are freed) are fewer than they ever were: an estimate.
 */
uint64_t peak_small_lost(void);

#endif /* PRELOAD_PEAK_H */
