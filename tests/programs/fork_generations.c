/* SPDX-License-Identifier: MIT */
/*
 * fork_generations N: a program that renews itself N times: it forks, the
 * parent ends, the child allocates and goes on. The last one prints its
 * address space in KiB, as "virtual K".
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void print_virtual(void)
{
	FILE *status = fopen("/proc/self/status", "r");
	char line[200];

	while (status && fgets(line, sizeof(line), status))
		if (strncmp(line, "VmSize:", 7) == 0)
			printf("virtual %d\n", atoi(line + 7));
	fflush(stdout);
	_exit(status ? 0 : 1);
}

int main(int argc, char **argv)
{
	int generations = argc > 1 ? atoi(argv[1]) : 1;

	/* The last one is then a child of this one, which waits for it. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	if (fork() == 0) {
		for (int i = 0; i < generations; i++) {
			void *volatile block = malloc(100);

			free(block);
			if (fork() != 0)
				_exit(0);
		}
		print_virtual();
	}
	while (wait(NULL) > 0)
		;
	return 0;
}
