/* SPDX-License-Identifier: MIT */
#ifndef READER_TARGET_H
#define READER_TARGET_H
/*
 * One process at one moment, as the commands show it: what its segment says
 * and what /proc adds. Main thread only.
 */
#include <stdbool.h>
#include <stdint.h>

#include "shm/snapshot.h"

struct target {
	struct target_identity id;     /* with the coverage of this moment */
	struct snapshot snapshot;      /* values in the registry's order */
	bool is_here;                  /* id.pid is one of our pid namespace */
	int pid_here;                  /* what we know it by while it lives; 0 = not */
	double uptime_seconds;         /* of the process; < 0 = not known */
	uint64_t started_realtime_ns;  /* of the process, Unix epoch */
	char exe[512];                 /* the kernel's word where we have it */
};

/*
 * Takes a snapshot. ATTACH_OK or ATTACH_TRUNCATED; *ret is complete or void.
 * Of a target with coverage "none" there are no values of the heap.
 */
enum attach_error target_read(struct target *ret, const struct attachment *a);

/*
 * Adds all that the kernel tells of a live process that we can look at, with
 * the stacks of its threads unless `a` is NULL: threads_read() adds them, too.
 * Much more to read than target_read(): see kernel.h.
 */
void target_add_kernel(struct target *t, const struct attachment *a);

/* Does the tally see anything of its heap? */
bool target_is_observed(const struct target *t);

/*
 * Bytes of anonymous memory beyond the live heap, where that is more than an
 * allocator's overhead explains; else 0. Only of a live process.
 */
uint64_t target_unseen_bytes(const struct target *t);

/* Finds a value by its key, also one that the registry does not know. */
const struct metric_value *target_value(const struct target *t,
					const char *key);

#endif /* READER_TARGET_H */
