/* SPDX-License-Identifier: MIT */
/*
 * fork_gap DIRECTORY: a child that cannot have a segment, as DIRECTORY is
 * elsewhere meanwhile, allocates untallied and then forks once more, when the
 * directory is back.
 *
 * Expects the grandchild's own allocs; what it inherited nobody knows.
 */
#include "expect.h"

#include <stdio.h>
#include <sys/wait.h>

static void await(pid_t child)
{
	int status;

	MUST(child > 0 && waitpid(child, &status, 0) == child && status == 0);
}

static void grandchild(void)
{
	struct text t = { .length = 0 };

	expect_child();
	MUST(got(malloc(100)));
	text_line(&t, "pid", (uint64_t)getpid());
	text_line(&t, "/heap/allocs:objects", expect.allocs);
	text_write(&t, 1);
	_exit(0);
}

int main(int argc, char **argv)
{
	char aside[4096];
	pid_t child;

	MUST(argc == 2 && strlen(argv[1]) + 8 < sizeof(aside));
	strcpy(aside, argv[1]);
	strcat(aside, ".aside");
	MUST(got(malloc(500)));
	child = fork();
	if (child == 0) {
		MUST(!rename(argv[1], aside));
		for (int i = 0; i < 10; i++)
			MUST(got(malloc(1000)));
		MUST(!rename(aside, argv[1]));
		child = fork();
		if (child == 0)
			grandchild();
		await(child);
		_exit(0);
	}
	await(child);
	return 0;
}
