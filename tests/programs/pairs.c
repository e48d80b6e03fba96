/* SPDX-License-Identifier: MIT */
/*
 * pairs N: N pairs of malloc(48) and free, nothing else. The work that is
 * counted in instructions and system calls.
 */
#include <stdlib.h>

int main(int argc, char **argv)
{
	long n = argc > 1 ? atol(argv[1]) : 1;

	while (n-- > 0)
		free(malloc(48));
	return 0;
}
