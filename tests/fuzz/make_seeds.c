/* SPDX-License-Identifier: MIT */
/*
 * Writes the seed corpus of fuzz_segment: every mutation of a small segment,
 * one file each, into the directory given.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/fuzz/segments.h"

/* Seeds with a hole only say "too large", and cost the fuzzer its speed. */
static int write_seed(const struct mutation *m, int dirfd)
{
	struct segment_image image;
	int result = 0;

	image_build(&image, OVERFLOW_SLOTS);
	mutation_apply(m, &image);
	if (image.hole_bytes == 0)
		result = image_write(&image, dirfd, m->name);
	image_release(&image);
	return result;
}

static int write_seeds(int dirfd)
{
	size_t count;
	const struct mutation *all = mutations_all(&count);

	for (size_t i = 0; i < count; i++) {
		int result = write_seed(&all[i], dirfd);

		if (result) {
			fprintf(stderr, "make_seeds: %s: '%s'\n",
				strerror(-result), all[i].name);
			return 1;
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	int dirfd;

	if (argc != 2) {
		fprintf(stderr, "usage: make_seeds DIRECTORY\n");
		return 2;
	}
	if (mkdir(argv[1], 0777) != 0 && errno != EEXIST) {
		fprintf(stderr, "make_seeds: %s: '%s'\n", strerror(errno),
			argv[1]);
		return 1;
	}
	dirfd = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dirfd < 0) {
		fprintf(stderr, "make_seeds: %s: '%s'\n", strerror(errno),
			argv[1]);
		return 1;
	}
	return write_seeds(dirfd);
}
