/* SPDX-License-Identifier: MIT */
/*
 * worker THREADS FILE [SECONDS [BLOCKS]]: threads that allocate and free without end
 * (or for a while), and note each operation in a shared mapping of FILE
 * before and after it, so that their progress is known even after kill -9.
 * A thread has at most BLOCKS blocks at a time (128 if not told).
 *
 * Words of FILE, 64 bits each, in rows of eight:
 *	row 0          ready, threads, DTVs, bytes of DTVs, most live blocks
 *	row 1 + i      allocs begun, allocs done, frees begun, frees done, and
 *	               the same four in bytes
 *
 * Expects, for each of the four: done <= counted <= begun, in sums.
 */
#include "expect.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <time.h>

#define THREADS_MAX 64
#define TABLE_MAX   128

struct row {
	volatile uint64_t allocs_begun, allocs_done, frees_begun, frees_done;
	volatile uint64_t alloc_bytes_begun, alloc_bytes_done;
	volatile uint64_t free_bytes_begun, free_bytes_done;
};

static struct {
	volatile uint64_t ready, threads, dtvs, dtv_bytes, most_live, spare[3];
	struct row rows[THREADS_MAX];
} *progress;

static volatile bool stop;
static unsigned table_size = TABLE_MAX;
static unsigned here;

static void *work(void *argument)
{
	struct row *row = argument;
	uint64_t seed = (uintptr_t)argument;
	void *table[TABLE_MAX] = { NULL };
	size_t sizes[TABLE_MAX];

	expect_thread();
	__atomic_add_fetch(&here, 1, __ATOMIC_RELEASE);
	while (!progress->ready)
		usleep(100);
	while (!stop) {
		unsigned at;
		size_t real;

		seed = seed * 6364136223846793005u + 1442695040888963407u;
		at = (seed >> 40) % table_size;
		if (table[at]) {
			row->free_bytes_begun += sizes[at];
			row->frees_begun++;
			free(table[at]);
			row->frees_done++;
			row->free_bytes_done += sizes[at];
			table[at] = NULL;
			continue;
		}
		/* glibc gives out such sizes as they are, or 16 bytes more */
		sizes[at] = 24 + 16 * ((seed >> 50) % 60);
		row->alloc_bytes_begun += sizes[at] + 16;
		row->allocs_begun++;
		table[at] = malloc(sizes[at]);
		MUST(table[at]);
		row->allocs_done++;
		real = malloc_usable_size(table[at]);
		MUST(real <= sizes[at] + 16);
		row->alloc_bytes_begun -= sizes[at] + 16 - real;
		sizes[at] = real;
		row->alloc_bytes_done += sizes[at];
	}
	for (unsigned i = 0; i < table_size; i++) {
		if (!table[i])
			continue;
		row->free_bytes_begun += sizes[i];
		row->frees_begun++;
		free(table[i]);
		row->frees_done++;
		row->free_bytes_done += sizes[i];
	}
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t ids[THREADS_MAX];
	unsigned threads;
	int fd;

	MUST(argc >= 3);
	threads = (unsigned)strtoul(argv[1], NULL, 10);
	MUST(threads > 0 && threads <= THREADS_MAX);
	if (argc > 4)
		table_size = (unsigned)strtoul(argv[4], NULL, 10);
	MUST(table_size > 0 && table_size <= TABLE_MAX);
	fd = open(argv[2], O_RDWR | O_CREAT, 0600);
	MUST(fd >= 0);
	MUST(!ftruncate(fd, sizeof(*progress)));
	progress = mmap(NULL, sizeof(*progress), PROT_READ | PROT_WRITE,
			MAP_SHARED, fd, 0);
	MUST(progress != MAP_FAILED);
	close(fd);
	for (unsigned i = 0; i < threads; i++)
		MUST(!pthread_create(&ids[i], expect_small_stack(), work,
				     &progress->rows[i]));
	while (__atomic_load_n(&here, __ATOMIC_ACQUIRE) < threads)
		usleep(100);
	progress->threads = threads;
	progress->dtvs = expect.allocs;
	progress->dtv_bytes = expect.alloc_bytes;
	progress->most_live = threads * (table_size + 1);
	progress->ready = 1;
	if (argc > 3) {
		struct timespec t = { strtol(argv[3], NULL, 10), 0 };

		while (nanosleep(&t, &t))
			;
		stop = true;
	}
	for (unsigned i = 0; i < threads; i++)
		MUST(!pthread_join(ids[i], NULL));
	return 0;
}
