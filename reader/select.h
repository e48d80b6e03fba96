/* SPDX-License-Identifier: MIT */
#ifndef READER_SELECT_H
#define READER_SELECT_H
/*
 * Which processes a command is asked for: by PID, by --name, or the only one
 * there is. Main thread only.
 */
#include <stdbool.h>
#include <stddef.h>

#include "reader/discover.h"

struct select_request {
	const char *command; /* for usage messages */
	char **pids;         /* operands */
	size_t pid_count;
	const char *glob;    /* of --name, or NULL */
	bool single;         /* more than one is an error */
};

struct selection {
	struct place *places;
	size_t count;
};

/*
 * Chooses among what was discovered. A pid that has nothing there is looked
 * for in its own directory, maybe of a container, which adds to *d. Whoever
 * cannot be had is named on standard error; the others are in *ret, even then. Returns the exit status
 * so far: STATUS_OK, STATUS_USAGE or STATUS_NOT_OBSERVED. Release in any case.
 */
int select_targets(struct selection *ret, struct discovery *d,
		   const struct select_request *request);
void select_release(struct selection *s);

/*
 * Attaches to the best segment of a pid: of our pid namespace rather than of
 * another, live rather than ended, new rather than old. Returns ATTACH_OK
 * with *ret_place and *ret, which the caller closes; else ATTACH_GONE if
 * there is none at all, or why the last one tried could not be read.
 */
enum attach_error select_pid(const struct discovery *d, int pid,
			     const struct place **ret_place,
			     struct attachment **ret);

/* As discover_scan(), with a message: STATUS_OK or STATUS_NOT_OBSERVED. */
int select_scan(struct discovery *ret);

/* Says that nothing is tallied and how to start. */
void select_hint(const struct discovery *d);

#endif /* READER_SELECT_H */
