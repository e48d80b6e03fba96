/* SPDX-License-Identifier: MIT */
/*
 * prctl_errno: gives up gaining privileges. Prints "0 0": the result, and an
 * errno that a call which succeeds leaves alone.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>

int main(void)
{
	void *volatile block = malloc(1);
	int result;

	errno = 0;
	result = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	printf("%d %d\n", result, errno);
	free(block);
	return 0;
}
