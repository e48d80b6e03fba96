/* SPDX-License-Identifier: MIT */
#ifndef READER_CHECK_REPORT_NEXT_STEP_H
#define READER_CHECK_REPORT_NEXT_STEP_H
/*
 * What to run next, after a verdict that leaves something to do. Running out
 * of memory ends the process. Safe in any thread.
 */
#include "reader/check/report.h"

#define NEXT_STEPS_MAX 3

struct next_step {
	char *command;   /* for a shell; foreign parts quoted and visible */
	const char *why; /* a clause in lower case, static */
};

struct next_steps {
	struct next_step items[NEXT_STEPS_MAX];
	size_t count; /* 0: nothing is left to do */
};

/* `has_charts`: what is written shows them already. */
void next_steps_find(struct next_steps *ret, const struct check_report *r,
		     bool has_charts);
void next_steps_release(struct next_steps *n);

/* The run that the verdict of the check is from, or the first one. */
const struct check_run *next_steps_run(const struct check_report *r);

#endif /* READER_CHECK_REPORT_NEXT_STEP_H */
