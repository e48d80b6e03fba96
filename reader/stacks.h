/* SPDX-License-Identifier: MIT */
#ifndef READER_STACKS_H
#define READER_STACKS_H
/*
 * The stacks of threads: how large, and how much of them is resident. Bounds
 * are those that the tally noted when a thread was made; the address space of
 * the process tells what became of them. Safe in any thread on separate
 * objects.
 *
 * Left out are stacks that nobody can tell: of threads without a row, or not
 * made by pthread_create, and of all threads where the segment may be read by
 * others than its owner. Coroutines are no threads: their stacks are the
 * program's business.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reader/mappings.h"
#include "reader/procfile.h"
#include "shm/snapshot.h"
#include "shm/threads.h"

/* Of one thread; bytes in whole pages, without guard pages. */
struct stack {
	bool is_known;
	bool is_resident_known;
	uint64_t reserved_bytes;
	uint64_t resident_bytes;
};

/* A stretch of addresses; low == high: not known. */
struct stack_range {
	uint64_t low, high;
};

struct stacks {
	struct stack *of;        /* one for each row, in that order */
	bool is_complete;        /* that of every thread alive is known: */
	bool is_resident_known;  /* only then the sums tell anything */
	uint64_t reserved_bytes;
	uint64_t resident_bytes;
	uint64_t cached_bytes;   /* resident, of ended threads */
	int maps_error;          /* errno where that file could not be read */
	int pagemap_error;       /* likewise; EFBIG: too much to look at */

	/* Private: what a look needs. */
	size_t room;             /* rows that there is memory for */
	struct stack_range *ranges, *live;
	struct mappings mappings;
};

/*
 * Looks at the process whose /proc/PID is open as process_fd; its first thread
 * has first_tid in the rows. What cannot be read is not known. False when
 * memory is short.
 *
 * *ret is zero at first, may be used again, and owns memory that the caller
 * ends with stacks_release(). It only grows: after stacks_reserve() nothing is
 * allocated for up to that many rows.
 */
bool stacks_read(struct stacks *ret, struct procfile *file, int process_fd,
		 const struct thread_rows *rows, int first_tid);
bool stacks_reserve(struct stacks *s, size_t rows);

/* As a look at so many rows of which nothing is known. */
void stacks_forget(struct stacks *s, size_t rows);
void stacks_release(struct stacks *s);

/* Adds the sums that are known. */
void stacks_add(struct snapshot *s, const struct stacks *stacks);

#endif /* READER_STACKS_H */
