/* SPDX-License-Identifier: MIT */
#ifndef READER_MARKS_H
#define READER_MARKS_H
/*
 * Marks, "one unit of work done": lines appended to a file by whoever does
 * the work, counted by whoever records it. A line is the name of the mark,
 * usually empty. A short write to a file opened for appending is atomic, so
 * a shell's `echo >>"$HEAPTALLY_MARK"` will do. Main thread only.
 *
 * Of a command that is recorded the file lies in the directory of its run, of
 * a process that runs already in the directory of its segment. It is there
 * while somebody records, who holds a lock on it. What was read is taken out
 * of it, so that it does not grow in memory.
 */
#include <stdbool.h>
#include <stdint.h>

#include "reader/api/heaptally.h"
#include "shm/segment_name.h"

#define MARKS_RUN_NAME "marks"            /* in the directory of a run */
#define MARKS_PREFIX   "heaptally-marks." /* of one process */

#define MARK_NAME_BYTES 64 /* longer names are cut */

struct marks {
	int fd;          /* -1: none */
	int dirfd;       /* borrowed */
	int notify_fd;   /* readable when there is more; -1: look at times */
	char file[SEGMENT_NAME_BYTES];
	int64_t offset_bytes;    /* read up to there */
	int64_t forgotten_bytes; /* given back up to there */
	char name[MARK_NAME_BYTES]; /* of a line that is not complete yet */
	unsigned name_bytes;
};

/*
 * Makes the file `name` in a directory that stays open until marks_close(),
 * or joins whoever records there already. For root `owner` is who may mark.
 * Returns 0 or a negative errno; then there are no marks, which
 * the other functions take.
 */
int marks_open(struct marks *ret, int dirfd, const char *name, unsigned owner);

/* Removes the file, unless somebody else records there. */
void marks_close(struct marks *m);

/* `count` marks of one name, "" for none: any bytes but NUL and newline. */
typedef void marks_visit(void *context, uint64_t count, const char *name);

/*
 * Visits what was added since the last time; neighbours of one name are one
 * visit. There are at most 16, the last of which takes all that follow.
 */
void marks_read(struct marks *m, marks_visit *visit, void *context);

/* Writes the name of the file of one process, SEGMENT_NAME_BYTES, to `name`. */
void marks_file_of(char *name, const struct ht_place *p);

/*
 * Adds one mark to the file at `path` or `name` in a directory. Returns 0 or a
 * negative errno: -ENOENT where nobody records.
 */
int marks_append(int dirfd, const char *name, const char *mark);

/* Is that a file of marks that nobody records to? */
bool marks_is_stale(int dirfd, const char *name);

/*
 * Opens the main directory, which the marks of the process open in h are in:
 * above that of a run. For the caller to close; -1 with errno.
 */
int marks_directory(const struct ht *h);

#endif /* READER_MARKS_H */
