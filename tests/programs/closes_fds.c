/* SPDX-License-Identifier: MIT */
/*
 * closes_fds FILE [hold]: closes every descriptor there is, then allocates,
 * in a thread too, and reports to FILE; with `hold` it then waits for a
 * signal.
 *
 * Expects to be counted on, to be seen alive, and the next descriptor to be
 * number 0: nothing of ours may hold one.
 */
#include "expect.h"

#include <fcntl.h>

static void *work(void *argument)
{
	expect_thread();
	MUST(got(malloc(50)));
	return argument;
}

int main(int argc, char **argv)
{
	struct text t = { .length = 0 };
	pthread_t id;
	int fd;

	MUST(argc >= 2);
	MUST(got(malloc(10)));
	MUST(!close_range(3, ~0u, 0));
	MUST(!close_range(0, 2, 0));
	for (int i = 0; i < 100; i++)
		MUST(got(malloc(20)));
	MUST(!pthread_create(&id, expect_small_stack(), work, NULL));
	MUST(!pthread_join(id, NULL));
	expect.threaded = true;
	expect.exited = 1;
	expect.threads_peak = 2;
	fd = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC, 0600);
	MUST(fd == 0);
	expect_text(&t);
	text_write(&t, fd);
	close(fd);
	if (argc > 2)
		pause();
	return 0;
}
