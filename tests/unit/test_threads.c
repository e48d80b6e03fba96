/* SPDX-License-Identifier: MIT */
/*
 * The rows of threads: a thread's own counts, what is left to the others,
 * rows that are half written, writers that tell none. Hostile content:
 * test_corrupt.c.
 */
#include <pthread.h>
#include <sys/mman.h>

#include "shm/threads.h"
#include "tests/unit/own_image.h"

#define EXCLUSIVE (FRESH_SLOTS - OVERFLOW_SLOTS)

/* Valid until the next call. */
static const struct thread_rows *read_once(const struct segment_image *image)
{
	static struct thread_rows rows;
	struct attachment *a = attach_image(image);

	is_u64(attach_threads(a, &rows), ATTACH_OK, "rows are read");
	attach_close(a);
	return &rows;
}

static void is_counts(const struct thread_counts *c, uint64_t allocs_objects,
		      uint64_t allocs_bytes, uint64_t frees_objects,
		      uint64_t frees_bytes, const char *what)
{
	is_u64(c->allocs_objects, allocs_objects, "%s: allocs", what);
	is_u64(c->allocs_bytes, allocs_bytes, "%s: allocated", what);
	is_u64(c->frees_objects, frees_objects, "%s: frees", what);
	is_u64(c->frees_bytes, frees_bytes, "%s: freed", what);
}

/* Each slot has 10 allocs, 4 frees; of those 3 and 1 are of earlier threads. */
static void test_own_counts(void)
{
	struct segment_image image = fresh_image();
	const struct thread_rows *rows = read_once(&image);
	const struct thread_row *first = rows->rows;

	ok(rows->is_told, "own: is told");
	is_u64(rows->count, EXCLUSIVE, "own: a row for each slot");
	is_u64(rows->alive, EXCLUSIVE, "own: all alive");
	is_u64(rows->unknown, 0, "own: none is unknown");
	is_u64((uint64_t)first->tid, 1000 + OVERFLOW_SLOTS, "own: tid");
	is_u64(first->stack_low, 0x10000 * (OVERFLOW_SLOTS + 1), "own: low");
	is_u64(first->stack_high - first->stack_low, 0x8000, "own: high");
	ok(!first->stack_given, "own: not given");
	is_counts(&first->counts, 7, 700, 3, 300, "own");
	is_counts(&rows->others, OVERFLOW_SLOTS * 10 + EXCLUSIVE * 3,
		  OVERFLOW_SLOTS * 1000 + EXCLUSIVE * 300,
		  OVERFLOW_SLOTS * 4 + EXCLUSIVE,
		  OVERFLOW_SLOTS * 400 + EXCLUSIVE * 100, "own: others");
	image_release(&image);
}

static void test_ended(void)
{
	struct segment_image image = fresh_image();
	struct slot *slot = image_slot(&image, OVERFLOW_SLOTS);
	const struct thread_rows *rows;

	slot->owned = 0;
	slot->stack_given = 1;
	image_slot(&image, OVERFLOW_SLOTS + 1)->owned = 0;
	image_slot(&image, OVERFLOW_SLOTS + 1)->stack_high = 0;
	rows = read_once(&image);
	is_u64(rows->alive, EXCLUSIVE - 2, "ended: two");
	is_u64(rows->count, EXCLUSIVE - 1, "ended: a row for its stack alone");
	ok(!rows->rows[0].is_alive && rows->rows[0].stack_given, "ended: given");
	is_counts(&rows->rows[0].counts, 0, 0, 0, 0, "ended");
	is_u64(rows->others.allocs_objects,
	       OVERFLOW_SLOTS * 10 + 20 + (EXCLUSIVE - 2) * 3,
	       "ended: its counts are those of others");
	image_release(&image);
}

static void test_end_row(void)
{
	struct segment_image image = fresh_image();
	struct attachment *a = attach_image(&image);
	struct thread_rows rows = { .rows = NULL };
	uint64_t before;

	is_u64(attach_threads(a, &rows), ATTACH_OK, "gone: rows are read");
	before = rows.others.allocs_objects;
	thread_row_end(&rows, &rows.rows[2]);
	thread_row_end(&rows, &rows.rows[2]);
	is_u64(rows.others.allocs_objects, before + 7, "gone: counted once");
	is_u64(rows.alive, EXCLUSIVE - 1, "gone: one less");
	ok(!rows.rows[2].is_alive && rows.rows[2].tid == 0, "gone: no thread");
	thread_rows_release(&rows);
	attach_close(a);
	image_release(&image);
}

/* Killed in the midst of it: its counts are known, whose they are is not. */
static void test_half_written(void)
{
	struct segment_image image = fresh_image();
	const struct thread_rows *rows;

	image_slot(&image, OVERFLOW_SLOTS + 5)->sequence = 7;
	rows = read_once(&image);
	is_u64(rows->unknown, 1, "odd: unknown");
	is_u64(rows->alive, EXCLUSIVE - 1, "odd: no row");
	is_u64(rows->others.allocs_objects,
	       OVERFLOW_SLOTS * 10 + 10 + (EXCLUSIVE - 1) * 3,
	       "odd: nothing is lost");
	image_release(&image);
}

static void test_older_writer(void)
{
	struct segment_image image = fresh_image();
	const struct thread_rows *rows;

	image_header(&image)->flags &= ~(uint32_t)SEGMENT_THREAD_BASES;
	rows = read_once(&image);
	ok(!rows->is_told, "older: says so");
	is_u64(rows->count, 0, "older: no rows");
	is_u64(rows->others.allocs_objects, FRESH_SLOTS * 10,
	       "older: all are others");
	image_release(&image);
}

static void test_without_row(void)
{
	struct segment_image image = fresh_image();
	struct segment_header *h = image_header(&image);
	uint64_t started = EXCLUSIVE - 1 + 5;

	h->threads_base = 1;
	image_slot(&image, 0)->threads_started = started + 2;
	image_slot(&image, 1)->threads_exited = 2;
	h->overflow_threads = 9;
	is_u64(read_once(&image)->without_row, 5, "overflow: alive");
	h->overflow_threads = 3;
	is_u64(read_once(&image)->without_row, 3, "overflow: no more than ever");
	is_u64(read_once(&image)->overflow_threads, 3, "overflow: ever");
	image_slot(&image, 1)->threads_exited = started;
	is_u64(read_once(&image)->without_row, 0, "overflow: not below 0");
	image_slot(&image, 1)->threads_exited = UINT64_MAX;
	is_u64(read_once(&image)->without_row, 0, "overflow: absurd");
	image_release(&image);
}

static void test_truncated(void)
{
	struct segment_image image = fresh_image();
	struct attachment *a = attach_image(&image);
	struct thread_rows rows = { .rows = NULL };

	truncate_file(IMAGE_NAME, PAGES(1));
	is_u64(attach_threads(a, &rows), ATTACH_TRUNCATED, "cut: said");
	is_u64(rows.count, 0, "cut: no rows");
	thread_rows_release(&rows);
	attach_close(a);
	image_release(&image);
}

/* ---- a writer at work ---- */

#define TURNS 3000

static struct {
	struct slot *slot;
	bool stop;
} writer;

/* One owner after the other, each with as many bytes as its number. */
static void *take_turns(void *unused)
{
	struct slot *slot = writer.slot;

	(void)unused;
	for (int tid = 1; !__atomic_load_n(&writer.stop, __ATOMIC_RELAXED); tid++) {
		__atomic_store_n(&slot->sequence, slot->sequence + 1,
				 __ATOMIC_RELAXED);
		__atomic_thread_fence(__ATOMIC_RELEASE);
		__atomic_store_n(&slot->tid, tid, __ATOMIC_RELAXED);
		__atomic_store_n(&slot->owned, 1, __ATOMIC_RELAXED);
		__atomic_store_n(&slot->stack_low, (uint64_t)tid, __ATOMIC_RELAXED);
		__atomic_store_n(&slot->base_alloc_bytes, slot->alloc_bytes,
				 __ATOMIC_RELAXED);
		__atomic_store_n(&slot->sequence, slot->sequence + 1,
				 __ATOMIC_RELEASE);
		__atomic_store_n(&slot->alloc_bytes,
				 slot->alloc_bytes + (uint64_t)tid,
				 __ATOMIC_RELEASE);
		/* No thread begins and ends faster than it can be read. */
		for (volatile int i = 0; i < 500; i++)
			;
	}
	return NULL;
}

static void test_while_written(void)
{
	struct segment_image image = quiet_image();
	struct attachment *a = attach_image(&image);
	int fd = openat(sandbox.dirfd, IMAGE_NAME, O_RDWR | O_CLOEXEC);
	char *map = mmap(NULL, image.length_bytes, PROT_READ | PROT_WRITE,
			 MAP_SHARED, fd, 0);
	struct thread_rows rows = { .rows = NULL };
	uint64_t torn = 0, whole = 0;
	pthread_t id;

	if (map == MAP_FAILED)
		sandbox_fail("mmap");
	writer.slot = (void *)(map + image_header(&image)->slots.offset_bytes +
			       OVERFLOW_SLOTS * sizeof(struct slot));
	pthread_create(&id, NULL, take_turns, NULL);
	for (int turn = 0; turn < TURNS; turn++) {
		const struct thread_row *row;

		if (attach_threads(a, &rows) != ATTACH_OK)
			break;
		row = rows.rows;
		if (rows.alive == EXCLUSIVE && row->tid != 1000 + OVERFLOW_SLOTS) {
			whole++;
			torn += row->stack_low != (uint64_t)row->tid ||
				(row->counts.allocs_bytes != 0 &&
				 row->counts.allocs_bytes != (uint64_t)row->tid);
		}
	}
	thread_rows_release(&rows);
	__atomic_store_n(&writer.stop, true, __ATOMIC_RELAXED);
	pthread_join(id, NULL);
	is_u64(torn, 0, "written: every row is of one thread");
	ok(whole > TURNS / 10, "written: rows are read, %llu of them",
	   (unsigned long long)whole);
	munmap(map, image.length_bytes);
	close(fd);
	attach_close(a);
	image_release(&image);
}

int main(void)
{
	sandbox_init();
	alarm(300);
	RUN(test_own_counts());
	RUN(test_ended());
	RUN(test_end_row());
	RUN(test_half_written());
	RUN(test_older_writer());
	RUN(test_without_row());
	RUN(test_truncated());
	RUN(test_while_written());
	return done();
}
