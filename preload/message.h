/* SPDX-License-Identifier: MIT */
#ifndef PRELOAD_MESSAGE_H
#define PRELOAD_MESSAGE_H
/*
 * The one line that HEAPTALLY_VERBOSE asks for. No stdio, no allocation.
 */

#include <stdbool.h>

/*
 * Set once the program runs, children of it included: descriptor 2 may be
 * anything by then, and nothing more is written.
 */
extern bool message_is_late __attribute__((visibility("hidden")));

/*
 * Writes "heaptally: the tally is off: WHY: SUBJECT: error" to standard error
 * with a single write. subject may be NULL, error is an errno value or 0.
 * Does nothing unless HEAPTALLY_VERBOSE is set. Start of the process only.
 */
void message_off(const char *why, const char *subject, int error);

#endif /* PRELOAD_MESSAGE_H */
