/* SPDX-License-Identifier: MIT */
#ifndef READER_SORT_H
#define READER_SORT_H
/* Sorting in place: qsort() may allocate. Safe in any thread. */
#include <stddef.h>

/*
 * Sorts `count` items of `item_bytes` each, as qsort() does: not stable, and
 * in a time that no order of theirs makes worse.
 */
void sort_items(void *items, size_t count, size_t item_bytes,
		int (*compare)(const void *a, const void *b));

#endif /* READER_SORT_H */
