/* SPDX-License-Identifier: MIT */
/*
 * threads_raw_exit: threads that leave by the bare system call, so that no
 * destructor runs. Says how many there are, and stays until standard input
 * ends.
 *
 * Expects the kernel's number of threads, not the one that destructors tell.
 */
#include "expect.h"

#include <sys/syscall.h>

#define THREADS 3

static void *leave(void *argument)
{
	(void)argument;
	syscall(SYS_exit, 0);
	return NULL;
}

int main(void)
{
	struct text t = { .length = 0 };
	char c;

	for (unsigned i = 0; i < THREADS; i++) {
		pthread_t id;

		MUST(!pthread_create(&id, NULL, leave, NULL));
		MUST(!pthread_join(id, NULL));
	}
	wait_for_threads(1);
	text_line(&t, "pid", (uint64_t)getpid());
	text_line(&t, "/threads/live:threads", 1);
	text_line(&t, "/threads/kernel:threads", 1);
	text_line(&t, "/threads/started:threads", THREADS);
	text_line(&t, "/threads/exited:threads", 0);
	text_write(&t, 1);
	while (read(0, &c, 1) > 0)
		;
	return 0;
}
