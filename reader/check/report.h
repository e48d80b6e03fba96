/* SPDX-License-Identifier: MIT */
#ifndef READER_CHECK_REPORT_H
#define READER_CHECK_REPORT_H
/*
 * The outputs of a finished check. Each is one function in a file of its own,
 * report in and bytes out: no clock, no state, no decision. To add a format:
 * a file here and a row in reader/check_outputs.c. Main thread only.
 */
#include <stdbool.h>
#include <stdio.h>

#include "reader/check/verdict.h"

/* For a person. `width` in columns; `utf8`: more than ASCII may be used. */
struct check_text_style {
	unsigned width;
	bool utf8;
	bool color;
};

void check_report_text(const struct check_report *r,
		       const struct check_text_style *style, FILE *out);

/* One JSON document. */
void check_report_json(const struct check_report *r, FILE *out);

/* JUnit XML, as GitLab, Jenkins and reporters for GitHub read it. */
void check_report_junit(const struct check_report *r, FILE *out);

/* A self-contained page with the charts. */
void check_report_html(const struct check_report *r, FILE *out);

/* Workflow commands of GitHub Actions, for standard output. */
void check_report_github(const struct check_report *r, FILE *out);

/* Markdown for the job summary of GitHub Actions. */
void check_report_github_summary(const struct check_report *r, FILE *out);

/* Code Quality JSON of GitLab. */
void check_report_gitlab(const struct check_report *r, FILE *out);

#endif /* READER_CHECK_REPORT_H */
