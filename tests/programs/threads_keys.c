/* SPDX-License-Identifier: MIT */
/*
 * threads_keys: destructors of thread-specific data that allocate, free and
 * arm themselves again, in all four rounds; with 40 keys, so that libc
 * itself callocs a second-level table and frees it after the last round.
 *
 * Expects exact totals, late frees included.
 */
#include "expect.h"

#define KEYS    40
#define THREADS 10

static pthread_key_t keys[KEYS];
static unsigned calls;

static void again(void *p)
{
	void *q = got(malloc(200));

	MUST(q);
	free(gone(p));
	for (unsigned i = 0; i < KEYS; i += 13)
		if (!pthread_getspecific(keys[i])) {
			MUST(!pthread_setspecific(keys[i], q));
			__atomic_add_fetch(&calls, 1, __ATOMIC_RELAXED);
			return;
		}
	free(gone(q));
}

static void *work(void *argument)
{
	size_t table;
	void *probe;

	(void)argument;
	expect_thread();
	for (unsigned i = 0; i < KEYS; i += 13) {
		void *p = got(malloc(100 + i));

		MUST(p);
		if (keys[i] < 32)
			MUST(!pthread_setspecific(keys[i], p));
		else
			free(gone(p));
	}
	/* libc's table for keys 32..63: 32 pairs of words, calloc'ed */
	probe = got(malloc(32 * 16));
	MUST(probe);
	table = malloc_usable_size(probe);
	free(gone(probe));
	MUST(keys[KEYS - 1] >= 32);
	probe = got(malloc(10));
	MUST(!pthread_setspecific(keys[KEYS - 1], probe));
	expect_alloc(table);
	expect_free(table);
	return NULL;
}

int main(void)
{
	for (unsigned i = 0; i < KEYS; i++)
		MUST(!pthread_key_create(&keys[i], again));
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_t id;

		MUST(!pthread_create(&id, expect_small_stack(), work, NULL));
		MUST(!pthread_join(id, NULL));
	}
	MUST(calls > 3 * THREADS); /* it did go round */
	expect.threaded = true;
	expect.no_peak = true;
	expect.exited = THREADS;
	expect.threads_peak = 2;
	expect_report();
	return 0;
}
