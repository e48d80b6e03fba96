/* SPDX-License-Identifier: MIT */
/*
 * clone_vm vfork|memory [hold]: children made by clone() that share our memory, with
 * CLONE_VFORK (as posix_spawn makes them) or while we wait for their end.
 * They allocate and free in our heap and end by _exit() or by returning. With
 * `hold` the parent then stays until standard input ends.
 *
 * Expects all of it to be the parent's, as it is the parent's heap, and the
 * parent's tally to outlive its children.
 */
#include "expect.h"

#include <sched.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define STACK_BYTES (256 << 10)

static void *left_here;
static bool by_exit;

static int child(void *argument)
{
	void *p = got(malloc(100));

	MUST(p);
	free(gone(argument));
	left_here = got(malloc(3000));
	MUST(left_here);
	p = x_realloc(p, 500);
	free(gone(p));
	if (by_exit)
		_exit(3);
	return 3;
}

int main(int argc, char **argv)
{
	char *stack;
	int flags, status;
	pid_t pid;
	char c;

	MUST(argc >= 2);
	flags = CLONE_VM | SIGCHLD;
	if (strcmp(argv[1], "vfork") == 0)
		flags |= CLONE_VFORK;
	stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	MUST(stack != MAP_FAILED);
	for (int i = 0; i < 50; i++) {
		void *p = got(malloc(777));

		MUST(p);
		by_exit = i % 2;
		pid = clone(child, stack + STACK_BYTES, flags, p);
		MUST(pid > 0);
		MUST(waitpid(pid, &status, 0) == pid);
		MUST(WIFEXITED(status) && WEXITSTATUS(status) == 3);
		if (i % 3)
			free(gone(left_here));
	}
	expect_report();
	while (argc > 2 && read(0, &c, 1) > 0)
		;
	return 0;
}
