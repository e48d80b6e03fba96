/* SPDX-License-Identifier: MIT */
/*
 * fork_vfork: a forked child that has not yet allocated makes a child by
 * vfork, which allocates and ends; only then does the forked child allocate.
 *
 * Expects the forked child to have a segment of its own, exact; what the
 * child of vfork does before it has one is not counted anywhere.
 */
#include "expect.h"

#include <sys/wait.h>

/* The compiler must not think that nothing returns twice here. */
static __attribute__((noinline)) void child_by_vfork(void)
{
	int status;
	pid_t child = vfork();

	if (child == 0) {
		void *volatile p = malloc(77);

		free(p);
		_exit(0);
	}
	MUST(child > 0 && waitpid(child, &status, 0) == child && status == 0);
}

int main(void)
{
	int status;
	pid_t child;

	MUST(got(malloc(500)));
	child = fork();
	MUST(child >= 0);
	if (child == 0) {
		expect_child();
		child_by_vfork();
		for (int i = 0; i < 10; i++)
			MUST(got(malloc(100)));
		free(gone(got(malloc(200))));
		expect_report();
		_exit(0);
	}
	MUST(waitpid(child, &status, 0) == child && status == 0);
	expect_report();
	return 0;
}
