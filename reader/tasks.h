/* SPDX-License-Identifier: MIT */
#ifndef READER_TASKS_H
#define READER_TASKS_H
/*
 * What the kernel keeps by thread and not by process: states, context
 * switches, delays. Those of threads that ended are gone, so that the sums
 * are lower bounds. Safe in any thread; nothing allocates.
 */
#include "reader/procfile.h"
#include "shm/snapshot.h"

/*
 * Adds the sums over task/ in the /proc/PID open as process_fd; nothing of
 * what no thread tells. Returns 0, or an errno when the threads cannot be
 * listed.
 */
int tasks_add(struct snapshot *s, struct procfile *file, int process_fd);

#endif /* READER_TASKS_H */
