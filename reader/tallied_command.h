/* SPDX-License-Identifier: MIT */
#ifndef READER_TALLIED_COMMAND_H
#define READER_TALLIED_COMMAND_H
/*
 * A command that runs under the tally, its segments and those of whatever it
 * starts in a directory of their own. Whatever is missing for the tally, the
 * command runs all the same. One a process; main thread only.
 */
#include <stdbool.h>
#include <stddef.h>

#include "reader/launch.h"
#include "reader/options.h"
#include "reader/run_directory.h"

#define TALLIED_LIBRARIES_MAX 3 /* ours, its companion, an allocator */

struct tallied_request {
	char **argv;                    /* ends in NULL */
	const char *allocator;          /* library to run it on, or NULL */
	const struct string_list *only; /* globs of commands; none: all */
	bool no_follow;                 /* tally this one process alone */
};

struct tallied_command {
	struct tallied_request request;
	struct child child;
	int pid;                        /* of the command, also once it ended */
	struct run_directory directory; /* if tallied */
	const char *library;            /* NULL: not tallied */
	const char *untallied;          /* why it is not tallied, or NULL */
	const char *libraries[TALLIED_LIBRARIES_MAX + 1]; /* to preload */
};

/*
 * Makes its directory. A command that cannot be tallied is told of on
 * standard error, and will run.
 */
void tallied_command_prepare(struct tallied_command *ret,
			     const struct tallied_request *request);

/*
 * Starts it. `marks` is the path of a file for HEAPTALLY_MARK, or NULL.
 * Returns STATUS_OK; or, with a message, 127 for a command that was not found
 * and 126 for one that could not be run.
 */
int tallied_command_start(struct tallied_command *t, const char *marks);

/*
 * Closes the directory, and removes it unless it is still in use: `running`
 * says whether a process that may write there lives on.
 */
void tallied_command_release(struct tallied_command *t, bool running);

/* The status to exit with for a status of waitpid(2), as shells do. */
int tallied_command_status(int wait_status);

#endif /* READER_TALLIED_COMMAND_H */
