/* SPDX-License-Identifier: MIT */
/*
 * fork_threads CHILDREN: forks children out of a process whose other threads
 * allocate all the time.
 *
 * Expects the parent to be exact, each child to have one thread and its own
 * allocs and frees; its baseline is an estimate.
 */
#include "expect.h"

#include <sys/wait.h>

#define THREADS 4

static volatile bool stop;

static void *work(void *argument)
{
	expect_thread();
	while (!stop) {
		void *p = got(malloc(1 + (uintptr_t)argument * 100));

		MUST(p);
		free(gone(p));
	}
	return NULL;
}

static _Noreturn void child(void)
{
	struct text t = { .length = 0 };
	uint64_t bytes = 0;

	for (int i = 0; i < 10; i++) {
		void *p = malloc(1000);

		MUST(p);
		bytes += malloc_usable_size(p);
		free(p);
	}
	text_line(&t, "pid", (uint64_t)getpid());
	text_line(&t, "/heap/allocs:objects", 10);
	text_line(&t, "/heap/allocs:bytes", bytes);
	text_line(&t, "/heap/frees:objects", 10);
	text_line(&t, "/heap/frees:bytes", bytes);
	text_line(&t, "/threads/live:threads", 1);
	text_line(&t, "/threads/started:threads", 0);
	text_write(&t, 1);
	_exit(0);
}

int main(int argc, char **argv)
{
	pthread_t ids[THREADS];
	int children, status;

	MUST(argc == 2);
	children = (int)strtol(argv[1], NULL, 10);
	for (uintptr_t i = 0; i < THREADS; i++)
		MUST(!pthread_create(&ids[i], expect_small_stack(), work,
				     (void *)i));
	for (int i = 0; i < children; i++) {
		pid_t pid = fork();

		MUST(pid >= 0);
		if (pid == 0)
			child();
		MUST(waitpid(pid, &status, 0) == pid && status == 0);
	}
	stop = true;
	for (unsigned i = 0; i < THREADS; i++)
		MUST(!pthread_join(ids[i], NULL));
	expect.threaded = true;
	expect.no_peak = true;
	expect.exited = THREADS;
	expect.threads_peak = THREADS + 1;
	expect_report();
	return 0;
}
