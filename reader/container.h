/* SPDX-License-Identifier: MIT */
#ifndef READER_CONTAINER_H
#define READER_CONTAINER_H
/*
 * Processes of other pid and mount namespaces, seen from outside: what pid
 * they have there, and the directory that their segments are in. Needs the
 * rights to look at the process (ptrace(2), "Ptrace access mode checking"),
 * as a rule those of root. Safe in any thread.
 */
#include <stdbool.h>
#include <stdint.h>

/*
 * The pid that a process has in its innermost pid namespace: the same for one
 * of ours. 0 when there is none such, or the kernel does not tell.
 */
int container_inner_pid(int pid);

/* Inode of the pid namespace of a process; 0 = unknown. */
uint64_t container_namespace(int pid);

/*
 * The reverse: our pid of the process that has `inner_pid` in the pid
 * namespace of that inode and started at that time; 0 when there is none that
 * we may look at. Walks /proc.
 */
int container_host_pid(uint64_t pidns_inode, int inner_pid,
		       uint64_t starttime_ticks);

/*
 * Opens the segment directory as the process sees it: its $HEAPTALLY_DIR, else
 * /dev/shm, below its root; links cannot lead out of that. The caller closes
 * it. Returns -1 with errno.
 */
int container_open_directory(int pid);

/*
 * Calls found(pid) for one process of each directory that is not `own_fd`'s.
 * Returns 0 or -ENOMEM.
 */
int container_each(int own_fd, void (*found)(int pid, void *argument),
		   void *argument);

#endif /* READER_CONTAINER_H */
