/* SPDX-License-Identifier: MIT */
/*
 * privilege UID: allocates, gives up its rights for those of that user, then
 * allocates on: itself, in a hundred threads at once, which need more memory
 * for their rows, and in a child; reports; stays until standard input ends.
 *
 * Expects to be exact, whoever the file belongs to.
 */
#include "expect.h"

#include <grp.h>
#include <sys/wait.h>

#define THREADS 100

static pthread_barrier_t all_here;

static void *work(void *argument)
{
	void *p;

	expect_thread();
	p = got(malloc(500));
	MUST(p);
	pthread_barrier_wait(&all_here);
	free(gone(p));
	return argument;
}

int main(int argc, char **argv)
{
	pthread_t ids[THREADS];
	unsigned uid;
	int status;
	pid_t child;
	char c;

	MUST(argc == 2);
	uid = (unsigned)strtoul(argv[1], NULL, 10);
	for (int i = 0; i < 40; i++)
		MUST(got(malloc(1000)));
	MUST(!setgroups(0, NULL) && !setgid(uid) && !setuid(uid));
	for (int i = 0; i < 40; i++)
		MUST(got(malloc(1000)));
	MUST(!pthread_barrier_init(&all_here, NULL, THREADS));
	for (int i = 0; i < THREADS; i++)
		MUST(!pthread_create(&ids[i], expect_small_stack(), work, NULL));
	for (int i = 0; i < THREADS; i++)
		MUST(!pthread_join(ids[i], NULL));
	child = fork();
	MUST(child >= 0);
	if (child == 0) {
		for (int i = 0; i < 100; i++)
			free(malloc(500));
		_exit(3);
	}
	MUST(waitpid(child, &status, 0) == child);
	MUST(WIFEXITED(status) && WEXITSTATUS(status) == 3);
	expect.threaded = true;
	expect.exited = THREADS;
	expect.threads_peak = THREADS + 1;
	expect_report();
	while (read(0, &c, 1) > 0)
		;
	return 0;
}
