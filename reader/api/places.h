/* SPDX-License-Identifier: MIT */
#ifndef READER_API_PLACES_H
#define READER_API_PLACES_H
/*
 * Finding segments: in a directory, and one level down in the private
 * directories of `heaptally run`. A name is only a hint, and anybody may put
 * files there: what counts is what attaching finds. Descriptors are held for
 * one segment at a time, whatever their number. Part of the library: returns
 * errors, prints nothing. Safe in separate threads on separate objects.
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

struct places {
	struct place *items;   /* segments, by pid and then start time */
	size_t count;
	struct place *runs;    /* directories of runs */
	size_t run_count;
};

/* The directory where segments of this user's programs are. */
const char *places_directory(void);

/*
 * Fills *ret with what is in the directory open as dirfd now. Returns 0, or a
 * negative errno; there is nothing to release then.
 */
int places_scan(struct places *ret, int dirfd);
void places_release(struct places *p);

/*
 * Adds, behind the others, what is in the directory of another process, which
 * may be in a container; or of all processes that we may look at. Returns 0
 * or a negative errno.
 */
int places_scan_inside(struct places *p, int dirfd, int pid);
int places_scan_everywhere(struct places *p, int dirfd);

/*
 * Opens the directory that a place is in (or is): the caller closes it.
 * Returns -1 with errno for one that is not a real directory of this user's.
 */
int places_open_directory(int dirfd, const struct place *p);

/*
 * As attach_open(); also verifies that name and header speak of one pid. On
 * success the directory that it is in is open as *ret_dirfd, unless that is
 * NULL; the caller closes it.
 */
enum attach_error places_attach(int dirfd, const struct place *p,
				struct attachment **ret, int *ret_dirfd);

/*
 * Attaches to the best segment of a pid among the places from `first` on: of
 * the given pid namespace rather than of another, live rather than ended, new
 * rather than old. Returns ATTACH_OK with *ret_place and *ret, which the
 * caller closes; else ATTACH_GONE if there is none at all, or why the last
 * one tried could not be read.
 */
enum attach_error places_attach_pid(const struct places *p, size_t first,
				    int dirfd, uint64_t namespace_inode,
				    int pid, const struct place **ret_place,
				    struct attachment **ret);

/*
 * The same for a process that has nothing there: in the directory, and by the
 * pid, that it goes by itself. Adds to *p.
 */
enum attach_error places_attach_inside(struct places *p, int dirfd, int pid,
				       const struct place **ret_place,
				       struct attachment **ret);

#endif /* READER_API_PLACES_H */
