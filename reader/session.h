/* SPDX-License-Identifier: MIT */
#ifndef READER_SESSION_H
#define READER_SESSION_H
/*
 * One recording from its start to its end: of a command and what it starts,
 * or of a process that runs already and what it starts. Samples are taken
 * each interval and at each mark. Main thread only.
 */
#include <stdbool.h>
#include <stdint.h>

#include "reader/options.h"

struct session_request {
	const char *command_name;       /* of ours, for usage messages */
	const char *output;             /* file to record to, or "-" */
	bool force;                     /* overwrite it */
	double interval_seconds;
	double duration_seconds;        /* 0: until it ends */
	const struct string_list *only; /* globs of commands; none: all */
	bool no_follow;                 /* not what it starts */
	bool shows_progress;            /* if standard error is a terminal */
	const char *glob;               /* a running process by its command */
};

struct session_result {
	uint64_t samples, processes; /* recorded */
	uint64_t observed;           /* processes with a heap that was seen */
	bool complete;               /* nothing was lost; else that was said */
	bool was_stopped;            /* its time was up */
	bool was_interrupted;        /* by a signal to us */
	int command_status;          /* as shells say it; 0 without command */
	const char *not_observed;    /* why not, or NULL */
};

/*
 * Runs a command, argv ending in NULL. Returns STATUS_OK once it has ended,
 * else with a message and nothing recorded: 126 or 127 where it could not be
 * run, or why the file could not be made. When its time is up all its
 * processes get SIGTERM, and those that stay SIGKILL.
 */
int session_record_command(const struct session_request *request, char **argv,
			   struct session_result *ret);

/*
 * Follows a running process, `pid` as an operand or NULL for the one of
 * request->glob or the only one there is, until it ends or a signal stops
 * us. Returns STATUS_OK, else with a message why nothing was recorded.
 */
int session_record_process(const struct session_request *request, char *pid,
			   struct session_result *ret);

#endif /* READER_SESSION_H */
