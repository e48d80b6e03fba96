/* SPDX-License-Identifier: MIT */
/*
 * children_end: makes children in several ways that do nothing but _exit(),
 * then allocates, reports, and stays until standard input ends.
 *
 * Expects their end not to be taken for this process's.
 */
#include "expect.h"

#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static char stack[65536] __attribute__((aligned(16)));

static int leave(void *argument)
{
	(void)argument;
	_exit(0);
}

static void collect(pid_t child)
{
	int status;

	MUST(child > 0);
	MUST(waitpid(child, &status, 0) == child && status == 0);
}

int main(void)
{
	pid_t child;
	char c;

	MUST(got(malloc(100)));
	child = vfork();
	if (child == 0)
		_exit(0);
	collect(child);
	child = fork();
	if (child == 0)
		_exit(0);
	collect(child);
	child = _Fork();
	if (child == 0)
		_exit(0);
	collect(child);
	child = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	if (child == 0)
		_exit(0);
	collect(child);
	collect(clone(leave, stack + sizeof(stack),
		      CLONE_VM | CLONE_VFORK | SIGCHLD, NULL));
	MUST(got(malloc(200)));
	expect_report();
	while (read(0, &c, 1) > 0)
		;
	return 0;
}
