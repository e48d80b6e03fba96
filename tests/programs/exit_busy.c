/* SPDX-License-Identifier: MIT */
/*
 * exit_busy idle|busy exit|_exit|quick_exit|return: the process ends while
 * four threads run on, either asleep or allocating all the time.
 *
 * Expects status 5 and, with `idle`, exact counts; threads that were alive at
 * the end have not exited.
 */
#include "expect.h"

#define THREADS 4

static bool busy;
static unsigned here;

static void *work(void *argument)
{
	(void)argument;
	expect_thread();
	MUST(got(malloc(100)));
	__atomic_add_fetch(&here, 1, __ATOMIC_RELEASE);
	while (busy) {
		void *p = malloc(1 + (uintptr_t)&argument % 1000);

		p = realloc(p, 3000);
		free(p);
	}
	for (;;)
		pause();
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t id;
	struct text t = { .length = 0 };

	MUST(argc == 3);
	busy = strcmp(argv[1], "busy") == 0;
	expect.threaded = true;
	expect.no_peak = true;
	expect.no_heap = busy;
	for (int i = 0; i < THREADS; i++)
		MUST(!pthread_create(&id, expect_small_stack(), work, NULL));
	while (__atomic_load_n(&here, __ATOMIC_ACQUIRE) < THREADS)
		usleep(200);
	expect_text(&t);
	text_write(&t, 1);
	if (strcmp(argv[2], "exit") == 0)
		exit(5);
	if (strcmp(argv[2], "_exit") == 0)
		_exit(5);
	if (strcmp(argv[2], "quick_exit") == 0)
		quick_exit(5);
	return 5;
}
