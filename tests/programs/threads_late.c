/* SPDX-License-Identifier: MIT */
/*
 * threads_late: threads that leave blocks which libc frees after the last
 * destructor: the buffers of strerror() and dlerror().
 *
 * Expects (by count_shim) those late frees to be counted.
 */
#include "expect.h"

#include <dlfcn.h>

static void *work(void *argument)
{
	(void)argument;
	EXPECT_ADD(started, 1);
	MUST(strerror(123456));
	MUST(!dlopen("/nonexistent/library.so", RTLD_NOW));
	return NULL;
}

int main(void)
{
	for (unsigned i = 0; i < 25; i++) {
		pthread_t id;

		MUST(!pthread_create(&id, NULL, work, NULL));
		MUST(!pthread_join(id, NULL));
	}
	expect.threaded = true;
	expect.no_heap = true;
	expect.exited = 25;
	expect.threads_peak = 2;
	expect_report();
	return 0;
}
