/* SPDX-License-Identifier: MIT */
/*
 * Moments in the life of a process that no hook tells of. exec, fork and the
 * rest are left alone.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "preload/cc.h"
#include "preload/fork.h"
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

/* Its handlers run afterwards; what they free is still counted. */
EXPORT void quick_exit(int status)
{
	process_end();
	next_resolve();
	next.quick_exit(status);
	__builtin_unreachable();
}

/* The fork that signal handlers may call: without handlers of atfork. */
EXPORT pid_t _Fork(void)
{
	pid_t child;

	next_resolve();
	fork_prepare();
	child = next.fork_without_handlers();
	if (child == 0)
		fork_child();
	else
		fork_parent();
	return child;
}

/*
 * A process that gives up privileges for good is about to forbid itself
 * system calls: from here on we make none, as one could be its death.
 */
EXPORT int prctl(int option, ...)
{
	unsigned long value[4];
	va_list arguments;
	bool ours;
	int result, saved;

	va_start(arguments, option);
	for (int i = 0; i < 4; i++)
		/* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): it is
		 * initialized three lines above. */
		value[i] = va_arg(arguments, unsigned long);
	va_end(arguments);
	next_resolve();
	if (option != PR_SET_SECCOMP && option != PR_SET_NO_NEW_PRIVS)
		return next.prctl(option, value[0], value[1], value[2], value[3]);
	ours = process_may_be_sandboxed();
	result = next.prctl(option, value[0], value[1], value[2], value[3]);
	saved = errno;
	/* One that failed only asked what the kernel can do. */
	if (ours && result == 0)
		process_enters_sandbox(option == PR_SET_SECCOMP);
	errno = saved;
	return result;
}
