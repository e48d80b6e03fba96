/* SPDX-License-Identifier: MIT */
/*
 * fork_in_handler_shared N: a signal handler forks, N times, while a second
 * thread allocates; with HEAPTALLY_SLOTS=1 that thread has no slot of its
 * own. Each child returns into what was interrupted and ends.
 *
 * Prints "N ended, 0 killed".
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t forks, is_child;
static int wanted;

static void on_alarm(int signal)
{
	int saved = errno;
	pid_t child;

	(void)signal;
	if (is_child || forks >= wanted)
		return;
	child = _Fork();
	if (child == 0)
		is_child = 1;
	else if (child > 0)
		forks++;
	errno = saved;
}

static void *thread(void *unused)
{
	sigset_t alarm;

	sigemptyset(&alarm);
	sigaddset(&alarm, SIGALRM);
	pthread_sigmask(SIG_UNBLOCK, &alarm, NULL);
	while (forks < wanted && !is_child) {
		void *volatile block = malloc(100);

		free(block);
	}
	if (is_child)
		_exit(0);
	pthread_sigmask(SIG_BLOCK, &alarm, NULL);
	return unused;
}

int main(int argc, char **argv)
{
	struct itimerval often = { { 0, 300 }, { 0, 300 } };
	int status, ended = 0, killed = 0;
	sigset_t alarm;
	pthread_t id;

	wanted = argc > 1 ? atoi(argv[1]) : 1;
	sigemptyset(&alarm);
	sigaddset(&alarm, SIGALRM);
	pthread_sigmask(SIG_BLOCK, &alarm, NULL);
	signal(SIGALRM, on_alarm);
	setitimer(ITIMER_REAL, &often, NULL);
	if (pthread_create(&id, NULL, thread, NULL) != 0)
		return 1;
	pthread_join(id, NULL);
	while (wait(&status) > 0)
		WIFSIGNALED(status) ? killed++ : ended++;
	printf("%d ended, %d killed\n", ended, killed);
	return 0;
}
