/* SPDX-License-Identifier: MIT */
/*
 * fork_in_new_thread fork|_Fork: a signal that was pending is delivered to a
 * thread as it starts, before it runs anything of its own. The handler forks,
 * and the child returns into the start of that thread.
 *
 * Prints "child exit 7" when the thread goes on there as in the parent.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t (*fork_kind)(void);
static volatile sig_atomic_t seen, is_child;

static void on_signal(int signal)
{
	(void)signal;
	if (!seen) {
		seen = 1;
		is_child = fork_kind() == 0;
	}
}

static void *thread(void *unused)
{
	if (is_child)
		_exit(7);
	return unused;
}

int main(int argc, char **argv)
{
	pthread_attr_t attributes;
	sigset_t blocked, none;
	pthread_t id;
	int status;

	fork_kind = argc > 1 && strcmp(argv[1], "_Fork") == 0 ? _Fork : fork;
	signal(SIGUSR1, on_signal);
	sigemptyset(&none);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &blocked, NULL);
	kill(getpid(), SIGUSR1);
	pthread_attr_init(&attributes);
	pthread_attr_setsigmask_np(&attributes, &none);
	if (pthread_create(&id, &attributes, thread, NULL) != 0)
		return 1;
	pthread_join(id, NULL);
	if (wait(&status) < 0)
		return 1;
	if (WIFSIGNALED(status))
		printf("child killed by signal %d\n", WTERMSIG(status));
	else
		printf("child exit %d\n", WEXITSTATUS(status));
	return 0;
}
