/* SPDX-License-Identifier: MIT */
/*
 * Microbenchmarks of the allocator, one workload a run:
 *
 *	micro WORKLOAD [OPERATIONS]
 *
 * Prints nanoseconds per operation, the best of several loops, as one number.
 * An operation is a malloc+free pair unless the workload says otherwise.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LOOPS 7
#define BATCH 32

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* Sizes in a fixed pseudo-random order, so that every run asks the same. */
static uint32_t sizes_small[4096], sizes_large[4096];

static void make_sizes(void)
{
	uint32_t seed = 12345;

	for (int i = 0; i < 4096; i++) {
		seed = seed * 1664525u + 1013904223u;
		sizes_small[i] = 16 + (seed >> 8) % 513;
		sizes_large[i] = 16 + (seed >> 8) % 8177;
	}
}

static void touch(void *block)
{
	*(volatile char *)block = 1;
}

static void same_32(long n)
{
	for (long i = 0; i < n; i++) {
		void *block = malloc(32);

		touch(block);
		free(block);
	}
}

static void mixed(long n, const uint32_t *sizes)
{
	void *held[64] = { NULL };

	for (long i = 0; i < n; i++) {
		free(held[i & 63]);
		held[i & 63] = malloc(sizes[i & 4095]);
		touch(held[i & 63]);
	}
	for (int i = 0; i < 64; i++)
		free(held[i]);
}

static void mixed_528(long n)
{
	mixed(n, sizes_small);
}

static void mixed_8k(long n)
{
	mixed(n, sizes_large);
}

static void batch(long n)
{
	void *held[BATCH];

	for (long i = 0; i < n; i += BATCH) {
		for (int k = 0; k < BATCH; k++)
			touch(held[k] = malloc(sizes_small[(i + k) & 4095]));
		for (int k = 0; k < BATCH; k++)
			free(held[k]);
	}
}

static void zeroed(long n)
{
	for (long i = 0; i < n; i++) {
		void *block = calloc(1, 64);

		touch(block);
		free(block);
	}
}

/* An operation is one realloc: a block that grows to 4 KiB in 64 steps. */
static void growth(long n)
{
	void *block = NULL;

	for (long i = 0; i < n; i++) {
		if (i % 64 == 0) {
			free(block);
			block = NULL;
		}
		block = realloc(block, (size_t)(i % 64 + 1) * 64);
	}
	free(block);
}

static void *run_same_32(void *argument)
{
	same_32(*(long *)argument);
	return NULL;
}

/* Two threads, each doing all n; time per operation of one thread. */
static void two_threads(long n)
{
	pthread_t other;

	pthread_create(&other, NULL, run_same_32, &n);
	same_32(n);
	pthread_join(other, NULL);
}

struct ring {
	void *_Atomic blocks[1024];
	long n;
};

static void *consume(void *argument)
{
	struct ring *r = argument;

	for (long i = 0; i < r->n; i++) {
		void *block;

		while (!(block = __atomic_exchange_n(&r->blocks[i & 1023], NULL,
						     __ATOMIC_ACQUIRE)))
			;
		free(block);
	}
	return NULL;
}

static void across_threads(long n)
{
	static struct ring r;
	pthread_t consumer;

	r.n = n;
	pthread_create(&consumer, NULL, consume, &r);
	for (long i = 0; i < n; i++) {
		void *block = malloc(64);

		touch(block);
		while (__atomic_load_n(&r.blocks[i & 1023], __ATOMIC_RELAXED))
			;
		__atomic_store_n(&r.blocks[i & 1023], block, __ATOMIC_RELEASE);
	}
	pthread_join(consumer, NULL);
}

static void *nothing(void *argument)
{
	return argument;
}

/* An operation is pthread_create and pthread_join. */
static void thread_start(long n)
{
	for (long i = 0; i < n; i++) {
		pthread_t t;

		pthread_create(&t, NULL, nothing, NULL);
		pthread_join(t, NULL);
	}
}

static const struct workload {
	const char *name;
	void (*run)(long n);
	long operations;
} workloads[] = {
	{ "same-32", same_32, 4000000 },
	{ "mixed-528", mixed_528, 2000000 },
	{ "mixed-8k", mixed_8k, 1000000 },
	{ "batch-32", batch, 3200000 },
	{ "calloc-64", zeroed, 3000000 },
	{ "realloc-growth", growth, 2000000 },
	{ "two-threads", two_threads, 4000000 },
	{ "across-threads", across_threads, 1000000 },
	{ "thread-start", thread_start, 5000 },
};

int main(int argc, char **argv)
{
	const size_t count = sizeof(workloads) / sizeof(workloads[0]);

	make_sizes();
	for (size_t i = 0; argc > 1 && i < count; i++) {
		long n = argc > 2 ? atol(argv[2]) : workloads[i].operations;
		double best = 0;

		if (strcmp(workloads[i].name, argv[1]) != 0)
			continue;
		for (int loop = 0; loop < LOOPS; loop++) {
			double from = now_ns(), took;

			workloads[i].run(n);
			took = (now_ns() - from) / (double)n;
			if (loop == 0 || took < best)
				best = took;
		}
		printf("%.3f\n", best);
		return 0;
	}
	fputs("usage: micro WORKLOAD [OPERATIONS], where WORKLOAD is one of\n", stderr);
	for (size_t i = 0; i < count; i++)
		fprintf(stderr, "  %s\n", workloads[i].name);
	return 2;
}
