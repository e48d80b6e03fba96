/* SPDX-License-Identifier: MIT */
#include "reader/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "reader/library.h"
#include "reader/process.h"

/*
 * Signals that are read while the command runs. INT and QUIT come from the
 * terminal, which sends them to the command as well: they are dropped.
 */
static const struct {
	int number;
	bool forward;
} handled[] = {
	{ SIGCHLD, false }, { SIGINT, false },  { SIGQUIT, false },
	{ SIGTERM, true },  { SIGHUP, true },   { SIGUSR1, true },
	{ SIGUSR2, true },
};

#define HANDLED_COUNT (sizeof(handled) / sizeof(handled[0]))

static void export(const char *name, const char *value)
{
	if (setenv(name, value, 1) != 0)
		_exit(126);
}

/*
 * AddressSanitizer's shared library ends a program in which it is not the
 * first one. Children may have it where the command has not, so this is for
 * all of them; whoever does not know the option skips it.
 */
static void permit_link_order(void)
{
	static const char option[] = "verify_asan_link_order=0";
	const char *existing = getenv("ASAN_OPTIONS");
	char *options = NULL;

	if (!existing || !*existing)
		export("ASAN_OPTIONS", option);
	else if (asprintf(&options, "%s:%s", existing, option) >= 0)
		export("ASAN_OPTIONS", options);
	free(options);
}

/* In the child: the environment of the command. */
static void set_environment(const struct launch *l)
{
	char pid[16];

	export("LD_PRELOAD",
	       library_preload(l->libraries, getenv("LD_PRELOAD")));
	permit_link_order();
	if (!l->directory)
		return;
	export("HEAPTALLY_DIR", l->directory);
	export("HEAPTALLY_KEEP", "1");
	if (l->only)
		export("HEAPTALLY_ONLY", l->only);
	if (!l->no_follow)
		return;
	/* What it forks is off by the first, what that executes by the last. */
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	export("HEAPTALLY_FORK", "off");
	export("HEAPTALLY_PID", pid);
}

static void run_child(const struct child *c, const struct launch *l,
		      int error_fd)
{
	int error;

	if (*l->libraries)
		set_environment(l);
	if (l->marks)
		export("HEAPTALLY_MARK", l->marks);
	sigaction(SIGCHLD, &c->chld_before, NULL);
	sigprocmask(SIG_SETMASK, &c->mask_before, NULL);
	execvp(l->argv[0], l->argv);
	error = errno;
	while (write(error_fd, &error, sizeof(error)) < 0 && errno == EINTR)
		continue;
	_exit(126);
}

/* Blocks what is handled and makes it readable; false with errno. */
static bool take_signals(struct child *c)
{
	struct sigaction standard = { .sa_handler = SIG_DFL };
	sigset_t mask;

	sigemptyset(&mask);
	for (size_t i = 0; i < HANDLED_COUNT; i++)
		sigaddset(&mask, handled[i].number);
	c->signal_fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	if (c->signal_fd < 0)
		return false;
	sigprocmask(SIG_BLOCK, &mask, &c->mask_before);
	/* Were it ignored, as some parents leave it, there was no status. */
	sigaction(SIGCHLD, &standard, &c->chld_before);
	return true;
}

/* Returns 0 once the child has executed, or the errno why it could not. */
static int read_exec_error(int fd)
{
	int error = 0;
	ssize_t length;

	do
		length = read(fd, &error, sizeof(error));
	while (length < 0 && errno == EINTR);
	return length == (ssize_t)sizeof(error) ? error : 0;
}

static int start_child(struct child *c, const struct launch *l)
{
	int fds[2];
	int error;

	if (pipe2(fds, O_CLOEXEC) != 0)
		return errno;
	c->pid = fork();
	if (c->pid == 0)
		run_child(c, l, fds[1]);
	error = c->pid < 0 ? errno : 0;
	close(fds[1]);
	if (!error)
		error = read_exec_error(fds[0]);
	close(fds[0]);
	if (error && c->pid > 0) {
		waitpid(c->pid, NULL, 0);
		c->pid = 0;
	}
	return error;
}

int launch_start(struct child *ret, const struct launch *l)
{
	int error;

	/* stdio's buffers would be written twice, by the child as well. */
	fflush(NULL);
	if (!take_signals(ret))
		return errno;
	error = start_child(ret, l);
	if (error)
		launch_end(ret);
	return error;
}

static void handle_signal(const struct child *c, unsigned number)
{
	for (size_t i = 0; i < HANDLED_COUNT; i++)
		if (handled[i].number == (int)number && handled[i].forward &&
		    c->pid > 0)
			kill(c->pid, (int)number);
}

static void handle_signals(const struct child *c)
{
	struct signalfd_siginfo received;

	while (read(c->signal_fd, &received, sizeof(received)) ==
	       (ssize_t)sizeof(received))
		handle_signal(c, received.ssi_signo);
}

bool launch_wait(struct child *c, int timeout_ms, int *ret_wait_status)
{
	struct pollfd ready = { .fd = c->signal_fd, .events = POLLIN };
	siginfo_t ended = { .si_pid = 0 };

	poll(&ready, 1, timeout_ms);
	handle_signals(c);
	/* While it is a zombie it still has a name. */
	if (waitid(P_PID, (id_t)c->pid, &ended, WEXITED | WNOHANG | WNOWAIT) == 0 &&
	    ended.si_pid == c->pid)
		process_name(c->pid, c->last_name, sizeof(c->last_name));
	if (waitpid(c->pid, ret_wait_status, WNOHANG) != c->pid)
		return false;
	c->pid = 0; /* from now on it may be somebody else's */
	return true;
}

void launch_end(struct child *c)
{
	handle_signals(c);
	close(c->signal_fd);
	sigaction(SIGCHLD, &c->chld_before, NULL);
	sigprocmask(SIG_SETMASK, &c->mask_before, NULL);
}
