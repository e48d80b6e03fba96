/* SPDX-License-Identifier: MIT */
#ifndef READER_KERNEL_H
#define READER_KERNEL_H
/*
 * What the kernel tells of a process: CPU, scheduler, faults, descriptors,
 * limits, memory, input and output, control groups. The process notices
 * nothing of it. Some thirty files are read, and two for each thread: meant
 * for one process that somebody looks at, not for a list of a thousand. Main
 * thread only.
 */
#include <stdint.h>

#include "shm/snapshot.h"

/*
 * Adds all that is known of that very process, which must be of our pid
 * namespace; nothing when it is gone, or went while it was looked at. What
 * the kernel does not tell us, or is not set, is left out.
 */
void kernel_add(struct snapshot *s, int pid, uint64_t starttime_ticks);

/*
 * The same from a directory that looks like /proc/PID, without what is asked
 * otherwise: CPUs and start time. `root` as for cgroup_read().
 */
void kernel_add_files(struct snapshot *s, int process_fd, const char *root);

#endif /* READER_KERNEL_H */
