/* SPDX-License-Identifier: MIT */
/*
 * threads_peak COUNT BYTES: COUNT threads allocate together (each 200 blocks
 * of BYTES), free together, allocate half of it again. Inside a phase live
 * only rises or only falls, so the true peak is that of the first phase.
 *
 * Expects a peak within slack and exact totals.
 */
#include "expect.h"

#define BLOCKS 200

static size_t bytes;
static pthread_barrier_t phase;

static void *work(void *argument)
{
	void *p[BLOCKS];

	(void)argument;
	expect_thread();
	pthread_barrier_wait(&phase);
	for (int i = 0; i < BLOCKS; i++)
		MUST((p[i] = got(malloc(bytes))));
	pthread_barrier_wait(&phase);
	for (int i = 0; i < BLOCKS; i++)
		free(gone(p[i]));
	pthread_barrier_wait(&phase);
	for (int i = 0; i < BLOCKS / 2; i++)
		MUST((p[i] = got(malloc(bytes))));
	pthread_barrier_wait(&phase);
	for (int i = 0; i < BLOCKS / 2; i++)
		free(gone(p[i]));
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t ids[128];
	unsigned count;

	MUST(argc == 3);
	count = (unsigned)strtoul(argv[1], NULL, 10);
	bytes = strtoul(argv[2], NULL, 10);
	MUST(count > 0 && count <= 128);
	MUST(!pthread_barrier_init(&phase, NULL, count));
	for (unsigned i = 0; i < count; i++)
		MUST(!pthread_create(&ids[i], expect_small_stack(), work,
				     NULL));
	for (unsigned i = 0; i < count; i++)
		MUST(!pthread_join(ids[i], NULL));
	expect.threaded = true;
	expect.exited = count;
	expect.threads_peak = count + 1;
	expect_report();
	return 0;
}
