/* SPDX-License-Identifier: MIT */
/*
 * fork_in_handler fork|_Fork N: a signal handler forks, N times, while main
 * allocates; each child returns into what was interrupted, be it an addition
 * of the tally's, goes on allocating and ends.
 *
 * Expects all children to live to their end.
 */
#include "expect.h"

#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>

static pid_t (*fork_kind)(void);
static volatile sig_atomic_t forks, is_child;

static void on_alarm(int signal)
{
	int saved = errno;
	pid_t child = fork_kind();

	(void)signal;
	if (child == 0)
		is_child = 1;
	else if (child > 0)
		forks++;
	errno = saved;
}

/* Every path of the tally: plain and large blocks, moves, new peaks. */
static void work(int rounds)
{
	static void *blocks[64];

	for (int i = 0; i < rounds && !is_child; i++) {
		void **slot = &blocks[i % 64];

		free(*slot);
		*slot = malloc((size_t)(i * 37 % 5000) + 1);
		*slot = realloc(*slot, (size_t)(i * 91 % 9000) + 1);
		MUST(*slot);
		if (i % 16 == 0)
			free(malloc(300 << 10));
	}
}

int main(int argc, char **argv)
{
	/* Time of the process: the child, which has no timer, gets none. */
	struct itimerval timer = { { 0, 300 }, { 0, 300 } };
	int wanted, status;
	pid_t ended;

	MUST(argc == 3);
	fork_kind = strcmp(argv[1], "_Fork") == 0 ? _Fork : fork;
	wanted = atoi(argv[2]);
	MUST(signal(SIGALRM, on_alarm) != SIG_ERR);
	MUST(!setitimer(ITIMER_REAL, &timer, NULL));
	while (forks < wanted && !is_child) {
		work(1000);
		while ((ended = waitpid(-1, &status, WNOHANG)) > 0)
			MUST(status == 0);
	}
	if (is_child) {
		is_child = 0;
		work(500);
		_exit(0);
	}
	memset(&timer, 0, sizeof(timer));
	MUST(!setitimer(ITIMER_REAL, &timer, NULL));
	while (waitpid(-1, &status, 0) > 0)
		MUST(status == 0);
	return 0;
}
