/* SPDX-License-Identifier: MIT */
/*
 * producer_consumer PAIRS BLOCKS: producers allocate, consumers free, so no
 * thread ever frees a block of its own. A pair hands over one block at a
 * time, thus the true peak is one block a pair.
 *
 * Expects totals to be exact, live 0 but for DTVs, the peak within slack.
 */
#include "expect.h"

#include <semaphore.h>

#define PAIRS_MAX 64

static struct pair {
	sem_t full, empty;
	void *block;
} pairs[PAIRS_MAX];
static unsigned blocks;
static pthread_barrier_t all_here;

static void *produce(void *argument)
{
	struct pair *pair = argument;

	expect_thread();
	pthread_barrier_wait(&all_here);
	for (unsigned i = 0; i < blocks; i++) {
		while (sem_wait(&pair->empty))
			;
		pair->block = got(malloc(1 + i % 5000));
		sem_post(&pair->full);
	}
	return NULL;
}

static void *consume(void *argument)
{
	struct pair *pair = argument;

	expect_thread();
	pthread_barrier_wait(&all_here);
	for (unsigned i = 0; i < blocks; i++) {
		while (sem_wait(&pair->full))
			;
		free(gone(pair->block));
		sem_post(&pair->empty);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t ids[2 * PAIRS_MAX];
	unsigned count;

	MUST(argc == 3);
	count = (unsigned)strtoul(argv[1], NULL, 10);
	blocks = (unsigned)strtoul(argv[2], NULL, 10);
	MUST(count > 0 && count <= PAIRS_MAX);
	expect.threaded = true;
	MUST(!pthread_barrier_init(&all_here, NULL, 2 * count));
	for (unsigned i = 0; i < count; i++) {
		MUST(!sem_init(&pairs[i].full, 0, 0));
		MUST(!sem_init(&pairs[i].empty, 0, 1));
		MUST(!pthread_create(&ids[2 * i], expect_small_stack(),
				     produce, &pairs[i]));
		MUST(!pthread_create(&ids[2 * i + 1], expect_small_stack(),
				     consume, &pairs[i]));
	}
	for (unsigned i = 0; i < 2 * count; i++)
		MUST(!pthread_join(ids[i], NULL));
	expect.exited = 2 * count;
	expect.threads_peak = 2 * count + 1;
	MUST(expect.allocs - expect.frees == 2 * count);
	expect_report();
	return 0;
}
