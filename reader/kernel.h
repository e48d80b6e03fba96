/* SPDX-License-Identifier: MIT */
#ifndef READER_KERNEL_H
#define READER_KERNEL_H
/*
 * What the kernel tells of a process: CPU, scheduler, faults, descriptors,
 * limits, memory, input and output, control groups. The process notices
 * nothing of it. Some thirty files are read, and two for each thread: meant
 * for one process that somebody looks at, not for a list of a thousand.
 * Nothing allocates; safe in separate threads on separate readers.
 */
#include <stdint.h>

#include "reader/procfile.h"
#include "shm/snapshot.h"

/* What may be withheld: files and directories of /proc/PID, and one call. */
enum kernel_source {
	KERNEL_STATUS,
	KERNEL_STAT,
	KERNEL_LIMITS,
	KERNEL_IO,
	KERNEL_SMAPS_ROLLUP,
	KERNEL_MAPS,
	KERNEL_FD,
	KERNEL_CGROUP,
	KERNEL_TASK,
	KERNEL_AFFINITY,
	KERNEL_STACKS,  /* maps, see threads.h */
	KERNEL_PAGEMAP, /* likewise */
	KERNEL_SOURCES /* how many; also: not known */
};

struct kernel_reader {
	struct procfile file;       /* made and released by the owner */
	int errors[KERNEL_SOURCES]; /* of the last look: errno, 0 = was read */
};

/*
 * Adds all that is known of that very process, which must be of our pid
 * namespace; nothing, and false, when it is gone, or went while it was looked
 * at. What the kernel does not tell us, or is not set, is left out, and the
 * errors of the reader tell which files could not be read. In them EFBIG
 * stands for one that is not read as it would hold up the process; ENODATA,
 * of stacks, for a thread whose stack is not known.
 */
bool kernel_add(struct kernel_reader *k, struct snapshot *s, int pid,
		uint64_t starttime_ticks);

/*
 * The same from a directory that looks like /proc/PID, without what is asked
 * otherwise: CPUs and start time. `root` as for cgroup_read().
 */
void kernel_add_files(struct kernel_reader *k, struct snapshot *s,
		      int process_fd, const char *root);

/* Where a figure comes from; KERNEL_SOURCES where that is not one file. */
enum kernel_source kernel_source_of(unsigned metric_id);

/* "io"; never NULL. */
const char *kernel_source_name(enum kernel_source source);

#endif /* READER_KERNEL_H */
