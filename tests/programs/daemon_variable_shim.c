/* SPDX-License-Identifier: MIT */
/*
 * A library with a global variable that has the name of a function of the C
 * library, as is its right: daemon(3) is of no standard. It writes to it, and
 * would write into the code of whoever exports that name before it.
 */
int daemon;

__attribute__((constructor)) static void set_it(void)
{
	daemon = 1;
}
