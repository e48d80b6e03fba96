/* SPDX-License-Identifier: MIT */
#ifndef TESTS_FUZZ_SEGMENTS_H
#define TESTS_FUZZ_SEGMENTS_H
/*
 * Forged segments. An image is the content of a segment file, built straight
 * from layout.h and without segment.c, so that a mistake shared by writer and
 * reader still shows. A mutation is one way of spoiling it.
 *
 * Used by unit tests and by make_seeds.
 */
#include <stddef.h>
#include <stdint.h>

#include "shm/layout.h"
#include "shm/snapshot.h"

/* A file to be: bytes, then a hole of zeros. */
struct segment_image {
	unsigned char *bytes;
	size_t length_bytes;
	uint64_t hole_bytes;
};

/* A set of attach_error values. */
#define MAY(error) (1u << (error))
#define MAY_BE_ANYTHING ((1u << ATTACH_ERRORS) - 1)

struct mutation {
	const char *name;    /* also the file name of the seed */
	unsigned may;        /* what attach_open() may answer */

	/* Either a value stored at an offset of the header... */
	uint32_t offset;
	uint32_t width_bytes;
	uint64_t value;
	/* ...or anything else. */
	void (*apply)(struct segment_image *image);
};

/*
 * Builds a valid, ready, unlocked segment of a process that cannot exist,
 * with slot_count (>= OVERFLOW_SLOTS) committed slots. Every slot holds 10
 * allocs of 100 bytes, 4 of them freed. Release with image_release().
 */
#define IMAGE_BUCKET 4 /* of 65 to 128 bytes */
void image_build(struct segment_image *image, unsigned slot_count);
void image_release(struct segment_image *image);

/* Parts of an image that has not been mutated. */
struct segment_header *image_header(struct segment_image *image);
struct metric_entry *image_metric(struct segment_image *image, unsigned index);
struct slot *image_slot(struct segment_image *image, unsigned index);

/* Makes room for another section at the end; returns its offset. */
uint64_t image_extend(struct segment_image *image, size_t more_bytes);

/* Writes the file `name`, replacing what was there. 0 or -errno. */
int image_write(const struct segment_image *image, int dirfd,
		const char *name);

/* All mutations; the first leaves the image as it is. */
const struct mutation *mutations_all(size_t *ret_count);
void mutation_apply(const struct mutation *m, struct segment_image *image);

#endif /* TESTS_FUZZ_SEGMENTS_H */
