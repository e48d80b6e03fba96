/* SPDX-License-Identifier: MIT */
#ifndef READER_REPORT_H
#define READER_REPORT_H
/*
 * What the command says on standard error, and the statuses it exits with.
 * Messages: "heaptally: cause, lower-case, 'subject' quoted, next step", one
 * line, one write. Text from segments is escaped by the caller (format.h).
 * Main thread only.
 */
#include <stddef.h>

/* Exit statuses; `run` passes its command's through. */
enum exit_status {
	STATUS_OK = 0,
	STATUS_FAILED = 1,       /* output could not be written */
	STATUS_USAGE = 2,
	STATUS_NOT_OBSERVED = 3,
};

/* Prints "heaptally: " and the message; a newline is added. errno is kept. */
__attribute__((format(printf, 1, 2)))
void report(const char *format, ...);

/*
 * The same, and a second line that points to the help of `command`, or to
 * that of heaptally itself if NULL. Returns STATUS_USAGE.
 */
__attribute__((format(printf, 2, 3)))
int report_usage(const char *command, const char *format, ...);

/*
 * Returns strerror(error) as the middle of a sentence: lower-case. Valid
 * until the next call.
 */
const char *report_errno(int error);

/*
 * Flushes standard output and returns `status`. If anything written there was
 * lost, says so, unless a pipe was closed, and turns success into
 * STATUS_FAILED.
 */
int report_output(int status);

/*
 * Formats a clause of a later message into *slot, whose former content, NULL
 * at first, is freed. Returns it.
 */
__attribute__((format(printf, 2, 3)))
const char *report_clause(char **slot, const char *format, ...);

/* Returns `allocated`, or ends the process with a message where it is NULL. */
__attribute__((returns_nonnull))
void *report_oom(void *allocated);

#endif /* READER_REPORT_H */
