/* SPDX-License-Identifier: MIT */
#ifndef READER_THREAD_TABLE_H
#define READER_THREAD_TABLE_H
/*
 * The threads of a target as `stat --threads` shows them. Figures of the heap
 * are left out where nothing of it is observed. Main thread only.
 */
#include <stdbool.h>

#include "reader/json.h"
#include "reader/threads.h"

/* Prints a line for each thread, and what is to say of those without one. */
void thread_table_print(const struct threads *threads, const struct target *t,
			bool raw);

/* Sets "threads" and "threads_other" of a process. */
void thread_table_put_json(struct json *process, const struct threads *threads,
			   const struct target *t);

#endif /* READER_THREAD_TABLE_H */
