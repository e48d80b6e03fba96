/* SPDX-License-Identifier: MIT */
#ifndef READER_RECORDING_H
#define READER_RECORDING_H
/*
 * Reads back what recorder.h wrote, maybe by another version, on another
 * machine, and cut off at any byte. Nothing in it is believed. Main thread
 * only.
 */
#include <stdbool.h>

#include "reader/check/judge.h"
#include "reader/options.h"

struct recording {
	struct check_run run;      /* judged by check_judge_run() */
	struct check_limit *room;  /* for that */
	struct recording_contents *contents; /* what `run` points into */
};

struct recording_request {
	const struct string_list *only; /* globs of commands; none: all */
	bool by_iterations;             /* what x of the points counts */
};

/*
 * Reads a file, "-" for standard input. Returns STATUS_OK; or, with a message
 * and nothing to release, STATUS_USAGE for what is no recording or one that
 * this reader cannot know, STATUS_NOT_OBSERVED for one without a sample.
 * A line that was cut off at the end is left out. A recording of which
 * `only` leaves nothing is fine, with no process.
 */
int recording_read(struct recording *ret, const char *file,
		   const struct recording_request *request);
void recording_release(struct recording *r);

/* What stands for one that could not be made or read: `why` is borrowed. */
void recording_of_nothing(struct recording *ret, const char *why);

#endif /* READER_RECORDING_H */
