/* SPDX-License-Identifier: MIT */
/*
 * fork_negative: a child of a raw clone, which no handler sees, frees more
 * than it is known to have inherited.
 *
 * Expects no absurd peak: the child never had more than 16 MiB.
 */
#include "expect.h"

#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define BLOCKS 1024

int main(void)
{
	static void *blocks[BLOCKS];
	int status;
	pid_t child;

	for (int i = 0; i < BLOCKS; i++)
		MUST((blocks[i] = malloc(8000)));
	child = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	MUST(child >= 0);
	if (child == 0) {
		struct text t = { .length = 0 };

		for (int i = 0; i < BLOCKS; i++)
			free(blocks[i]);
		/* Enough for the tally to look at its peak. */
		for (int i = 0; i < BLOCKS; i++)
			free(malloc(5000));
		text_line(&t, "pid", (uint64_t)getpid());
		text_write(&t, 1);
		_exit(0);
	}
	MUST(waitpid(child, &status, 0) == child && status == 0);
	return 0;
}
