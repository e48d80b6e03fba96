/* SPDX-License-Identifier: MIT */
#ifndef READER_THREAD_TABLE_H
#define READER_THREAD_TABLE_H
/*
 * The threads of a process as `stat --threads` shows them. Figures of the heap
 * are left out where nothing of it is observed. Main thread only.
 */
#include <stdbool.h>

#include "reader/api/heaptally.h"
#include "reader/json.h"

struct thread_table {
	bool is_told;           /* else there are no rows: an older library */
	bool is_observed;       /* something of its heap */
	struct ht_thread *rows; /* highest net bytes first */
	size_t count;
	struct ht_threads_rest rest;
};

/*
 * Reads them of what is open in h. Returns 0, or a negative errno as
 * ht_threads(); with 0 the caller ends with thread_table_release().
 */
int thread_table_read(struct thread_table *ret, struct ht *h);
void thread_table_release(struct thread_table *t);

/* Prints a line for each thread, and what is to say of those without one. */
void thread_table_print(const struct thread_table *t, bool raw);

/* Sets "threads" and "threads_other" of a process. */
void thread_table_put_json(struct json *process, const struct thread_table *t);

#endif /* READER_THREAD_TABLE_H */
