/* SPDX-License-Identifier: MIT */
#ifndef READER_MAPPINGS_H
#define READER_MAPPINGS_H
/*
 * The address space of a process, from the text of /proc/PID/maps. Safe in
 * any thread on separate objects.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mapping {
	uint64_t low, high;   /* bytes; high is the first behind it */
	bool writable;
	bool inaccessible;    /* neither read nor written nor run: a guard */
	bool anonymous;       /* private memory that no file backs */
	bool is_main_stack;   /* where the kernel put the first thread's stack */
};

struct mappings {
	struct mapping *all;  /* by address */
	size_t count;
	size_t room;          /* mappings that there is memory for */
};

/*
 * Parses such a text. False, and there are none then, when it is not one or
 * memory is short.
 *
 * *m is zero at first, may be used again, and owns memory that the caller ends
 * with mappings_release(). It only grows: after mappings_reserve() nothing is
 * allocated for a text of up to that many bytes.
 */
bool mappings_parse(struct mappings *m, const char *text);
bool mappings_reserve(struct mappings *m, size_t text_bytes);
void mappings_release(struct mappings *m);

/* The mapping that holds that byte, or NULL. */
const struct mapping *mappings_find(const struct mappings *m, uint64_t address);

/*
 * Returns the lowest address, but at least `low`, from which everything up to
 * `high` can be written; `high` when the byte below that cannot.
 */
uint64_t mappings_writable_from(const struct mappings *m, uint64_t low,
				uint64_t high);

#endif /* READER_MAPPINGS_H */
