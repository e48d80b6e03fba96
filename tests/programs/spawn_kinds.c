/* SPDX-License-Identifier: MIT */
/*
 * spawn_kinds vfork|posix_spawn|system|popen: runs `true` a few times in one
 * of the ways that share memory until the exec; a vfork child that cannot
 * exec allocates first, in the parent's heap.
 *
 * Expects (by count_shim) that what libc does on the way lands in the
 * parent, that the parent's segment outlives its children, and that its
 * allocations after them are counted.
 */
#include "expect.h"

#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>

static void by_vfork(void)
{
	void *volatile shared = NULL;
	int status;
	pid_t child = vfork();

	MUST(child >= 0);
	if (child == 0) {
		shared = malloc(321); /* the parent's block */
		execl("/nonexistent/program", "program", (char *)NULL);
		_exit(7);
	}
	MUST(waitpid(child, &status, 0) == child);
	MUST(WIFEXITED(status) && WEXITSTATUS(status) == 7);
	MUST(shared);
	free(shared);
	child = vfork();
	MUST(child >= 0);
	if (child == 0) {
		execl("/bin/true", "true", (char *)NULL);
		_exit(8);
	}
	MUST(waitpid(child, &status, 0) == child && status == 0);
}

static void by_posix_spawn(void)
{
	char *argv[] = { "true", NULL };
	int status;
	pid_t child;

	MUST(!posix_spawn(&child, "/bin/true", NULL, NULL, argv, environ));
	MUST(waitpid(child, &status, 0) == child && status == 0);
}

static void by_popen(void)
{
	char line[100];
	FILE *f = popen("echo hello; true", "r");

	MUST(f);
	MUST(fgets(line, sizeof(line), f) && strcmp(line, "hello\n") == 0);
	MUST(pclose(f) == 0);
}

int main(int argc, char **argv)
{
	MUST(argc == 2);
	for (int i = 0; i < 5; i++) {
		void *p = malloc(100);

		MUST(p);
		if (strcmp(argv[1], "vfork") == 0)
			by_vfork();
		else if (strcmp(argv[1], "posix_spawn") == 0)
			by_posix_spawn();
		else if (strcmp(argv[1], "system") == 0)
			MUST(system("true") == 0);
		else
			by_popen();
		if (i)
			free(p);
	}
	expect.no_heap = true;
	expect_report();
	return 0;
}
