/* SPDX-License-Identifier: MIT */
/*
 * any_provider family|edges|threads|fork: what every allocator promises, and
 * nothing that only one of them does: alignments by the standards, a realloc
 * to zero that may free or not, failures with whatever errno, no pvalloc.
 *
 * Expects each call to be counted at the size that this allocator has set
 * aside.
 */
#include "expect.h"

#include <sys/wait.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const size_t sizes[] = {
	0, 1, 8, 16, 24, 100, 128, 1000, 4096, 10000, 65536, 131072, 262144,
	1 << 20, 9 << 20, 70 << 20,
};
static const size_t alignments[] = { 8, 16, 64, 512, 4096, 65536 };
static volatile size_t huge = PTRDIFF_MAX;
static volatile size_t half = (size_t)1 << 33;

static void aligned(void *p, size_t alignment, size_t bytes)
{
	MUST(p && ((uintptr_t)p & (alignment - 1)) == 0);
	MUST(malloc_usable_size(p) >= bytes);
	if (bytes)
		((volatile char *)p)[bytes - 1] = 1;
	p = x_realloc(p, bytes + 5000);
	MUST(p);
	free(gone(p));
}

static void family(void)
{
	for (size_t i = 0; i < COUNT(sizes); i++) {
		size_t n = sizes[i];
		void *p;

		aligned(got(malloc(n)), 1, n);
		aligned(got(calloc(n, 1)), 1, n);
		aligned(x_realloc(NULL, n), 1, n);
		aligned(x_reallocarray(NULL, n, 1), 1, n);
		aligned(got(valloc(n)), (size_t)getpagesize(), n);
		for (size_t a = 0; a < COUNT(alignments); a++) {
			aligned(got(memalign(alignments[a], n)), alignments[a], n);
			aligned(got(aligned_alloc(alignments[a], n)),
				alignments[a], n);
			MUST(!posix_memalign(&p, alignments[a], n));
			aligned(got(p), alignments[a], n);
		}
	}
}

/* Contents are kept over a realloc, whatever it does. */
static void edges(void)
{
	char *p = got(malloc(100));
	void *q = &q;

	MUST(p);
	memset(p, 'x', 100);
	for (int i = 0; i < 20; i++) {
		MUST(!got(malloc(huge)));
		MUST(!got(calloc(half, half)));
		MUST(!got(calloc(huge, 1)));
		MUST(!x_realloc(p, huge));
		MUST(!x_realloc(NULL, huge));
		MUST(!x_reallocarray(p, half, half));
		MUST(!x_reallocarray(NULL, huge, 1));
		MUST(!got(memalign(64, huge)));
		MUST(!got(aligned_alloc(64, huge)));
		MUST(posix_memalign(&q, 64, huge));
		got(NULL);
		MUST(posix_memalign(&q, 3, 64));
		got(NULL);
		MUST(!got(valloc(huge)));
		MUST(q == &q);
		free(NULL);
	}
	MUST(memcmp(p, p + 1, 99) == 0 && *p == 'x');
	free(gone(p));
	for (int i = 0; i < 20; i++) {
		p = x_realloc(NULL, 50);
		MUST(p);
		free(gone(x_realloc(p, 0)));
		p = x_reallocarray(NULL, 5, 10);
		MUST(p);
		free(gone(x_reallocarray(p, 0, 10)));
	}
}

/* ---- threads that free each other's blocks ---- */

#define THREADS 4

static void *box[64];

static void *work(void *argument)
{
	uint64_t seed = (uintptr_t)argument + 1;

	expect_thread();
	for (int i = 0; i < 3000; i++) {
		void *p;

		seed = seed * 6364136223846793005u + 1442695040888963407u;
		if ((seed >> 62) == 0)
			p = got(memalign(256, 1 + (seed >> 20) % 5000));
		else
			p = got(malloc((seed >> 20) % 3000));
		MUST(p);
		if ((seed >> 61) == 7)
			p = x_realloc(p, 1 + (seed >> 20) % 9000);
		p = __atomic_exchange_n(&box[(seed >> 40) % COUNT(box)], p,
					__ATOMIC_ACQ_REL);
		free(gone(p));
	}
	return NULL;
}

static void threads(void)
{
	pthread_t ids[THREADS];

	for (uintptr_t i = 0; i < THREADS; i++)
		MUST(!pthread_create(&ids[i], expect_small_stack(), work,
				     (void *)i));
	for (int i = 0; i < THREADS; i++)
		MUST(!pthread_join(ids[i], NULL));
	for (size_t i = 0; i < COUNT(box); i++)
		free(gone(box[i]));
	expect.threaded = true;
	expect.no_peak = true;
	expect.exited = THREADS;
	expect.no_threads_peak = true;
}

static void parent_and_child(void)
{
	void *p[50];
	int status;
	pid_t child;

	for (size_t i = 0; i < COUNT(p); i++)
		MUST((p[i] = got(malloc(i * 100))));
	child = fork();
	MUST(child >= 0);
	if (child == 0) {
		expect_child();
		for (size_t i = 0; i < COUNT(p); i++)
			free(gone(i % 2 ? p[i] : x_realloc(p[i], 7000)));
		MUST(got(calloc(7, 70)));
		expect_report();
		_exit(0);
	}
	MUST(waitpid(child, &status, 0) == child && status == 0);
	for (size_t i = 0; i < COUNT(p) / 2; i++)
		free(gone(p[i]));
}

int main(int argc, char **argv)
{
	MUST(argc == 2);
	if (strcmp(argv[1], "family") == 0)
		family();
	else if (strcmp(argv[1], "edges") == 0)
		edges();
	else if (strcmp(argv[1], "threads") == 0)
		threads();
	else
		parent_and_child();
	expect_report();
	return 0;
}
