/* SPDX-License-Identifier: MIT */
#ifndef SHM_SEGMENT_H
#define SHM_SEGMENT_H
/*
 * The writing half: one file per process image on tmpfs, made in the target
 * before main. Included by shm/, preload/ and unit tests; readers need only
 * the naming functions.
 *
 * Everything here is signal-safe: no allocation, no stdio, no locks, raw
 * system calls only (none is a cancellation point). errno may be changed.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "layout.h"
#include "segment_name.h"

struct segment_request {
	const char *directory;      /* absolute; must be tmpfs unless any_filesystem */
	bool any_filesystem;
	unsigned mode;              /* 0600, 0640 or 0644 */
	unsigned exclusive_slots;   /* 1..EXCLUSIVE_SLOTS */
	int pid;
	int parent_pid;
	unsigned uid;
	uint64_t starttime_ticks;   /* 0 = unknown */
	uint64_t pidns_inode;       /* 0 = unknown */
	const char *comm;
	const char *exe;            /* "" = unknown */
};

/* A segment of this process, mapped; the file itself is already closed. */
struct segment {
	struct segment_header *header;
	struct slot *slots;         /* slots[0]: the first overflow slot */
	unsigned slot_count;        /* overflow and exclusive ones */
	size_t map_bytes;
	bool grows;                 /* the kernel can commit pages later */
	char path[SEGMENT_PATH_BYTES];
};

/*
 * Creates, locks and maps the segment; state stays SEGMENT_STARTING and the
 * first OVERFLOW_SLOTS + 8 slots are committed. Returns 0 and fills *ret,
 * or a negative errno with *ret_step naming the failed step ("fallocate").
 * On failure nothing is left behind, neither file nor descriptor. An earlier
 * image of the same process (exec) is replaced and counted in exec_count.
 */
int segment_create(struct segment *ret, const struct segment_request *request,
		   const char **ret_step);

/* Stores SEGMENT_READY with release: from here on readers believe it. */
void segment_publish(struct segment *s);

/*
 * Makes sure that slot number `index` is backed by memory. Returns false
 * when it cannot be; the caller then uses an overflow slot. Any thread.
 */
bool segment_commit_slot(struct segment *s, unsigned index);

/*
 * Commits memory for `slots` exclusive slots, if it can, and from here on no
 * more: the system calls for it may be forbidden soon.
 */
void segment_stop_growing(struct segment *s, unsigned slots);

/*
 * Marks the end of the process; unlinks the file unless `keep`. The mapping
 * stays, so late counts are harmless. Owner process only.
 */
void segment_finish(struct segment *s, bool keep);

#endif /* SHM_SEGMENT_H */
