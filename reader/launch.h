/* SPDX-License-Identifier: MIT */
#ifndef READER_LAUNCH_H
#define READER_LAUNCH_H
/*
 * Starting a command and standing by until it ends, as time(1) does: its
 * streams, signal mask and dispositions are those we were started with, and
 * it inherits no descriptor of ours. One command a process; main thread only.
 */
#include <signal.h>
#include <stdbool.h>

struct launch {
	char **argv;                  /* ends in NULL */
	const char *const *libraries; /* to preload; ends in NULL */
	const char *directory;        /* for its segments, absolute; NULL =
					 the command runs untallied */
	const char *only;             /* glob list of commands, or NULL */
	const char *marks;            /* file for HEAPTALLY_MARK; NULL = as is */
	bool no_follow;               /* tally this one process alone */
};

struct child {
	int pid;               /* 0 once it has been waited for */
	int signal_fd;
	sigset_t mask_before;
	struct sigaction chld_before;
	char last_name[17];    /* the kernel's, of its last image; once it ended */
};

/*
 * Starts the command. Returns 0, or a positive errno where it could not be
 * run: nothing is left behind then. From here to launch_end() signals for
 * the command are passed on to it.
 */
int launch_start(struct child *ret, const struct launch *l);

/*
 * Waits until the command ends, for at most that long. True, with the status
 * of waitpid(2) stored, when it has.
 */
bool launch_wait(struct child *c, int timeout_ms, int *ret_wait_status);

/* Puts signals back as they were. */
void launch_end(struct child *c);

#endif /* READER_LAUNCH_H */
