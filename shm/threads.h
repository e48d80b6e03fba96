/* SPDX-License-Identifier: MIT */
#ifndef SHM_THREADS_H
#define SHM_THREADS_H
/*
 * The threads of a segment, one by one. For readers; depends on libc only. As
 * with a snapshot nothing is believed: numbers are whatever the file says.
 *
 * Thread safety: as snapshot.h.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "snapshot.h"

/* What one thread did, or several together. */
struct thread_counts {
	uint64_t allocs_objects;
	uint64_t allocs_bytes;
	uint64_t frees_objects;
	uint64_t frees_bytes;
};

/*
 * One thread, or the last one of a slot that nobody has now: of that only the
 * stack is told. Addresses are 0 where they are not known.
 */
struct thread_row {
	bool is_alive;                 /* as far as its process noticed */
	int tid;                       /* in the target's pid namespace; 0 = unknown */
	uint64_t started_monotonic_ns; /* CLOCK_MONOTONIC, when it was first seen */
	struct thread_counts counts;   /* its own */
	uint64_t stack_address;        /* somewhere in its stack */
	uint64_t stack_low;            /* bounds of its stack as it was asked */
	uint64_t stack_high;           /* for, without guard pages */
	bool stack_given;              /* memory of the program, not of libc */
};

struct thread_rows {
	size_t room;                   /* rows that there is memory for */
	bool is_told;                  /* the writer tells a thread's own counts */
	struct thread_row *rows;
	size_t count;
	size_t alive;                  /* so many of them */
	size_t unknown;                /* slots whose row was being written */
	size_t without_row;            /* alive, and share slots; about */
	uint64_t overflow_threads;     /* that ever shared slots */
	struct thread_counts others;   /* of threads without a row, and ended ones */
};

/*
 * Reads all rows. ATTACH_OK, ATTACH_TRUNCATED, or ATTACH_SYSTEM when memory is
 * short; with these two there are no rows. Where a thread's own counts are not
 * told there are none either: all counts are those of others.
 *
 * *ret is zero at first, may be used again, and owns memory that the caller
 * ends with thread_rows_release(). It only grows: for a segment that
 * thread_rows_reserve() was called for, nothing is allocated.
 *
 * A row is whole, its frees were read before its allocs; the rows are not of
 * the same moment.
 */
enum attach_error attach_threads(const struct attachment *a,
				 struct thread_rows *ret);
bool thread_rows_reserve(struct thread_rows *rows, const struct attachment *a);
void thread_rows_release(struct thread_rows *rows);

/*
 * To be called for a row of a thread that ended without telling: from then on
 * it is one of the others.
 */
void thread_row_end(struct thread_rows *rows, struct thread_row *row);

#endif /* SHM_THREADS_H */
