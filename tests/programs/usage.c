/* SPDX-License-Identifier: MIT */
/*
 * usage: works, waits and lets threads come and go, then says what
 * getrusage() knows of it, as "KEY VALUE" lines, and stays until standard
 * input ends.
 *
 * Expects the same of a reader, but for what the report itself costs.
 */
#include "expect.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>

#define PAGES   2000
#define THREADS 4
#define WAITS   50

/* A second of CPU in all is enough to tell ticks apart. */
static void burn(long milliseconds)
{
	struct timespec now, end;

	MUST(!clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end));
	end.tv_nsec += milliseconds * 1000000;
	end.tv_sec += end.tv_nsec / 1000000000;
	end.tv_nsec %= 1000000000;
	do
		MUST(!clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now));
	while (now.tv_sec < end.tv_sec ||
	       (now.tv_sec == end.tv_sec && now.tv_nsec < end.tv_nsec));
}

/* Each page is one fault. */
static void touch(void)
{
	volatile char *p = mmap(NULL, PAGES * 4096, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	MUST(p != MAP_FAILED);
	for (unsigned i = 0; i < PAGES; i++)
		p[i * 4096] = 1;
}

static void *work(void *argument)
{
	(void)argument;
	burn(50);
	return NULL;
}

static uint64_t milliseconds(struct timeval t)
{
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_usec / 1000;
}

static void report(void)
{
	struct text t = { .length = 0 };
	struct rusage usage;

	MUST(!getrusage(RUSAGE_SELF, &usage));
	text_line(&t, "pid", (uint64_t)getpid());
	text_line(&t, "user_ms", milliseconds(usage.ru_utime));
	text_line(&t, "system_ms", milliseconds(usage.ru_stime));
	text_line(&t, "minor", (uint64_t)usage.ru_minflt);
	text_line(&t, "major", (uint64_t)usage.ru_majflt);
	text_line(&t, "peak_kib", (uint64_t)usage.ru_maxrss);
	MUST(!getrusage(RUSAGE_THREAD, &usage));
	text_line(&t, "voluntary", (uint64_t)usage.ru_nvcsw);
	text_line(&t, "involuntary", (uint64_t)usage.ru_nivcsw);
	text_write(&t, 1);
}

int main(void)
{
	pthread_t ids[THREADS];
	char c;

	for (unsigned i = 0; i < THREADS; i++)
		MUST(!pthread_create(&ids[i], NULL, work, NULL));
	for (unsigned i = 0; i < THREADS; i++)
		MUST(!pthread_join(ids[i], NULL));
	touch();
	burn(100);
	for (unsigned i = 0; i < WAITS; i++)
		usleep(100);
	report();
	while (read(0, &c, 1) > 0)
		;
	return 0;
}
