/* SPDX-License-Identifier: MIT */
#ifndef READER_RECORDER_H
#define READER_RECORDER_H
/*
 * Writes a recording: JSON lines, each with a "type". Every line is handed
 * to the kernel when it is complete, so that a recording can be read up to
 * its last full line whatever happened to the one that wrote it:
 *
 *	head     once, first: schema, host, libc, what is recorded
 *	process  when an image of a process is first seen: who it is, its
 *	         allocator and coverage
 *	sample   what is recorded of it, at one moment of the clocks
 *	         CLOCK_MONOTONIC and CLOCK_REALTIME
 *	mark     work that was done since the sample before
 *	replaced when a process has become a program that is not tallied
 *	end      when an image has ended: how, and every final figure
 *	finish   once, last: how the recording ended
 *
 * "instance" ties the lines of an image together. To add a member, append
 * it; readers skip members and types that they do not know. What is held in
 * memory is bounded by the number of processes alive. Main thread only.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "reader/json.h"
#include "reader/view.h"

struct recorded; /* an image that was alive at the last look */

struct recorder {
	FILE *stream;          /* NULL: nothing is written any more */
	const char *name;      /* as given */
	bool failed;           /* something could not be written */
	struct recorded *alive;
	size_t alive_count, alive_room;
	uint64_t samples;      /* written */
	uint64_t processes;    /* images seen */
	uint64_t observed;     /* of those, with a heap that can be seen */
	uint64_t marks;
	uint64_t live_bytes;   /* summed over the last look */
};

/*
 * Makes the file; "-" is standard output. A file that exists is emptied
 * if `force` is set. Returns STATUS_OK, or with a message STATUS_USAGE for a
 * file that exists, STATUS_FAILED for one that cannot be made.
 */
int recorder_open(struct recorder *ret, const char *name, bool force);

/*
 * Writes the head. `argv`, ending in NULL, is the command that is recorded,
 * running as `pid`; NULL for a process that was running already.
 */
void recorder_head(struct recorder *r, double interval_seconds, char **argv,
		   int pid);

/* `count` marks of one name, "" for none, which may be any bytes. */
void recorder_mark(struct recorder *r, uint64_t count, const char *name);

/*
 * A look at all processes: begin, add each that there is, and end, which
 * forgets those that were not added. Of one that has ended all is written,
 * and it may be added outside of a look as well.
 */
void recorder_look_begin(struct recorder *r);
void recorder_add(struct recorder *r, const struct view *v);
void recorder_look_end(struct recorder *r);

/* Was that process, or that image of one, alive when it was added last? */
bool recorder_has_alive(const struct recorder *r, int pid);
bool recorder_has_instance(const struct recorder *r, const char *instance);

/* How a recording ended. */
struct recorder_ending {
	bool has_status;          /* a command was recorded */
	int wait_status;          /* its, as of waitpid(2) */
	bool was_stopped;         /* its time was up: it was told to end */
	const char *not_observed; /* why it was not, or NULL */
};

/*
 * Writes the last line and closes the file. False when anything was lost,
 * which has been said.
 */
bool recorder_finish(struct recorder *r, const struct recorder_ending *ending);

/* Gives up before the head was written; removes what recorder_open() made. */
void recorder_abandon(struct recorder *r);

#endif /* READER_RECORDER_H */
