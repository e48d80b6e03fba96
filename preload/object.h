/* SPDX-License-Identifier: MIT */
#ifndef PRELOAD_OBJECT_H
#define PRELOAD_OBJECT_H
/*
 * Which loaded object an address belongs to. Not by dladdr, which walks all
 * symbols of the object: a hundred microseconds at every start of a process.
 * Takes no lock that a dlopen holds while it runs constructors.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct object {
	uintptr_t low;    /* first and */
	uintptr_t high;   /* one past the last address */
	unsigned order;   /* in the order in which symbols are searched */
	const char *name; /* file name without directories; the loader's memory */
};

struct dl_phdr_info;

/*
 * dl_iterate_phdr(3) of libc itself: gcc's thread sanitizer puts one of its
 * own before it, which crashes until that runtime has started.
 */
int object_walk(int (*look_at)(struct dl_phdr_info *, size_t, void *),
		void *argument);

/* Only low and high, of the object that the loader speaks of. */
void object_range(const struct dl_phdr_info *info, struct object *ret);

/* False, and *ret all zero with the name "?", for an address of no object. */
bool object_find(const void *address, struct object *ret);

static inline bool object_holds(const struct object *o, const void *address)
{
	return (uintptr_t)address >= o->low && (uintptr_t)address < o->high;
}

#endif /* PRELOAD_OBJECT_H */
