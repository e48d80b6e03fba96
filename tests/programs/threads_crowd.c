/* SPDX-License-Identifier: MIT */
/*
 * threads_crowd COUNT [hold]: COUNT threads alive at the same time, on the
 * smallest stacks there are; each has allocated three blocks and freed one.
 * With `hold` the report is made at that moment and the threads stay until
 * standard input ends; without, it is made after all have ended.
 *
 * Expects exact totals however many threads share a slot. Run it with
 * GLIBC_TUNABLES=glibc.pthread.stack_cache_size=... so that no DTV is freed.
 */
#include "expect.h"

static unsigned here;
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

static void *work(void *argument)
{
	void *p[3];

	(void)argument;
	expect_thread();
	for (int i = 0; i < 3; i++) {
		p[i] = got(malloc(100));
		MUST(p[i]);
	}
	free(gone(p[1]));
	__atomic_add_fetch(&here, 1, __ATOMIC_RELEASE);
	pthread_mutex_lock(&gate);
	pthread_mutex_unlock(&gate);
	free(gone(p[0]));
	free(gone(p[2]));
	return NULL;
}

int main(int argc, char **argv)
{
	static pthread_t ids[EXPECT_DTVS_MAX];
	pthread_attr_t attr;
	unsigned count;
	char c;

	MUST(argc >= 2);
	count = (unsigned)strtoul(argv[1], NULL, 10);
	MUST(count > 0 && count <= EXPECT_DTVS_MAX);
	MUST(!pthread_attr_init(&attr));
	MUST(!pthread_attr_setstacksize(&attr, 16384));
	pthread_mutex_lock(&gate);
	for (unsigned i = 0; i < count; i++)
		MUST(!pthread_create(&ids[i], &attr, work, NULL));
	while (__atomic_load_n(&here, __ATOMIC_ACQUIRE) < count)
		usleep(1000);
	expect.threaded = true;
	expect.threads_peak = count + 1;
	if (argc > 2) {
		expect_report();
		while (read(0, &c, 1) > 0)
			;
	}
	pthread_mutex_unlock(&gate);
	for (unsigned i = 0; i < count; i++)
		MUST(!pthread_join(ids[i], NULL));
	expect.exited = count;
	MUST(expect.allocs - expect.frees == count);
	if (argc == 2)
		expect_report();
	return 0;
}
