/* SPDX-License-Identifier: MIT */
#ifndef READER_OBJECT_LIST_H
#define READER_OBJECT_LIST_H
/*
 * The objects of a program, in the order in which the loader looks for
 * symbols. However they name each other, their number and the work on them
 * are bounded. Main thread only.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reader/examination.h"

/* Objects being gathered; zeroed at first. */
struct object_list {
	struct object *items;
	size_t count;
	uint64_t bytes_read;
	char *missing; /* the first library that was not found */
};

/*
 * Reads `file` and appends it under the name `path`. Facts of a file that
 * was read already may be given instead, and are taken over. False when it
 * tells nothing or the bounds are reached.
 */
bool object_list_add(struct object_list *list, const char *path,
		     const char *file, struct elf_facts *known);

/* Adds a library by its name in LD_PRELOAD or --allocator. */
void object_list_preload(struct object_list *list, const char *name);

/* Adds what all of them need, and what that needs, breadth first. */
void object_list_close(struct object_list *list);

/*
 * Moves those that a value of LD_PRELOAD names right behind the first object,
 * in its order. Returns how many there are.
 */
size_t object_list_prefer(struct object_list *list, const char *preload);

/*
 * Brings objects that were found in any order, but for the first `fixed`,
 * into that of the loader; those that nobody needs come last.
 */
void object_list_order(struct object_list *list, size_t fixed);

#endif /* READER_OBJECT_LIST_H */
