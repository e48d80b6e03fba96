/* SPDX-License-Identifier: MIT */
/*
 * ends KIND: reports, then ends in one of many ways.
 *
 *	return exit _exit quick_exit abort segv kill term thread main_thread
 *
 * Expects the last state to be as reported, however it ended.
 */
#include "expect.h"

#include <signal.h>

static void at_exit(void)
{
	free(malloc(100));
}

static void *leave(void *argument)
{
	(void)argument;
	expect_thread();
	expect.threaded = true;
	expect_report();
	exit(5);
}

int main(int argc, char **argv)
{
	const char *kind;
	void *p;

	MUST(argc == 2);
	kind = argv[1];
	for (int i = 0; i < 7; i++)
		MUST((p = got(malloc(1000))));
	p = x_realloc(p, 9000);
	free(gone(p));
	if (strcmp(kind, "thread") == 0) {
		pthread_t id;

		MUST(!pthread_create(&id, expect_small_stack(), leave, NULL));
		pause();
	}
	if (strcmp(kind, "main_thread") == 0) {
		/* The last thread of all: libc goes through exit(0). It loads
		 * libgcc_s for it, which allocates. */
		expect.no_heap = true;
		MUST(!atexit(at_exit));
		expect.exited = 1;
		expect.threaded = true;
		expect.threads_peak = 1;
		expect_report();
		pthread_exit(NULL);
	}
	expect_report();
	if (strcmp(kind, "return") == 0)
		return 5;
	if (strcmp(kind, "exit") == 0)
		exit(5);
	if (strcmp(kind, "_exit") == 0)
		_exit(5);
	if (strcmp(kind, "quick_exit") == 0)
		quick_exit(5);
	if (strcmp(kind, "abort") == 0)
		abort();
	if (strcmp(kind, "segv") == 0)
		*(volatile int *)16 = 1;
	if (strcmp(kind, "kill") == 0)
		kill(getpid(), SIGKILL);
	if (strcmp(kind, "term") == 0)
		kill(getpid(), SIGTERM);
	MUST(!"a known kind");
	return 2;
}
