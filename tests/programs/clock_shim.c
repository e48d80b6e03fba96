/* SPDX-License-Identifier: MIT */
/*
 * clock_shim.so: a clock that takes a lock for long, as libfaketime's does,
 * and allocates under it.
 * Whoever times that lock, or that block, by this clock waits for itself.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <pthread.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

int clock_gettime(clockid_t clock, struct timespec *ret)
{
	int result;

	pthread_mutex_lock(&mutex);
	usleep(200);
	free(malloc(64));
	result = (int)syscall(SYS_clock_gettime, clock, ret);
	pthread_mutex_unlock(&mutex);
	return result;
}
