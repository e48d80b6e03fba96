/* SPDX-License-Identifier: MIT */
/*
 * locked: locks all its memory, now and to come, and says whether that was
 * allowed; then it allocates, makes threads and a child.
 *
 * Expects the same answer as ever, and exact counts.
 */
#include "expect.h"

#include <sys/mman.h>
#include <sys/wait.h>

static void *work(void *argument)
{
	void *p;

	expect_thread();
	p = got(malloc(5000));
	MUST(p);
	free(gone(p));
	return argument;
}

int main(void)
{
	struct text t = { .length = 0 };
	pthread_t id;
	int status;
	pid_t child;

	text_line(&t, "locked", mlockall(MCL_CURRENT | MCL_FUTURE) == 0);
	for (int i = 0; i < 100; i++)
		MUST(got(malloc(1000)));
	for (int i = 0; i < 20; i++) {
		MUST(!pthread_create(&id, expect_small_stack(), work, NULL));
		MUST(!pthread_join(id, NULL));
	}
	child = fork();
	MUST(child >= 0);
	if (child == 0) {
		free(malloc(500));
		_exit(3);
	}
	MUST(waitpid(child, &status, 0) == child);
	MUST(WIFEXITED(status) && WEXITSTATUS(status) == 3);
	expect.threaded = true;
	expect.no_peak = true;
	expect.exited = 20;
	expect.threads_peak = 2;
	expect_text(&t);
	text_write(&t, 1);
	return 0;
}
