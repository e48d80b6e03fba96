/* SPDX-License-Identifier: MIT */
#ifndef READER_BASELINE_H
#define READER_BASELINE_H
/*
 * What a program was like when it was good: saved by one check, compared
 * with by later ones. A recording will do as well, which then is judged by
 * the same rules. Main thread only.
 */
#include "reader/check/judge.h"
#include "reader/json.h"
#include "reader/recording.h"

struct baseline {
	struct check_baseline entries; /* for the rules of a check */
	const char *file;
	struct json *content;
};

/*
 * Reads one. Returns STATUS_OK; or, with a message and nothing to release,
 * STATUS_USAGE for what is no baseline, or one by another x axis.
 */
int baseline_load(struct baseline *ret, const char *file,
		  const struct check_rules *rules,
		  const struct recording_request *request);
void baseline_release(struct baseline *b);

/*
 * May a run be compared with it? STATUS_OK, or STATUS_USAGE with a message
 * where program, allocator, libc or architecture differ.
 */
int baseline_admits(const struct baseline *b, const struct check_run *run);

/* Writes one of a run that was judged. False with a message. */
bool baseline_save(const char *file, const struct check_run *run,
		   bool by_iterations);

#endif /* READER_BASELINE_H */
