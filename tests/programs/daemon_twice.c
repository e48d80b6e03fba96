/* SPDX-License-Identifier: MIT */
/*
 * daemon_twice FILE: becomes a daemon the classic way, by daemon() and one
 * more fork, so that nobody is its parent. Each of the three processes
 * appends its report to FILE; the last one ends with a line "end".
 *
 * Expects each to be exact, with what it inherited.
 */
#include "expect.h"

#include <fcntl.h>

static int file;

static void some(int n)
{
	for (int i = 0; i < n; i++) {
		void *p = got(malloc(100 + (size_t)i));

		MUST(p);
		if (i % 3 == 0)
			free(gone(p));
	}
}

static void report(void)
{
	struct text t = { .length = 0 };

	expect_text(&t);
	text_write(&t, file);
}

int main(int argc, char **argv)
{
	pid_t pid;

	MUST(argc == 2);
	file = open(argv[1], O_WRONLY | O_CREAT | O_APPEND, 0600);
	MUST(file >= 0);
	some(10);
	report();
	MUST(daemon(1, 1) == 0);
	expect_child();
	some(20);
	report();
	pid = fork();
	MUST(pid >= 0);
	if (pid > 0)
		_exit(0);
	expect_child();
	some(40);
	report();
	MUST(write(file, "end\n", 4) == 4);
	return 0;
}
