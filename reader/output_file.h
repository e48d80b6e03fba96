/* SPDX-License-Identifier: MIT */
#ifndef READER_OUTPUT_FILE_H
#define READER_OUTPUT_FILE_H
/*
 * A file that appears whole or not at all: written under another name and
 * renamed when complete. "-" is standard output; a device or pipe is written
 * directly. Opened before there is anything to write, so that a wrong name
 * is found early. Main thread only.
 */
#include <stdbool.h>
#include <stdio.h>

struct output_file {
	FILE *stream;
	const char *name;  /* as given */
	char *path;        /* to appear at; NULL: written directly */
	char *temporary;
};

/* False with a message when it cannot be written. */
bool output_file_open(struct output_file *ret, const char *name);

/* Completes the file. False with a message when anything was lost. */
bool output_file_finish(struct output_file *o);

/* Gives it up; what was there before stays. */
void output_file_abandon(struct output_file *o);

#endif /* READER_OUTPUT_FILE_H */
