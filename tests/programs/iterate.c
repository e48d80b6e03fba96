/* SPDX-License-Identifier: MIT */
/*
 * iterate HOW COUNT [MS]: does COUNT units of work of MS milliseconds (10),
 * each of which takes and frees memory, and marks each in $HEAPTALLY_MARK:
 *
 *	flat     nothing is left
 *	blocks   100 blocks of 1,000 bytes are left
 *	few      one block of 16 bytes is left
 *	threads  one thread is left, which waits for ever
 *	step     8 MiB are left, once, half-way
 *	cache    the same, in parts that become smaller
 *	free     as many blocks are freed that were here before the tally: none
 *	crash    flat, and then abort()
 *
 * Ends when its input does, if it is told to wait: COUNT 0 goes on for ever.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STEP_BYTES  (8 << 20)
#define WORK_BLOCKS 500
#define WORK_BYTES  2000

static unsigned long count, ms = 10;

static void *wait_for_ever(void *nothing)
{
	for (;;)
		pause();
	return nothing;
}

static void leave_blocks(unsigned long i)
{
	(void)i;
	for (int block = 0; block < 100; block++)
		if (!malloc(1000))
			abort();
}

static void leave_few(unsigned long i)
{
	(void)i;
	if (!malloc(16))
		abort();
}

static void leave_thread(unsigned long i)
{
	pthread_attr_t attributes;
	pthread_t thread;

	(void)i;
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, 65536);
	if (pthread_create(&thread, &attributes, wait_for_ever, NULL) != 0)
		abort();
	pthread_attr_destroy(&attributes);
}

static void leave_step(unsigned long i)
{
	if (i == count / 2 && !malloc(STEP_BYTES))
		abort();
}

/* A tenth of what is missing, each time. */
static void leave_cache(unsigned long i)
{
	static size_t missing = STEP_BYTES;

	(void)i;
	if (!malloc(missing / 10))
		abort();
	missing -= missing / 10;
}

static void leave_nothing(unsigned long i)
{
	(void)i;
}

static const struct {
	const char *how;
	void (*leave)(unsigned long i);
} ways[] = {
	{ "flat", leave_nothing }, { "blocks", leave_blocks },
	{ "few", leave_few }, { "threads", leave_thread },
	{ "step", leave_step }, { "cache", leave_cache },
	{ "crash", leave_nothing },
};

static void work(void)
{
	void *blocks[WORK_BLOCKS];

	for (int i = 0; i < WORK_BLOCKS; i++)
		blocks[i] = malloc(WORK_BYTES);
	usleep((useconds_t)(ms * 1000));
	for (int i = 0; i < WORK_BLOCKS; i++)
		free(blocks[i]);
}

static void mark(int fd)
{
	if (fd >= 0 && write(fd, "\n", 1) != 1)
		abort();
	/* A recorder that is awake samples before the next work begins. */
	usleep(5000);
}

int main(int argc, char **argv)
{
	const char *path = getenv("HEAPTALLY_MARK");
	int fd = path ? open(path, O_WRONLY | O_APPEND | O_CLOEXEC) : -1;
	size_t way = 0;

	if (argc < 3)
		return 2;
	while (way < sizeof(ways) / sizeof(ways[0]) &&
	       strcmp(ways[way].how, argv[1]) != 0)
		way++;
	if (way == sizeof(ways) / sizeof(ways[0]))
		return 2;
	count = strtoul(argv[2], NULL, 10);
	if (argc > 3)
		ms = strtoul(argv[3], NULL, 10);
	puts("ready");
	fflush(stdout);
	for (unsigned long i = 0; !count || i < count; i++) {
		work();
		ways[way].leave(i);
		mark(fd);
	}
	if (strcmp(argv[1], "crash") == 0)
		abort();
	return 0;
}
