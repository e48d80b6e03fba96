/* SPDX-License-Identifier: MIT */
/*
 * threads_timer: a one-shot SIGEV_THREAD timer. glibc makes two threads for
 * it behind the back of pthread_create: a helper that stays, and one that
 * runs our function and ends.
 *
 * Expects both to be seen, as both use malloc. The heap is not predicted
 * (compare with count_shim).
 */
#include "expect.h"

#include <signal.h>
#include <time.h>

static unsigned rung;

static void ring(union sigval value)
{
	void *p = malloc(1000);

	MUST(p && value.sival_int == 42);
	free(p);
	__atomic_store_n(&rung, 1, __ATOMIC_RELEASE);
}

int main(void)
{
	struct sigevent event = {
		.sigev_notify = SIGEV_THREAD,
		.sigev_value.sival_int = 42,
	};
	struct itimerspec soon = { .it_value.tv_nsec = 1000000 };
	timer_t timer;

	event.sigev_notify_function = ring;
	MUST(!timer_create(CLOCK_MONOTONIC, &event, &timer));
	MUST(!timer_settime(timer, 0, &soon, NULL));
	while (!__atomic_load_n(&rung, __ATOMIC_ACQUIRE))
		usleep(1000);
	wait_for_threads(2);
	expect.threaded = true;
	expect.no_heap = true;
	expect.started = 2;
	expect.exited = 1;
	expect.threads_peak = 3;
	expect_report();
	return 0;
}
