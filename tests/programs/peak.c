/* SPDX-License-Identifier: MIT */
/*
 * peak SHAPE: one thread whose live bytes rise and fall in a known way.
 *
 *	hill      up and down to nothing: the peak is the top
 *	last      rises to the end, nothing freed: the peak is what is live
 *	realloc   a big block grows: old + new together are no peak
 *	twice     a high hill, then a lower one
 *	random    ten thousand random steps
 *
 * Expects the peak to be exact and its slack 0.
 */
#include "expect.h"

static void *held[4096];

static void up(int from, int to, size_t bytes)
{
	for (int i = from; i < to; i++) {
		held[i] = got(malloc(bytes));
		MUST(held[i]);
	}
}

static void down(int from, int to)
{
	for (int i = from; i < to; i++) {
		free(gone(held[i]));
		held[i] = NULL;
	}
}

int main(int argc, char **argv)
{
	const char *shape = argc == 2 ? argv[1] : "";

	if (strcmp(shape, "hill") == 0) {
		up(0, 1000, 333);
		down(0, 1000);
		MUST(expect.live_bytes == 0);
	} else if (strcmp(shape, "last") == 0) {
		up(0, 1000, 333);
		MUST(expect.peak_bytes == expect.live_bytes);
	} else if (strcmp(shape, "realloc") == 0) {
		held[0] = got(malloc(10 << 20));
		held[0] = x_realloc(held[0], 11 << 20);
		held[0] = x_realloc(held[0], 5 << 20);
		held[0] = x_realloc(held[0], 10 << 20);
		MUST(expect.peak_bytes < (12 << 20));
		down(0, 1);
	} else if (strcmp(shape, "twice") == 0) {
		up(0, 500, 1000);
		down(0, 500);
		up(0, 499, 1000);
		MUST(expect.peak_bytes > expect.live_bytes);
	} else if (strcmp(shape, "random") == 0) {
		uint32_t seed = 1;

		for (int i = 0; i < 10000; i++) {
			int at = (int)((seed = seed * 1664525 + 1013904223) >>
				       20);
			size_t bytes = 1 + (seed >> 8) % 20000;

			if (!held[at])
				held[at] = got(malloc(bytes));
			else if (seed & 64)
				held[at] = x_realloc(held[at], bytes);
			else
				down(at, at + 1);
		}
	} else {
		MUST(!"a known shape");
	}
	expect_report();
	return 0;
}
