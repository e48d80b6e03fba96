/* SPDX-License-Identifier: MIT */
/*
 * fork_inherit: a child that frees all that it inherited, and a little of
 * its own; a parent that goes on with its own copy.
 *
 * Expects the child to begin with what was live, to end with live 0, and to
 * leave the parent's numbers alone.
 */
#include "expect.h"

#include <sys/wait.h>

#define BLOCKS 100

int main(void)
{
	void *p[BLOCKS];
	int status;
	pid_t child;

	for (int i = 0; i < BLOCKS; i++)
		MUST((p[i] = got(malloc(1 + (size_t)i * 50))));
	free(gone(p[0]));
	p[1] = x_realloc(p[1], 5000);
	child = fork();
	MUST(child >= 0);
	if (child == 0) {
		void *own;

		expect_child();
		own = got(calloc(1, 777));
		MUST(own);
		for (int i = 1; i < BLOCKS; i++)
			free(gone(p[i]));
		free(gone(own));
		MUST(expect.live_bytes == 0);
		expect_report();
		exit(0);
	}
	MUST(waitpid(child, &status, 0) == child && status == 0);
	for (int i = 1; i < BLOCKS / 2; i++)
		free(gone(p[i]));
	expect_report();
	return 0;
}
