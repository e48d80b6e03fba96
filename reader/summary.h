/* SPDX-License-Identifier: MIT */
#ifndef READER_SUMMARY_H
#define READER_SUMMARY_H
/*
 * What `heaptally run` says at the end, in the manner of time(1). Main
 * thread only.
 */
#include <stdio.h>

#include "reader/collect.h"
#include "reader/format.h"

struct run_result {
	char **argv;              /* of the command */
	int pid;
	int wait_status;          /* as of waitpid(2) */
	double wall_seconds;
	size_t running;           /* processes that outlived the command */
	const char *not_observed; /* why the command itself was not, or NULL */
};

/* "exited 3", "killed by signal 9 (SIGKILL)". */
struct text summary_ending(int wait_status);

/* Writes a note on target_unseen_bytes(), begun with `label`. */
void summary_print_unseen(uint64_t unseen_bytes, const char *label, FILE *out);

/* Writes the summary of a run. */
void summary_print(const struct run_result *result, const struct collector *c,
		   FILE *out);

#endif /* READER_SUMMARY_H */
