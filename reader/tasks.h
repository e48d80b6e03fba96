/* SPDX-License-Identifier: MIT */
#ifndef READER_TASKS_H
#define READER_TASKS_H
/*
 * What the kernel keeps by thread and not by process: states, context
 * switches, delays. Those of threads that ended are gone, so that the sums
 * are lower bounds. Main thread only.
 */
#include "shm/snapshot.h"

/*
 * Adds the sums over task/ in the /proc/PID open as process_fd; nothing of
 * what no thread tells.
 */
void tasks_add(struct snapshot *s, int process_fd);

#endif /* READER_TASKS_H */
