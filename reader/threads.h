/* SPDX-License-Identifier: MIT */
#ifndef READER_THREADS_H
#define READER_THREADS_H
/*
 * The threads of a target: their rows in its segment, put right by what the
 * kernel knows, and their stacks. Part of the library (api/). Safe in separate
 * threads on separate objects.
 */
#include "reader/kernel.h"
#include "reader/stacks.h"
#include "shm/threads.h"

struct thread_reader {
	struct thread_rows rows; /* of the last look; none before */
	struct stacks stacks;    /* theirs, in that order */
	int *tids;               /* private */
};

/* Zero at first. */
void threads_release(struct thread_reader *r);

/* Makes room for those of `a`. False when memory is short. */
bool threads_reserve(struct thread_reader *r, const struct attachment *a);

/*
 * Looks at rows and stacks, after threads_reserve() without allocating. A
 * process that has ended has the rows of its end, and no stacks. pid_here is
 * what target_find_pid() said. ATTACH_OK, or ATTACH_TRUNCATED.
 */
enum attach_error threads_look(struct thread_reader *r, struct procfile *file,
			       const struct attachment *a, int pid_here);

/*
 * The same for the sums of the stacks alone: adds them, as far as they are
 * known, and keeps in k why they are not. False when the process ended
 * meanwhile.
 */
bool threads_add_stacks(struct thread_reader *r, struct kernel_reader *k,
			const struct attachment *a, struct snapshot *s,
			int pid_here);

#endif /* READER_THREADS_H */
