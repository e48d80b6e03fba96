/* SPDX-License-Identifier: MIT */
/*
 * failures NAME: makes one kind of request that must fail, or be ignored,
 * and checks errno and that nothing else changed.
 *
 * Expects one alloc-failure for each failed request, and the block given to
 * a failed realloc to be live still. Ignored calls count nothing.
 */
#include "expect.h"

#define TIMES 50

static void *volatile sink; /* what the compiler must not see through */
static volatile size_t huge = PTRDIFF_MAX;
static volatile size_t most = SIZE_MAX;
static volatile size_t half = (size_t)1 << 33;

/* A failed call is one that returns NULL with ENOMEM. */
static void failed(void *p)
{
	int error = errno;

	sink = got(p);
	MUST(!p && error == ENOMEM);
}

static void do_malloc(void)
{
	for (int i = 0; i < TIMES; i++) {
		errno = 0;
		failed(malloc(huge));
		errno = 0;
		failed(malloc(most));
	}
}

static void do_calloc(void)
{
	for (int i = 0; i < TIMES; i++) {
		errno = 0;
		failed(calloc(half, half));
		errno = 0;
		failed(calloc(most, 2));
		errno = 0;
		failed(calloc(huge, 1));
	}
}

static void do_realloc(void)
{
	char *p = got(malloc(100));

	MUST(p);
	memset(p, 'x', 100);
	for (int i = 0; i < TIMES; i++) {
		errno = 0;
		MUST(!x_realloc(p, huge) && errno == ENOMEM);
		errno = 0;
		MUST(!x_realloc(NULL, huge) && errno == ENOMEM);
	}
	for (int i = 0; i < 100; i++)
		MUST(p[i] == 'x');
	/* p stays live on purpose */
}

static void do_reallocarray(void)
{
	char *p = got(malloc(100));

	MUST(p);
	memset(p, 'x', 100);
	for (int i = 0; i < TIMES; i++) {
		errno = 0;
		MUST(!x_reallocarray(p, half, half) && errno == ENOMEM);
		errno = 0;
		MUST(!x_reallocarray(NULL, half, half) && errno == ENOMEM);
		errno = 0;
		MUST(!x_reallocarray(p, huge, 1) && errno == ENOMEM);
	}
	for (int i = 0; i < 100; i++)
		MUST(p[i] == 'x');
	free(gone(p));
}

static void do_posix_memalign(void)
{
	static const size_t bad[] = { 0, 1, 2, 3, 4, 12, 24, 100 };
	void *p = &p;

	for (int i = 0; i < TIMES; i++) {
		for (size_t b = 0; b < sizeof(bad) / sizeof(bad[0]); b++) {
			errno = 55;
			MUST(posix_memalign(&p, bad[b], 8) == EINVAL);
			got(NULL);
			MUST(p == &p);
		}
		errno = 55;
		MUST(posix_memalign(&p, 64, huge) == ENOMEM);
		got(NULL);
		MUST(p == &p);
	}
}

static void do_memalign(void)
{
	for (int i = 0; i < TIMES; i++) {
		errno = 0;
		failed(memalign(64, huge));
		errno = 0;
		failed(aligned_alloc(4096, huge));
		errno = 0;
		failed(valloc(huge));
		errno = 0;
		failed(pvalloc(huge));
		errno = 0;
		sink = got(memalign(most, 8));
		MUST(!sink && errno == EINVAL);
	}
}

/* free(NULL) counts nothing, and no free touches errno. */
static void do_free(void)
{
	for (int i = 0; i < TIMES; i++) {
		void *p = got(malloc(1 << 20)); /* munmap'ed by free */

		errno = 4321;
		free(NULL);
		MUST(errno == 4321);
		free(gone(p));
		MUST(errno == 4321);
	}
}

/* realloc(NULL, n) is an allocation, realloc(p, 0) is a free. */
static void do_realloc_edges(void)
{
	for (int i = 0; i < TIMES; i++) {
		void *p = x_realloc(NULL, 0);

		MUST(p);
		MUST(!x_realloc(p, 0));
		p = x_realloc(NULL, 50);
		MUST(p);
		MUST(!x_reallocarray(p, 0, 50));
		p = x_reallocarray(NULL, 5, 10);
		MUST(p);
		MUST(!x_reallocarray(p, 50, 0));
	}
	MUST(expect.reallocs == 0 && expect.failures == 0);
}

static const struct {
	const char *name;
	void (*run)(void);
} kinds[] = {
	{ "malloc", do_malloc },
	{ "calloc", do_calloc },
	{ "realloc", do_realloc },
	{ "reallocarray", do_reallocarray },
	{ "posix_memalign", do_posix_memalign },
	{ "memalign", do_memalign },
	{ "free", do_free },
	{ "realloc-edges", do_realloc_edges },
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc == 2 && i < sizeof(kinds) / sizeof(kinds[0]);
	     i++) {
		if (strcmp(kinds[i].name, argv[1]) != 0)
			continue;
		kinds[i].run();
		expect_report();
		return 0;
	}
	MUST(!"a known kind");
	return 2;
}
