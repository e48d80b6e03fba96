/* SPDX-License-Identifier: MIT */
/*
 * nothing [STATUS]: allocates nothing at all and ends with STATUS.
 *
 * Expects every heap metric to be 0: whatever the library did to get ready
 * is not the program's.
 */
#include "expect.h"

int main(int argc, char **argv)
{
	expect_report();
	return argc > 1 ? (int)strtol(argv[1], NULL, 10) : 0;
}
