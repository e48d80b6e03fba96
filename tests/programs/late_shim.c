/* SPDX-License-Identifier: MIT */
/*
 * A library of the program's whose destructor runs after heaptally's: it
 * allocates 7 blocks and frees 2, then reports.
 */
#include "expect.h"

__attribute__((destructor)) static void end(void)
{
	void *p[7];

	for (int i = 0; i < 7; i++)
		MUST((p[i] = got(malloc(700))));
	free(gone(p[3]));
	free(gone(p[5]));
	expect_report();
}
