/* SPDX-License-Identifier: MIT */
#ifndef READER_PROFILE_GO_H
#define READER_PROFILE_GO_H
/*
 * The figures of a native process under the names of Go's runtime, for what
 * reads those: the fields of runtime.MemStats, then what its functions tell.
 * A name has the value of a metric of ours; or 0, but only where consumers of
 * Go's figures break on its absence, each with the reason; or is left out.
 * Never stands a figure there that means something else. Main thread only.
 */
#include <stdbool.h>
#include <stdio.h>

#include "reader/json.h"
#include "reader/view.h"

/*
 * Reads the option --profile of a command, NULL where it was not given, as
 * "native" or "go". STATUS_OK, or STATUS_USAGE with a message.
 */
int profile_go_option(const char *command, const char *name, bool *ret_go);

/* Writes a line for each name that has a value or is 0. */
void profile_go_print(const struct view *v, FILE *out);

/*
 * Appends the process to a list: pid, instance, command, state, coverage, and
 * the object "go".
 */
void profile_go_append_json(struct json *processes, const struct view *v);

/*
 * The table itself: name, what it is made of, and why that, or why it is 0 or
 * left out.
 */
void profile_go_print_table(FILE *out);
void profile_go_put_table_json(struct json *document);

#endif /* READER_PROFILE_GO_H */
