/* SPDX-License-Identifier: MIT */
#ifndef READER_CGROUP_H
#define READER_CGROUP_H
/*
 * What the control groups of a process tell, of version 1, of version 2, and
 * of both at once: where a controller belongs to version 1, that is asked.
 * Only what is mounted in our own mount namespace can be seen.
 */
#include <stdint.h>

#include "reader/procfile.h"

enum cgroup_field {
	CGROUP_MEMORY_CURRENT,   /* bytes */
	CGROUP_MEMORY_PEAK,
	CGROUP_MEMORY_LIMIT,     /* lowest of the group and those above it */
	CGROUP_MEMORY_OOM_KILLS, /* events */
	CGROUP_CPU_USAGE,        /* nanoseconds */
	CGROUP_CPU_THROTTLED,
	CGROUP_CPU_QUOTA,        /* with its period: the strictest, likewise */
	CGROUP_CPU_PERIOD,
	CGROUP_PIDS_CURRENT,     /* processes and threads */
	CGROUP_PIDS_LIMIT,       /* like that of memory */
	CGROUP_FIELDS
};

struct cgroup_figures {
	unsigned present;        /* 1u << enum cgroup_field */
	uint64_t values[CGROUP_FIELDS];
};

/*
 * Fills *ret for the process whose /proc/PID is open as process_fd. Limits
 * that are not set are not present. `root` stands before the paths of
 * /proc/self/mountinfo and of what is mounted: "" but for tests. Safe in any
 * thread; allocates nothing.
 *
 * Returns 0, or an errno when the groups of the process cannot be known.
 */
int cgroup_read(struct cgroup_figures *ret, struct procfile *file,
		int process_fd, const char *root);

#endif /* READER_CGROUP_H */
