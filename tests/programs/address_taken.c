/* SPDX-License-Identifier: MIT */
/*
 * address_taken: calls malloc, calloc, realloc and free through pointers to
 * them. In a fixed-address (non-PIE) executable such a pointer is the
 * executable's own PLT entry, and so it is for everybody else who asks.
 *
 * Expects to be counted like any other program.
 */
#include "expect.h"

int main(void)
{
	/* in code, not in data: only this makes the linker do it */
	void *(*volatile allocate)(size_t) = malloc;
	void *(*volatile allocate_zeroed)(size_t, size_t) = calloc;
	void *(*volatile resize)(void *, size_t) = realloc;
	void (*volatile release)(void *) = free;

	for (int i = 0; i < 100; i++) {
		void *p = got(allocate(100));
		void *q = got(allocate_zeroed(10, 10));

		MUST(p && q);
		release(gone(p));
		if (i % 2)
			release(gone(q));
	}
	expect_report();
	return resize == NULL;
}
