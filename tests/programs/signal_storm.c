/* SPDX-License-Identifier: MIT */
/*
 * signal_storm failures|handler|both SIGNALS: a 10 kHz interval timer whose
 * handler uses the malloc family while main does so too.
 *
 *	failures  both only make requests that are refused before any lock
 *	handler   main makes such requests, the handler allocates and frees
 *	both      both allocate and free: needs an allocator that can bear it
 *	          (bump_shim.c); with glibc's this would be a deadlock
 *
 * Expects that not one operation is lost, wherever the signal came in.
 */
#include "expect.h"

#include <signal.h>
#include <sys/time.h>

static bool handler_allocates, main_allocates;
static volatile unsigned handled, wanted;

static void refused(void)
{
	void *p = NULL;

	MUST(posix_memalign(&p, 3, 8) == EINVAL);
	EXPECT_ADD(failures, 1);
}

static void allocate(void)
{
	void *p = got(malloc(100));
	void *q = got(calloc(3, 50));

	MUST(p && q);
	p = x_realloc(p, 300);
	MUST(p);
	free(gone(q));
	free(gone(p));
}

static void handle(int signal)
{
	(void)signal;
	for (int i = 0; i < 5; i++) {
		if (handler_allocates)
			allocate();
		else
			refused();
	}
	handled++;
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = handle,
				    .sa_flags = SA_RESTART };
	struct itimerval often = { { 0, 100 }, { 0, 100 } };
	struct itimerval never = { { 0, 0 }, { 0, 0 } };

	MUST(argc == 3);
	handler_allocates = strcmp(argv[1], "failures") != 0;
	main_allocates = strcmp(argv[1], "both") == 0;
	wanted = (unsigned)strtoul(argv[2], NULL, 10);
	expect.no_peak = true;
	MUST(!sigaction(SIGALRM, &action, NULL));
	MUST(!setitimer(ITIMER_REAL, &often, NULL));
	while (handled < wanted) {
		for (int i = 0; i < 100; i++) {
			if (main_allocates)
				allocate();
			else
				refused();
		}
	}
	MUST(!setitimer(ITIMER_REAL, &never, NULL));
	MUST(handled >= wanted);
	expect_report();
	return 0;
}
