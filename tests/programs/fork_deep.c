/* SPDX-License-Identifier: MIT */
/*
 * fork_deep DEPTH: a chain of children of children; each allocates ten
 * blocks, forks the next, and frees all it has and inherited.
 *
 * Expects each generation to inherit exactly what was live, and to end at 0.
 */
#include "expect.h"

#include <sys/wait.h>

#define EACH 10

static void *held[100 * EACH];
static unsigned count;

static void generation(unsigned left)
{
	int status;
	pid_t child;

	for (unsigned i = 0; i < EACH; i++) {
		held[count] = got(malloc(100 + count));
		MUST(held[count]);
		count++;
	}
	if (left > 0) {
		child = fork();
		MUST(child >= 0);
		if (child == 0) {
			expect_child();
			generation(left - 1);
			exit(0);
		}
		MUST(waitpid(child, &status, 0) == child && status == 0);
	}
	for (unsigned i = 0; i < count; i++)
		free(gone(held[i]));
	MUST(expect.live_bytes == 0);
	expect_report();
}

int main(int argc, char **argv)
{
	MUST(argc == 2);
	generation((unsigned)strtoul(argv[1], NULL, 10));
	return 0;
}
