/* SPDX-License-Identifier: MIT */
#ifndef READER_DISCOVER_H
#define READER_DISCOVER_H
/*
 * Finding segments: in $HEAPTALLY_DIR or /dev/shm, and one level down in the
 * private directories of `heaptally run`. A name is only a hint, and anybody
 * may put files there: what counts is what attaching finds. Descriptors are
 * held for one segment at a time, whatever their number. Main thread only.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shm/segment_name.h"
#include "shm/snapshot.h"

/* A file, or a directory of a run, whose name fits. */
struct place {
	char run[SEGMENT_NAME_BYTES];  /* directory below the main one, or "" */
	char name[SEGMENT_NAME_BYTES]; /* "" = the directory itself */
	int pid;                       /* both as the name says */
	uint64_t starttime_ticks;
	int inside_pid; /* a process that has it in its directory; 0: in ours */
};

struct discovery {
	const char *directory;  /* as named by the user or the default */
	int dirfd;
	struct place *places;   /* segments, by pid and then start time */
	size_t count;
	struct place *runs;     /* directories of runs */
	size_t run_count;
};

/* The directory where segments of this user's programs are. */
const char *discover_directory(void);

/*
 * Fills *ret with what is there now. Returns 0, or a negative errno when the
 * directory cannot be read; nothing is to be released then.
 */
int discover_scan(struct discovery *ret);
void discover_release(struct discovery *d);

/*
 * Adds, behind the others, what is in the directory of another process, which
 * may be in a container. Returns 0 or a negative errno.
 */
int discover_scan_inside(struct discovery *d, int pid);

/* Adds what is in the directories of all processes that we may look at. */
void discover_scan_everywhere(struct discovery *d);

/*
 * Opens the directory that a place is in (or is): the caller closes it.
 * Returns -1 with errno for one that is not a real directory of this user's.
 */
int discover_open_directory(const struct discovery *d, const struct place *p);

/* As attach_open(); also verifies that name and header speak of one pid. */
enum attach_error discover_attach(const struct discovery *d,
				  const struct place *p,
				  struct attachment **ret);

/* True while the place still holds the very file that was attached. */
bool discover_is_current(const struct discovery *d, const struct place *p,
			 const struct attachment *a);

/* Full path, for messages: freed by the caller. */
char *discover_path(const struct discovery *d, const struct place *p);

/* Segments that could not be read, counted by reason. */
struct discover_troubles {
	size_t counts[ATTACH_ERRORS];
	size_t named; /* lines printed so far */
};

/* Counts a failure to attach; damaged files are named on standard error. */
void discover_trouble(struct discover_troubles *t, const struct discovery *d,
		      const struct place *p, enum attach_error error);

/* Prints a note for each reason that was only counted. */
void discover_trouble_notes(const struct discover_troubles *t);

#endif /* READER_DISCOVER_H */
