/* SPDX-License-Identifier: MIT */
/*
 * fork_idle: a child that allocates nothing; prints its pid in a line
 * "child PID" before the parent's report.
 *
 * Expects no segment to be made for it.
 */
#include "expect.h"

#include <sys/wait.h>

int main(void)
{
	struct text t = { .length = 0 };
	int status;
	pid_t child;
	void *p = got(malloc(100));

	MUST(p);
	child = fork();
	MUST(child >= 0);
	if (child == 0)
		_exit(0);
	MUST(waitpid(child, &status, 0) == child && status == 0);
	text_line(&t, "child", (uint64_t)child);
	text_write(&t, 1);
	expect_report();
	return 0;
}
