/* SPDX-License-Identifier: MIT */
#ifndef READER_OPTIONS_H
#define READER_OPTIONS_H
/*
 * Options as tables: one row gives the parsing, the line of --help and the
 * part of the synopsis. Shell completion reads the output of --help, so it
 * follows too. Main thread only, one parsing a process.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* How the argument is read, and what `value` of the row points to. */
enum option_type {
	OPTION_FLAG,     /* bool: set to true */
	OPTION_STRING,   /* const char *: the last one wins */
	OPTION_STRINGS,  /* struct string_list: each one is appended */
	OPTION_INTERVAL, /* double: seconds, at least 0.01 */
	OPTION_SECONDS,  /* double: seconds, at least 0; also "10m", "8h" */
	OPTION_COUNT,    /* unsigned long: at least 1 */
	OPTION_BYTES,    /* uint64_t: "64MiB" */
	OPTION_PERCENT,  /* double: above 0 */
};

struct string_list {
	const char **items; /* of argv: not to be freed */
	size_t count;
};

struct option_row {
	char letter;          /* 0: only the long name */
	const char *name;     /* NULL ends the table */
	const char *argument; /* as shown; NULL for a flag */
	enum option_type type;
	void *value;
	const char *help;
};

/* What the command line of one command may look like. */
struct syntax {
	const char *name;     /* of the command */
	const char *summary;  /* for `heaptally help` */
	const char *operands; /* as shown in the synopsis, "" for none */
	size_t operands_max;
	bool stops_early;     /* the first operand ends the options */
	const struct option_row *options; /* NULL: only --help */
};

/*
 * Parses the arguments behind the command's name, argv[0]. True: go on with
 * the operands, now *argv of *argc. False: all is said, exit with *ret_status.
 */
bool options_parse(const struct syntax *syntax, int *argc, char ***argv,
		   int *ret_status);

/*
 * Is the first operand a process? A number is, unless "--" stands before it,
 * behind which even that is a command.
 */
bool options_is_pid(char *const *operands);

/* Writes synopsis, summary and a line for each option. */
void options_help(const struct syntax *syntax, FILE *out);

#endif /* READER_OPTIONS_H */
