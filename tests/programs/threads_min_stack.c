/* SPDX-License-Identifier: MIT */
/*
 * threads_min_stack: 32 threads, one after the other, on PTHREAD_STACK_MIN
 * bytes of stack, with a key destructor that allocates there too.
 *
 * Expects them to start at all, and exact totals.
 */
#include "expect.h"

#include <limits.h>

static pthread_key_t key;

static void destroy(void *p)
{
	void *q = got(malloc(500));

	MUST(q);
	free(gone(q));
	free(gone(p));
}

static void *work(void *argument)
{
	void *p;

	(void)argument;
	expect_thread();
	p = got(calloc(10, 10));
	MUST(p);
	p = x_realloc(p, 3000);
	MUST(p);
	MUST(!pthread_setspecific(key, p));
	return NULL;
}

int main(void)
{
	pthread_attr_t attr;

	MUST(!pthread_key_create(&key, destroy));
	MUST(!pthread_attr_init(&attr));
	MUST(!pthread_attr_setstacksize(&attr, (size_t)PTHREAD_STACK_MIN));
	for (int i = 0; i < 32; i++) {
		pthread_t id;

		MUST(!pthread_create(&id, &attr, work, NULL));
		MUST(!pthread_join(id, NULL));
	}
	expect.threaded = true;
	expect.no_peak = true;
	expect.exited = 32;
	expect.threads_peak = 2;
	MUST(expect.allocs - expect.frees == 1);
	expect_report();
	return 0;
}
