/* SPDX-License-Identifier: MIT */
/*
 * Is tallied itself, and reads its own segment: how many allocations does
 * reading cost? Prints those of 1,000 reads of everything, and of a few more
 * with 100 threads, and how many of the three metrics of stacks these had.
 *
 *	HEAPTALLY_DIR=... LD_PRELOAD=libheaptally.so reads
 */
#include <heaptally.h>

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int fail(const char *what, const struct ht *h)
{
	fprintf(stderr, "reads: %s: %s\n", what, h ? ht_message(h) : "");
	return 1;
}

/* ht_list() leaves us out. */
static int open_own(struct ht *h)
{
	const char *directory = getenv("HEAPTALLY_DIR");
	char prefix[64];
	struct dirent *entry;
	DIR *list = opendir(directory);
	int error = -1;

	snprintf(prefix, sizeof(prefix), "heaptally.%d.", (int)getpid());
	while (list && error && (entry = readdir(list)))
		if (strncmp(entry->d_name, prefix, strlen(prefix)) == 0)
			error = ht_open_file(h, dirfd(list), entry->d_name);
	if (list)
		closedir(list);
	return error;
}

static uint64_t allocs(struct ht *h)
{
	static struct ht_sample s;
	uint64_t count = UINT64_MAX;

	s.key = "/heap/allocs:objects";
	if (ht_read(h, &s, 1) == 0)
		ht_u64(&s, &count);
	return count;
}

#define THREADS 100

static pthread_barrier_t begun;

static void *wait_for_ever(void *unused)
{
	pthread_barrier_wait(&begun);
	for (;;)
		pause();
	return unused;
}

static void start_threads(void)
{
	pthread_attr_t small;
	pthread_t id;

	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 65536);
	pthread_barrier_init(&begun, NULL, THREADS + 1);
	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&id, &small, wait_for_ever, NULL) != 0)
			abort();
	pthread_barrier_wait(&begun);
}

/* Returns how many allocations that many reads made. */
static uint64_t allocs_of(struct ht *h, struct ht_sample *samples, int count,
			  int reads)
{
	uint64_t before = allocs(h);

	for (int i = 0; i < reads; i++)
		if (ht_read(h, samples, (size_t)count) != 0)
			exit(fail("cannot read", h));
	return allocs(h) - before;
}

static int stacks_known(struct ht *h, const struct ht_sample *samples)
{
	static const char *const keys[] = {
		"/threads/stack/reserved:bytes",
		"/threads/stack/resident:bytes",
		"/threads/stack/cached:bytes",
	};
	int known = 0;

	for (int i = 0; i < 3; i++)
		known += samples[ht_lookup(h, keys[i]) - 1].kind == HT_KIND_U64;
	return known;
}

int main(void)
{
	static struct ht_sample samples[256];
	struct ht *h = ht_new();
	uint64_t after, with_threads;
	void *volatile block; /* or the compiler leaves it out */
	int count;

	if (!h || open_own(h) != 0)
		return fail("cannot open my own segment", h);
	count = ht_count(h);
	for (int i = 0; i < count; i++)
		samples[i].number = i + 1;
	printf("metrics %d\nallocs %" PRIu64 "\n", count,
	       allocs_of(h, samples, count, 1000));
	after = allocs(h);
	block = malloc(1);
	free(block);
	printf("and one more %" PRIu64 "\n", allocs(h) - after);
	start_threads();
	with_threads = allocs_of(h, samples, count, 5);
	printf("allocs with threads %" PRIu64 "\nstacks %d\n", with_threads,
	       stacks_known(h, samples));
	ht_free(h);
	return 0;
}
