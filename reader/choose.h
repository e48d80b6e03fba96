/* SPDX-License-Identifier: MIT */
#ifndef READER_CHOOSE_H
#define READER_CHOOSE_H
/*
 * Which processes a command is asked for: by PID, by --name, or the only one
 * there is. Main thread only.
 */
#include <stdbool.h>
#include <stddef.h>

#include "reader/api/heaptally.h"

struct choice {
	const char *command; /* for usage messages */
	char **pids;         /* operands */
	size_t pid_count;
	const char *glob;    /* of --name, or NULL */
	bool single;         /* more than one is an error */
};

/* What is done with each: h has it open. Returns an exit status. */
typedef int choose_visit(struct ht *h, void *argument);

/*
 * Opens one chosen process after another in a handle, and calls visit() with
 * that; its exit statuses count, the last one but STATUS_OK wins. Whoever
 * cannot be had is named on standard error, and the others are visited all
 * the same. Returns the exit status. After a STATUS_USAGE of its own nothing
 * has been visited.
 */
int choose(const struct choice *choice, choose_visit *visit, void *argument);

/* As ht_list(), with a message: STATUS_OK or STATUS_NOT_OBSERVED. */
int choose_list(struct ht *h, unsigned flags, struct ht_place **ret,
		size_t *ret_count);

/* Says that nothing is tallied and how to start. */
void choose_hint(void);

#endif /* READER_CHOOSE_H */
