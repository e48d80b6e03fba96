/* SPDX-License-Identifier: MIT */
/*
 * fork_then_threads: a parent that has had threads forks a child that makes
 * its own.
 *
 * Expects the child to begin with one thread, and both to be exact.
 */
#include "expect.h"

#include <sys/wait.h>

static pthread_barrier_t all_here;

static void *work(void *argument)
{
	void *p;

	(void)argument;
	expect_thread();
	p = got(malloc(100));
	pthread_barrier_wait(&all_here);
	MUST(p);
	free(gone(p));
	return NULL;
}

static void some_threads(unsigned count)
{
	pthread_t ids[16];

	MUST(!pthread_barrier_init(&all_here, NULL, count));
	for (unsigned i = 0; i < count; i++)
		MUST(!pthread_create(&ids[i], expect_small_stack(), work,
				     NULL));
	for (unsigned i = 0; i < count; i++)
		MUST(!pthread_join(ids[i], NULL));
	expect.threaded = true;
	expect.no_peak = true;
	expect.exited += count;
	expect.threads_peak = count + 1;
}

int main(void)
{
	int status;
	pid_t child;

	MUST(got(malloc(1000)));
	some_threads(4);
	child = fork();
	MUST(child >= 0);
	if (child == 0) {
		expect_child();
		some_threads(7);
		expect_report();
		exit(0);
	}
	MUST(waitpid(child, &status, 0) == child && status == 0);
	expect_report();
	return 0;
}
