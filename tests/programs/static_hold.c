/* SPDX-License-Identifier: MIT */
/*
 * To be linked with -static: no library can be preloaded into it. Says
 * "ready", waits until standard input ends, and ends with status 0 or, with
 * an argument, that one.
 */
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	char c;
	int status = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 0;

	if (!malloc(100) || write(1, "ready\n", 6) != 6)
		return 1;
	while (read(0, &c, 1) > 0)
		;
	return status;
}
