/* SPDX-License-Identifier: MIT */
/*
 * Process start:
 *
 *	spawn COUNT COMMAND [ARG...]
 *
 * Runs COMMAND that many times, one after another, and prints the median of
 * the microseconds from posix_spawn to the end. The preload under test comes
 * in by the variable SPAWN_PRELOAD, so that this program is free of it.
 */
#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double run_once(char **command)
{
	double from = now_us();
	int status;
	pid_t pid;

	errno = posix_spawnp(&pid, command[0], NULL, NULL, command, environ);
	if (errno) {
		perror(command[0]);
		exit(1);
	}
	waitpid(pid, &status, 0);
	if (status != 0) {
		fprintf(stderr, "spawn: '%s' failed\n", command[0]);
		exit(1);
	}
	return now_us() - from;
}

int main(int argc, char **argv)
{
	const char *preload = getenv("SPAWN_PRELOAD");
	int count = argc > 2 ? atoi(argv[1]) : 0;
	double *took;

	if (count < 1) {
		fputs("usage: spawn COUNT COMMAND [ARG...]\n", stderr);
		return 2;
	}
	if (preload && *preload)
		setenv("LD_PRELOAD", preload, 1);
	took = calloc((size_t)count, sizeof(*took));
	for (int i = 0; i < count; i++)
		took[i] = run_once(argv + 2);
	qsort(took, (size_t)count, sizeof(*took), by_value);
	printf("%.3f\n", took[count / 2]);
	free(took);
	return 0;
}
