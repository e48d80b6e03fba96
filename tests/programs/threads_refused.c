/* SPDX-License-Identifier: MIT */
/*
 * threads_refused TIMES: pthread_create that fails: with EAGAIN for lack of
 * memory for a stack, and with EAGAIN for RLIMIT_NPROC (as an ordinary user:
 * root becomes nobody for it). In between one thread that works.
 *
 * Expects failed threads to count nothing, and this process not to grow.
 */
#include "expect.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>

static void *work(void *argument)
{
	expect_thread();
	return argument;
}

static void works(void)
{
	pthread_t id;
	void *result;

	MUST(!pthread_create(&id, expect_small_stack(), work, &expect));
	MUST(!pthread_join(id, &result));
	MUST(result == &expect);
	EXPECT_ADD(exited, 1);
}

/* Mapped pages, by /proc/self/statm: exact, unlike resident ones. */
static long mapped_pages(void)
{
	char text[256];
	int fd = open("/proc/self/statm", O_RDONLY);
	ssize_t n;

	MUST(fd >= 0);
	n = read(fd, text, sizeof(text) - 1);
	MUST(n > 0);
	close(fd);
	text[n] = '\0';
	return strtol(text, NULL, 10);
}

int main(int argc, char **argv)
{
	pthread_attr_t absurd;
	struct rlimit limit;
	pthread_t id;
	long before;
	int times;

	MUST(argc == 2);
	times = (int)strtol(argv[1], NULL, 10);
	expect.threaded = true;
	expect.no_peak = true;
	MUST(!pthread_attr_init(&absurd));
	MUST(!pthread_attr_setstacksize(&absurd, (size_t)1 << 46));
	MUST(pthread_create(&id, &absurd, work, NULL) == EAGAIN);
	works();
	before = mapped_pages();
	for (int i = 0; i < times; i++)
		MUST(pthread_create(&id, &absurd, work, NULL) == EAGAIN);
	works();
	MUST(mapped_pages() - before < 16);

	if (getuid() == 0)
		MUST(!setresuid(65534, 65534, 65534));
	MUST(!getrlimit(RLIMIT_NPROC, &limit));
	limit.rlim_cur = 0;
	MUST(!setrlimit(RLIMIT_NPROC, &limit));
	for (int i = 0; i < times; i++)
		MUST(pthread_create(&id, expect_small_stack(), work, NULL) ==
		     EAGAIN);
	limit.rlim_cur = limit.rlim_max;
	MUST(!setrlimit(RLIMIT_NPROC, &limit));
	works(); /* on the stack that the refused ones have used */
	MUST(mapped_pages() - before < 16);

	expect.threads_peak = 2;
	expect_report();
	return 0;
}
