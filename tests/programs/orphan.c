/* SPDX-License-Identifier: MIT */
/*
 * orphan: forks a child that allocates nothing and stays until standard
 * input ends; reports, prints "child PID", and kills itself.
 *
 * Expects to be seen dead although the child lives on.
 */
#include "expect.h"

#include <signal.h>

int main(void)
{
	struct text t = { .length = 0 };
	pid_t child;
	char c;

	MUST(got(malloc(100)));
	child = fork();
	MUST(child >= 0);
	if (child == 0) {
		while (read(0, &c, 1) > 0)
			;
		_exit(0);
	}
	text_line(&t, "child", (uint64_t)child);
	expect_text(&t);
	text_write(&t, 1);
	kill(getpid(), SIGKILL);
	return 1;
}
