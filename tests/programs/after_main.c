/* SPDX-License-Identifier: MIT */
/*
 * after_main: allocates in a constructor, in main, in atexit() handlers and
 * in a destructor, which reports.
 *
 * Expects all of it to be counted.
 */
#include "expect.h"

static void *from_constructor;
static void *from_main;

__attribute__((constructor)) static void begin(void)
{
	from_constructor = got(malloc(111));
	MUST(from_constructor);
}

__attribute__((destructor)) static void end(void)
{
	free(gone(from_constructor));
	for (int i = 0; i < 3; i++)
		MUST(got(malloc(333)));
	expect_report();
}

static void at_exit(void)
{
	void *p = got(calloc(2, 222));

	MUST(p);
	p = x_realloc(p, 2222);
	MUST(p);
	free(gone(from_main));
}

int main(void)
{
	from_main = got(malloc(1));
	MUST(from_main);
	MUST(!atexit(at_exit));
	return 0;
}
