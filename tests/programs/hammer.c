/* SPDX-License-Identifier: MIT */
/*
 * hammer THREADS PAIRS: threads that make that many pairs of malloc(64) and
 * free each, with a lock that they share around each tenth, and a look at the
 * clock.
 */
#include "expect.h"

#include <time.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void *work(void *argument)
{
	struct timespec now;

	for (unsigned long i = 0; i < (unsigned long)argument; i++) {
		if (i % 10 == 0)
			MUST(!pthread_mutex_lock(&mutex) &&
			     !clock_gettime(CLOCK_MONOTONIC, &now));
		free(malloc(64));
		if (i % 10 == 0)
			MUST(!pthread_mutex_unlock(&mutex));
	}
	return NULL;
}

int main(int argc, char **argv)
{
	unsigned long threads, pairs;
	pthread_t ids[64];

	MUST(argc == 3);
	threads = strtoul(argv[1], NULL, 10);
	pairs = strtoul(argv[2], NULL, 10);
	MUST(threads <= 64);
	for (unsigned long i = 0; i < threads; i++)
		MUST(!pthread_create(&ids[i], NULL, work, (void *)pairs));
	for (unsigned long i = 0; i < threads; i++)
		MUST(!pthread_join(ids[i], NULL));
	return 0;
}
