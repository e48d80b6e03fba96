/* SPDX-License-Identifier: MIT */
/*
 * requested nothing|family|threads|fork: reports the bytes that its successful
 * allocations have asked for, by every function that there is.
 */
#include "expect.h"

#include <sys/wait.h>

static uint64_t asked;
static volatile size_t huge = PTRDIFF_MAX;
static volatile size_t half = (size_t)1 << 33;

static void *want(void *block, size_t bytes)
{
	MUST(block);
	__atomic_add_fetch(&asked, bytes, __ATOMIC_RELAXED);
	return block;
}

/* What fails has asked for nothing. */
static void fail(void *block)
{
	void *p = NULL;

	MUST(!malloc(huge) && !calloc(half, half) && !realloc(block, huge) &&
	     !reallocarray(block, half, half) && !memalign(64, huge) &&
	     !aligned_alloc(64, huge) && posix_memalign(&p, 64, huge) &&
	     posix_memalign(&p, 3, 10) && !valloc(huge));
}

static void family(size_t n)
{
	void *p;

	free(want(malloc(n), n));
	free(want(calloc(n, 3), 3 * n));
	p = want(realloc(NULL, n), n);
	p = want(realloc(p, 2 * n), 2 * n);
	fail(p);
	p = want(reallocarray(p, 7, n), 7 * n);
	p = want(realloc(p, 1), 1);
	free(p);
	free(want(reallocarray(NULL, n, 2), 2 * n));
	free(want(memalign(256, n), n));
	free(want(aligned_alloc(64, n), n));
	MUST(!posix_memalign(&p, 4096, n));
	free(want(p, n));
	free(want(valloc(n), n));
	free(want(pvalloc(n), n));
	free(NULL);
}

static void all_sizes(void)
{
	for (size_t n = 1; n < 300000; n = n * 3 + 1)
		family(n);
}

/* A thread's own storage is asked for by libc, on its behalf:
 * a multiple of 16, of which glibc makes 8 more. */
static void *in_thread(void *argument)
{
	expect_thread();
	all_sizes();
	return argument;
}

static void threads(void)
{
	pthread_t ids[4];

	for (int i = 0; i < 4; i++)
		MUST(!pthread_create(&ids[i], expect_small_stack(), in_thread, NULL));
	for (int i = 0; i < 4; i++)
		MUST(!pthread_join(ids[i], NULL));
	for (unsigned i = 0; i < expect.dtv_count; i++)
		asked += malloc_usable_size(expect.dtvs[i]) - 8;
}

static void report(void)
{
	struct text t = { .length = 0 };

	text_line(&t, "pid", (uint64_t)getpid());
	text_line(&t, "/heap/allocs/requested:bytes", asked);
	text_write(&t, 1);
}

static void parent_and_child(void)
{
	int status;
	pid_t child;

	all_sizes();
	child = fork();
	MUST(child >= 0);
	if (child == 0) {
		asked = 0;
		MUST(want(malloc(777), 777)); /* its tally begins with this one */
		all_sizes();
		report();
		_exit(0);
	}
	MUST(waitpid(child, &status, 0) == child && status == 0);
}

int main(int argc, char **argv)
{
	MUST(argc == 2);
	if (strcmp(argv[1], "family") == 0)
		all_sizes();
	else if (strcmp(argv[1], "threads") == 0)
		threads();
	else if (strcmp(argv[1], "fork") == 0)
		parent_and_child();
	report();
	return 0;
}
