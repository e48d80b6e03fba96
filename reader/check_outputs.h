/* SPDX-License-Identifier: MIT */
#ifndef READER_CHECK_OUTPUTS_H
#define READER_CHECK_OUTPUTS_H
/*
 * Where the report of a check goes: files that were asked for, and what a CI
 * service that is recognised by its environment wants. Main thread only.
 */
#include <stdbool.h>
#include <stdio.h>

#include "reader/check/report.h"
#include "reader/output_file.h"

/* To add a format: a row in check_outputs.c. */
enum check_format {
	CHECK_FORMAT_JSON,
	CHECK_FORMAT_JUNIT,
	CHECK_FORMAT_HTML,
	CHECK_FORMAT_GITLAB,
	CHECK_FORMATS
};

struct check_outputs {
	const char *names[CHECK_FORMATS]; /* "-": stdout; NULL: not wanted */
	bool is_brief;                    /* for a person only the verdict */
	FILE *person;                     /* where that goes */
	struct output_file files[CHECK_FORMATS];
};

/*
 * Opens what is wanted, before there is anything to write. Returns
 * STATUS_OK, or with a message STATUS_USAGE or STATUS_FAILED.
 */
int check_outputs_open(struct check_outputs *o);

/* Writes everything. False with a message when anything was lost. */
bool check_outputs_write(struct check_outputs *o,
			 const struct check_report *r);

/* Gives the files up; what was there before stays. */
void check_outputs_abandon(struct check_outputs *o);

#endif /* READER_CHECK_OUTPUTS_H */
