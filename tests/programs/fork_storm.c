/* SPDX-License-Identifier: MIT */
/*
 * fork_storm CHILDREN: that many children, some at a time; each makes three
 * allocations and two frees, all alike, and ends. The parent allocates
 * between any two of them.
 *
 * Expects the parent to be exact. Every child must begin with the 10 blocks
 * that the parent holds, and end with 11.
 */
#include "expect.h"

#include <sys/wait.h>

#define AT_ONCE 16

static void collect_one(void)
{
	int status;

	MUST(wait(&status) > 0 && status == 0);
}

static uint64_t child_bytes(void)
{
	static const size_t sizes[] = { 100, 2000, 3000 };
	uint64_t sum = 0;

	for (int i = 0; i < 3; i++) {
		void *p = got(malloc(sizes[i]));

		MUST(p);
		sum += malloc_usable_size(p);
		free(gone(p));
	}
	return sum;
}

static _Noreturn void child(void)
{
	void *p = malloc(100), *q = malloc(2000), *r = calloc(3, 1000);

	MUST(p && q && r);
	free(p);
	free(r);
	_exit(0);
}

int main(int argc, char **argv)
{
	unsigned children, running = 0;
	struct text t = { .length = 0 };

	MUST(argc == 2);
	text_line(&t, "child-bytes", child_bytes());
	children = (unsigned)strtoul(argv[1], NULL, 10);
	for (unsigned i = 0; i < 10; i++)
		MUST(got(malloc(1000)));
	for (unsigned i = 0; i < children; i++) {
		void *p = got(malloc(50));
		pid_t pid;

		free(gone(p));
		pid = fork();
		MUST(pid >= 0);
		if (pid == 0)
			child();
		if (++running == AT_ONCE) {
			collect_one();
			running--;
		}
	}
	while (running--)
		collect_one();
	expect_text(&t);
	text_write(&t, 1);
	return 0;
}
