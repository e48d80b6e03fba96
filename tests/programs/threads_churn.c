/* SPDX-License-Identifier: MIT */
/*
 * threads_churn COUNT join|detach|c11: COUNT short threads, each with one
 * allocation and one free: joined one by one, detached and up to 50 alive at
 * a time, or made by thrd_create.
 *
 * Expects COUNT threads started and ended, and exact totals.
 */
#include "expect.h"

#include <threads.h>

static unsigned alive;

static void *work(void *argument)
{
	void *p;

	expect_thread();
	p = got(malloc(1 + (uintptr_t)argument % 1000));
	MUST(p);
	free(gone(p));
	EXPECT_ADD(exited, 1);
	__atomic_sub_fetch(&alive, 1, __ATOMIC_RELAXED);
	return argument;
}

static int work_c11(void *argument)
{
	work(argument);
	return (int)(uintptr_t)argument;
}

int main(int argc, char **argv)
{
	unsigned count;
	const char *kind;

	MUST(argc == 3);
	count = (unsigned)strtoul(argv[1], NULL, 10);
	kind = argv[2];
	expect.threaded = true;
	expect.no_peak = true; /* lower than the slack: says nothing */
	expect.threads_peak = 2;
	if (strcmp(kind, "detach") == 0) {
		MUST(!pthread_attr_setdetachstate(expect_small_stack(),
						  PTHREAD_CREATE_DETACHED));
		expect.no_threads_peak = true;
	}
	for (unsigned i = 0; i < count; i++) {
		void *argument = (void *)(uintptr_t)i;
		pthread_t id;
		thrd_t c11;

		__atomic_add_fetch(&alive, 1, __ATOMIC_RELAXED);
		if (strcmp(kind, "c11") == 0) {
			int result;

			MUST(thrd_create(&c11, work_c11, argument) ==
			     thrd_success);
			MUST(thrd_join(c11, &result) == thrd_success);
			MUST(result == (int)i);
			continue;
		}
		MUST(!pthread_create(&id, expect_small_stack(), work,
				     argument));
		if (strcmp(kind, "join") == 0) {
			void *result;

			MUST(!pthread_join(id, &result));
			MUST(result == argument);
		}
		while (__atomic_load_n(&alive, __ATOMIC_RELAXED) >= 50)
			usleep(100);
	}
	wait_for_threads(1);
	MUST(expect.started == count && expect.exited == count);
	expect_report();
	return 0;
}
