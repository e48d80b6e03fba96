/* SPDX-License-Identifier: MIT */
/*
 * clone_newpid: a child that shares its memory, as of vfork, in a pid
 * namespace of its own, ends by _exit. Then "ended" is printed, and a line
 * awaited.
 *
 * Run it as the first process of a namespace: both are then process 1, and
 * the end of the child must not be taken for that of its parent.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static char stack[65536] __attribute__((aligned(16)));

static int child(void *unused)
{
	(void)unused;
	_exit(0);
}

int main(void)
{
	void *volatile block = malloc(10);
	pid_t pid = clone(child, stack + sizeof(stack),
			  CLONE_VM | CLONE_VFORK | CLONE_NEWPID | SIGCHLD, NULL);

	if (pid < 0 || waitpid(pid, NULL, 0) != pid)
		return 1;
	puts("ended");
	fflush(stdout);
	for (int c = 0; c != '\n' && c != EOF;)
		c = getchar();
	free(block);
	return 0;
}
