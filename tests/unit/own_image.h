/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_OWN_IMAGE_H
#define TESTS_UNIT_OWN_IMAGE_H
/*
 * Forged segments on disk, and the calls of the reading half that may not
 * fail where a test is about something else.
 */
#include <stdlib.h>

#include "shm/layout.h"
#include "shm/snapshot.h"
#include "tests/fuzz/segments.h"
#include "tests/unit/sandbox.h"
#include "tests/unit/tap.h"

#define IMAGE_NAME "heaptally.1.1"
#define PAGES(n)   ((off_t)(n) * sysconf(_SC_PAGESIZE))

static inline void write_image(const struct segment_image *image)
{
	int error = image_write(image, sandbox.dirfd, IMAGE_NAME);

	errno = -error;
	if (error)
		sandbox_fail(IMAGE_NAME);
}

static inline struct attachment *attach_or_die(const char *name)
{
	struct attachment *a = NULL;
	enum attach_error error = attach_open(&a, sandbox.dirfd, name, 0);

	if (error) {
		fprintf(stderr, "attach_open: %s: '%s'\n",
			attach_error_text(error), name);
		exit(99);
	}
	return a;
}

static inline struct attachment *attach_image(const struct segment_image *image)
{
	write_image(image);
	return attach_or_die(IMAGE_NAME);
}

/* Valid until the next call. */
static inline const struct snapshot *look(const struct attachment *a)
{
	static struct snapshot s;

	memset(&s, 0xa5, sizeof(s));
	is_u64(attach_snapshot(a, &s), ATTACH_OK, "a snapshot is taken");
	return &s;
}

static inline const struct snapshot *look_once(const struct segment_image *image)
{
	struct attachment *a = attach_image(image);
	const struct snapshot *s = look(a);

	attach_close(a);
	return s;
}

#define FRESH_SLOTS (OVERFLOW_SLOTS + 64)

/* Overflow and exclusive slots, with counts in all of them. */
static inline struct segment_image fresh_image(void)
{
	struct segment_image image;

	image_build(&image, FRESH_SLOTS);
	return image;
}

/* The same with all counts 0. */
static inline struct segment_image quiet_image(void)
{
	struct segment_image image = fresh_image();

	for (unsigned i = 0; i < FRESH_SLOTS; i++) {
		struct slot *slot = image_slot(&image, i);

		memset(slot, 0, SLOT_COUNTERS * 8);
		memset(slot->free_by_size, 0, sizeof(slot->free_by_size));
		memset(slot->alloc_by_size, 0, sizeof(slot->alloc_by_size));
	}
	return image;
}

#endif /* TESTS_UNIT_OWN_IMAGE_H */
