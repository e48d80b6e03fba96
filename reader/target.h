/* SPDX-License-Identifier: MIT */
#ifndef READER_TARGET_H
#define READER_TARGET_H
/*
 * One process at one moment: what its segment says and what /proc adds. Part
 * of the library (api/). Safe in separate threads on separate objects.
 */
#include <stdbool.h>
#include <stdint.h>

#include "reader/kernel.h"
#include "reader/threads.h"
#include "shm/snapshot.h"

struct target {
	struct target_identity id;     /* with the coverage of this moment */
	struct snapshot snapshot;
	bool is_here;                  /* id.pid is one of our pid namespace */
	int pid_here;                  /* what we know it by while it lives; 0 = not */
	double uptime_seconds;         /* of the process; < 0 = not known */
	uint64_t started_realtime_ns;  /* of the process, Unix epoch */
	char exe[512];                 /* the kernel's word where we have it */
};

/*
 * Takes a snapshot. ATTACH_OK or ATTACH_TRUNCATED; *ret is complete or void.
 * Of a target with coverage "none" there are no values of the heap. pid_here
 * is what target_find_pid() said. Allocates nothing.
 */
enum attach_error target_take(struct target *ret, const struct attachment *a,
			      struct kernel_reader *k, int pid_here);

/* The same without what /proc tells, but for who it is. */
enum attach_error target_begin(struct target *ret, const struct attachment *a,
			       int pid_here);

/*
 * Adds all that the kernel tells of a live process that we can look at, with
 * the stacks of its threads unless `threads` is NULL. Much more to read than
 * target_take(): see kernel.h. False when it ended meanwhile: what was taken
 * is not its final state then. Allocates nothing for an attachment that
 * threads_reserve() was called for.
 */
bool target_look(struct target *t, struct kernel_reader *k,
		 struct thread_reader *threads, const struct attachment *a);

/* Is its pid one of our pid namespace? */
bool target_is_here(const struct target_identity *id);

/*
 * The pid of a live process in our namespace; 0 where it has ended or we
 * cannot look at it.
 */
int target_find_pid(const struct attachment *a);

/* Does the tally see anything of its heap? */
bool target_is_observed(const struct target *t);

#endif /* READER_TARGET_H */
