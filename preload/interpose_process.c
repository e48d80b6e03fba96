/* SPDX-License-Identifier: MIT */
/*
 * Two moments in the life of a process that no hook tells of. exec, fork and
 * the rest are left alone.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "preload/cc.h"
#include "preload/next.h"
#include "preload/process.h"

/*
 * Shells and forked children leave this way, past all destructors. Without
 * it they would look killed, and their segments would stay behind.
 */
EXPORT void _exit(int status)
{
	process_end();
	next_resolve();
	next.exit_now(status);
	__builtin_unreachable();
}

EXPORT void _Exit(int status)
{
	_exit(status);
}

/*
 * A process that gives up privileges for good is about to forbid itself
 * system calls: from here on we make none, as one could be its death.
 */
EXPORT int prctl(int option, ...)
{
	unsigned long value[4];
	va_list arguments;

	va_start(arguments, option);
	for (int i = 0; i < 4; i++)
		value[i] = va_arg(arguments, unsigned long);
	va_end(arguments);
	if (option == PR_SET_SECCOMP || option == PR_SET_NO_NEW_PRIVS)
		process_enters_sandbox();
	next_resolve();
	return next.prctl(option, value[0], value[1], value[2], value[3]);
}
