/* SPDX-License-Identifier: MIT */
#ifndef READER_CHECK_REPORT_ESCAPE_H
#define READER_CHECK_REPORT_ESCAPE_H
/*
 * Text in the languages of a report, so that none of it acts there. Whatever
 * comes in, what goes out is valid UTF-8 that XML 1.0 allows: control
 * characters, those that turn the reading direction, and bytes that are not
 * UTF-8 become \xNN. Safe in any thread on streams of its own.
 */
#include <stdio.h>

/* To add a language: a row in report_escape.c. */
enum escape {
	ESCAPE_TERMINAL, /* nothing special */
	ESCAPE_SHELL,    /* between single quotes */
	ESCAPE_MARKUP,   /* HTML and XML: text, and values in quotes */
	ESCAPE_MARKDOWN, /* as GitHub has it; not at the start of a line */
	ESCAPE_GITHUB,   /* the message of a workflow command */
	ESCAPE_GITHUB_PROPERTY, /* a property of it: title=... */
	ESCAPES
};

/* Writes what came from outside; a backslash is escaped too. */
void escape_foreign(FILE *out, enum escape language, const char *text);

/*
 * Writes a text of ours, of which the foreign parts have been made visible
 * before: backslashes, tabs and newlines stay.
 */
void escape_own(FILE *out, enum escape language, const char *text);

#endif /* READER_CHECK_REPORT_ESCAPE_H */
