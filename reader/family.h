/* SPDX-License-Identifier: MIT */
#ifndef READER_FAMILY_H
#define READER_FAMILY_H
/*
 * Which of the segments in a directory are those of one process and of what
 * it started, directly or not. Each is opened once; what is remembered is
 * bounded by the number of files there. Main thread only.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reader/api/heaptally.h"

struct kin; /* one process that has a segment there */

struct family {
	int root_pid;
	uint64_t pidns_inode; /* of the root; its pids count in there */
	struct ht *reader;    /* borrowed: opens them */
	struct kin *kin;      /* by pid and start time */
	size_t count, room;
};

/* Of who `root` is; `reader` is the caller's, and free at each look. */
void family_init(struct family *ret, const struct ht_identity *root,
		 struct ht *reader);
void family_release(struct family *f);

/*
 * Reads the directory anew. Members are those that were, and processes whose
 * parent is one.
 */
void family_look(struct family *f, int dirfd);

/* Was the process of that segment a member at the last look? */
bool family_has(const struct family *f, int pid, uint64_t starttime_ticks);

/* Is there any other than the root? */
bool family_has_children(const struct family *f);

#endif /* READER_FAMILY_H */
