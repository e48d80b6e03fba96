/* SPDX-License-Identifier: MIT */
/*
 * totals: allocates and frees 6 GiB in all, never more than 192 MiB at once
 * and never touched.
 *
 * Expects byte totals far beyond 32 bits, and a peak of three blocks.
 */
#include "expect.h"

#define BLOCK ((size_t)64 << 20)

int main(void)
{
	for (int i = 0; i < 32; i++) {
		void *a = got(malloc(BLOCK));
		void *b = got(calloc(1, BLOCK));
		void *c = got(memalign(4096, BLOCK));

		MUST(a && b && c);
		free(gone(b));
		free(gone(a));
		free(gone(c));
	}
	MUST(expect.alloc_bytes > (uint64_t)UINT32_MAX);
	expect_report();
	return 0;
}
