/* SPDX-License-Identifier: MIT */
/*
 * hold [BLOCKS]: allocates BLOCKS blocks (310 if not told), reports, and
 * stays until standard input ends. A target to look at.
 */
#include "expect.h"

int main(int argc, char **argv)
{
	unsigned blocks = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 310;
	char c;

	for (unsigned i = 0; i < blocks; i++)
		MUST(got(malloc(1000)));
	expect_report();
	while (read(0, &c, 1) > 0)
		;
	return 0;
}
