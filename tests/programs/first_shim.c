/* SPDX-License-Identifier: MIT */
/*
 * A library whose constructor runs before libc's own (linked with
 * -z initfirst) and allocates, when there is no environment yet.
 */
#include <stdlib.h>

__attribute__((constructor)) static void before_all(void)
{
	for (int i = 0; i < 3; i++)
		free(malloc(50));
}
