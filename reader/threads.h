/* SPDX-License-Identifier: MIT */
#ifndef READER_THREADS_H
#define READER_THREADS_H
/*
 * The threads of one target: what each did, from its segment, and what the
 * kernel knows of it while it lives. Main thread only.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reader/stacks.h"
#include "reader/target.h"
#include "shm/threads.h"

struct thread {
	int tid;                 /* in the target's pid namespace; 0 = unknown */
	int tid_here;            /* in ours; 0 = unknown */
	char name[64];           /* the kernel's, any bytes; "" = unknown */
	double age_seconds;      /* < 0 = not known, as of a dead process */
	uint64_t started_realtime_ns; /* when it was first seen, Unix epoch */
	struct thread_counts counts;
	int64_t net_bytes;       /* allocated minus freed, by whom ever */
	int64_t net_objects;
	struct stack stack;
};

struct threads {
	struct thread *all;      /* highest net_bytes first */
	size_t count;
	struct thread_rows rows; /* they and the others */
};

/*
 * Reads them; of a dead process those that it had at its end. Adds the sums of
 * the stacks to the snapshot, at its end, as far as they are known. ATTACH_OK,
 * ATTACH_TRUNCATED or ATTACH_SYSTEM; with the first the caller ends with
 * threads_release().
 */
enum attach_error threads_read(struct threads *ret, struct target *t,
			       const struct attachment *a);
void threads_release(struct threads *threads);

/* Only adds those sums. */
void threads_add_stacks(struct target *t, const struct attachment *a);

#endif /* READER_THREADS_H */
