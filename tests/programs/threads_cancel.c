/* SPDX-License-Identifier: MIT */
/*
 * threads_cancel deferred|async|exit|main: threads that end without
 * returning: cancelled at a cancellation point, cancelled anywhere, by
 * pthread_exit() with a clean-up handler, or the main thread leaving by
 * pthread_exit() while the others go on.
 *
 * Expects every one of them to be counted as ended. The heap is not
 * predicted: libc loads libgcc_s to unwind (compare with count_shim).
 */
#include "expect.h"

#define THREADS 20

static const char *kind;
static unsigned here;
static volatile unsigned long spin;

static void clean_up(void *p)
{
	free(p);
}

static void *work(void *argument)
{
	void *p;

	(void)argument;
	EXPECT_ADD(started, 1);
	p = malloc(100);
	MUST(p);
	pthread_cleanup_push(clean_up, p);
	if (strcmp(kind, "async") == 0) {
		MUST(!pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS,
					    NULL));
		__atomic_add_fetch(&here, 1, __ATOMIC_RELEASE);
		for (;;)
			spin++;
	}
	__atomic_add_fetch(&here, 1, __ATOMIC_RELEASE);
	if (strcmp(kind, "exit") == 0)
		pthread_exit(NULL);
	for (;;)
		pause();
	pthread_cleanup_pop(1);
	return NULL;
}

/* Goes on after main has left, then ends the process by being the last. */
static void *last(void *argument)
{
	EXPECT_ADD(started, 1);
	__atomic_add_fetch(&here, 1, __ATOMIC_RELEASE);
	MUST(!pthread_join(*(pthread_t *)argument, NULL));
	for (int i = 0; i < 1000; i++) {
		void *p = malloc(100);

		MUST(p);
		free(p);
	}
	expect.exited = 2;
	expect_report();
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t ids[THREADS];
	static pthread_t self;

	MUST(argc == 2);
	kind = argv[1];
	expect.threaded = true;
	expect.no_heap = true;
	if (strcmp(kind, "main") == 0) {
		self = pthread_self();
		expect.threads_peak = 2;
		MUST(!pthread_create(&ids[0], NULL, last, &self));
		while (!__atomic_load_n(&here, __ATOMIC_ACQUIRE))
			usleep(200); /* else there never were two */
		pthread_exit(NULL);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		MUST(!pthread_create(&ids[i], NULL, work, NULL));
		/* one at a time, so that it is deterministic */
		while (__atomic_load_n(&here, __ATOMIC_ACQUIRE) <= i)
			usleep(200);
		if (strcmp(kind, "exit") != 0)
			MUST(!pthread_cancel(ids[i]));
		MUST(!pthread_join(ids[i], NULL));
	}
	expect.exited = THREADS;
	expect.threads_peak = 2;
	expect_report();
	return 0;
}
