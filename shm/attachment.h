/* SPDX-License-Identifier: MIT */
#ifndef SHM_ATTACHMENT_H
#define SHM_ATTACHMENT_H
/*
 * What attach.c has validated, snapshot.c and threads.c count with. Private to
 * shm/.
 */
#include <sys/types.h>

#include "layout.h"
#include "snapshot.h"

#define METRICS_READ_MAX 64 /* of a newer writer; room stays for /proc values */

struct attachment {
	int fd;
	dev_t device;
	ino_t inode;
	struct segment_header header;   /* validated private copy */
	struct metric_entry metrics[METRICS_READ_MAX]; /* likewise */
	size_t metric_count;
	const unsigned char *map;       /* header.file_bytes long, read-only */
	struct target_identity identity;
	uint64_t *clamped;              /* in all snapshots so far */
};

/*
 * Fills coverage and coverage_reason, which was zeroed, as they are now. False
 * when the file was cut short.
 */
bool attach_read_coverage(const struct attachment *a, struct snapshot *ret);

/* Slots that hold something and are backed by memory. In the guard only. */
uint32_t attach_slots_to_read(const struct attachment *a);

/*
 * Calls read() where the mapping may be touched: false when the file was cut
 * short meanwhile, and read() perhaps left half-way. It may not own anything.
 */
bool attach_read_guarded(const struct attachment *a,
			 void (*read)(const struct attachment *a, void *to),
			 void *to);

#endif /* SHM_ATTACHMENT_H */
