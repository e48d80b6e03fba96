/* SPDX-License-Identifier: MIT */
/*
 * threads_random THREADS OPERATIONS own|cross: every thread makes that many
 * random allocations and frees; with `cross` in one table shared by all, so
 * that most blocks are freed by another thread than allocated them.
 *
 * Expects totals to be exact, and nothing live but one DTV per thread.
 */
#include "expect.h"

#define TABLE 4096

static unsigned threads, operations;
static bool cross;
static void *shared[TABLE];
static pthread_barrier_t all_here;

static void *work(void *argument)
{
	uint64_t seed = (uintptr_t)argument * 2654435761u + 1;
	void *own[64] = { NULL };
	void **table = cross ? shared : own;
	unsigned size = cross ? TABLE : 64;

	expect_thread();
	pthread_barrier_wait(&all_here);
	for (unsigned i = 0; i < operations; i++) {
		void **at, *p;

		seed = seed * 6364136223846793005u + 1442695040888963407u;
		at = &table[(seed >> 33) % size];
		p = __atomic_exchange_n(at, NULL, __ATOMIC_ACQ_REL);
		if (p && (seed >> 60) == 0)
			p = x_realloc(p, 1 + (seed >> 20) % 3000);
		else if (p)
			free(gone(p)), p = NULL;
		else
			p = got(malloc(1 + (seed >> 20) % 1500));
		if (p)
			p = __atomic_exchange_n(at, p, __ATOMIC_ACQ_REL);
		free(gone(p));
	}
	for (unsigned i = 0; i < 64; i++)
		free(gone(own[i]));
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t ids[256];

	MUST(argc == 4);
	threads = (unsigned)strtoul(argv[1], NULL, 10);
	operations = (unsigned)strtoul(argv[2], NULL, 10);
	cross = strcmp(argv[3], "cross") == 0;
	MUST(threads > 0 && threads <= 256);
	expect.threaded = true;
	expect.no_peak = true;
	MUST(!pthread_barrier_init(&all_here, NULL, threads));
	for (unsigned i = 0; i < threads; i++)
		MUST(!pthread_create(&ids[i], expect_small_stack(), work,
				     (void *)(uintptr_t)i));
	for (unsigned i = 0; i < threads; i++)
		MUST(!pthread_join(ids[i], NULL));
	for (unsigned i = 0; i < TABLE; i++)
		free(gone(shared[i]));
	expect.exited = threads;
	expect.threads_peak = threads + 1;
	MUST(expect.allocs - expect.frees == threads);
	expect_report();
	return 0;
}
