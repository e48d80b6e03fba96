/* SPDX-License-Identifier: MIT */
/*
 * threads_seed: 64 MiB live in the first thread, when a thread appears that
 * no pthread_create of ours has seen (libc's, for a timer). Then the first
 * thread frees it all, and the other allocates 32 MiB.
 *
 * Expects the peak to stay about 64 MiB: the first thread's frees count at
 * once, although it never heard that it is no longer alone.
 */
#include "expect.h"

#include <signal.h>
#include <time.h>

#define MIB     (1 << 20)
#define BLOCKS  1024
#define BYTES   (64 * MIB / BLOCKS)

static int step;

static void wait_for(int wanted)
{
	while (__atomic_load_n(&step, __ATOMIC_ACQUIRE) != wanted)
		usleep(500);
}

static void go_to(int next)
{
	__atomic_store_n(&step, next, __ATOMIC_RELEASE);
}

static void ring(union sigval value)
{
	(void)value;
	free(malloc(1000)); /* from here on it is known */
	go_to(1);
	wait_for(2);
	for (int i = 0; i < BLOCKS / 2; i++)
		MUST(malloc(BYTES));
	go_to(3);
	wait_for(4);
}

int main(void)
{
	static void *blocks[BLOCKS];
	struct sigevent event = {
		.sigev_notify = SIGEV_THREAD,
	};
	struct itimerspec soon = { .it_value.tv_nsec = 1000000 };
	struct text t = { .length = 0 };
	timer_t timer;

	for (int i = 0; i < BLOCKS; i++)
		MUST((blocks[i] = malloc(BYTES)));
	event.sigev_notify_function = ring;
	MUST(!timer_create(CLOCK_MONOTONIC, &event, &timer));
	MUST(!timer_settime(timer, 0, &soon, NULL));
	wait_for(1);
	for (int i = 0; i < BLOCKS; i++)
		free(blocks[i]);
	go_to(2);
	wait_for(3);
	text_line(&t, "pid", (uint64_t)getpid());
	text_write(&t, 1);
	_exit(0);
}
