/* SPDX-License-Identifier: MIT */
/*
 * exec_chain N [PROGRAM [ARG...]]: allocates, then executes itself with N-1;
 * at 0 it reports, or becomes PROGRAM.
 *
 * Expects only the last image to be in the numbers, and one segment per
 * process however many images it had.
 */
#include "expect.h"

int main(int argc, char **argv)
{
	unsigned n;

	MUST(argc >= 2);
	n = (unsigned)strtoul(argv[1], NULL, 10);
	for (unsigned i = 0; i < 5 + n; i++)
		MUST(got(malloc(100)));
	if (n > 0) {
		char number[12];
		struct text t = { .length = 0 };

		text_number(&t, n - 1);
		memcpy(number, t.bytes, t.length);
		number[t.length] = '\0';
		argv[1] = number;
		execv("/proc/self/exe", argv);
		MUST(!"exec of itself");
	}
	if (argc > 2) {
		execv(argv[2], argv + 2);
		MUST(!"exec of the program");
	}
	expect_report();
	return 0;
}
