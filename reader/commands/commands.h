/* SPDX-License-Identifier: MIT */
#ifndef READER_COMMANDS_COMMANDS_H
#define READER_COMMANDS_COMMANDS_H
/*
 * The commands: one file each, one row each in commands.c. A command gets
 * its operands, options already parsed into the variables of its table, and
 * returns the exit status. Main thread only.
 */
#include <stddef.h>
#include <stdio.h>

#include "reader/options.h"

struct command {
	struct syntax syntax;
	int (*run)(int argc, char **argv);
};

/* Returns the row called `name`, or NULL. Exact match only: no prefixes. */
const struct command *command_find(const char *name);

/*
 * Says that there is no such command and which one was probably meant.
 * Returns STATUS_USAGE.
 */
int command_unknown(const char *name);

/* Writes the overview: one line for each command. */
void commands_overview(FILE *out);

int cmd_check(int argc, char **argv);
int cmd_ctl(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_env(int argc, char **argv);
int cmd_help(int argc, char **argv);
int cmd_list(int argc, char **argv);
int cmd_mark(int argc, char **argv);
int cmd_metrics(int argc, char **argv);
int cmd_record(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_stat(int argc, char **argv);
int cmd_sweep(int argc, char **argv);
int cmd_watch(int argc, char **argv);

/* Each defined beside its command; the last row has no name. */
extern const struct option_row check_options[];
extern const struct option_row ctl_options[];
extern const struct option_row doctor_options[];
extern const struct option_row env_options[];
extern const struct option_row list_options[];
extern const struct option_row mark_options[];
extern const struct option_row metrics_options[];
extern const struct option_row record_options[];
extern const struct option_row run_options[];
extern const struct option_row stat_options[];
extern const struct option_row sweep_options[];
extern const struct option_row watch_options[];

#endif /* READER_COMMANDS_COMMANDS_H */
