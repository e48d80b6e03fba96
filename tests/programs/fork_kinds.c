/* SPDX-License-Identifier: MIT */
/*
 * fork_kinds fork|_Fork|clone|SYS_fork: a child made in one of the ways that
 * copy memory; some run no atfork handler. Parent and child allocate in
 * turns, in lockstep.
 *
 * Expects the parent's numbers to be exact and untouched by the child, and
 * the child's allocs and frees to be its own. What the child inherited is
 * known for fork() alone: there the child's live is reported too.
 */
#include "expect.h"

#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static void some(int n)
{
	for (int i = 0; i < n; i++) {
		void *p = got(malloc(60));
		void *q = got(malloc(70));

		MUST(p && q);
		p = x_realloc(p, 600);
		MUST(p);
		free(gone(p));
		if (i % 2)
			free(gone(q));
	}
}

int main(int argc, char **argv)
{
	int ping[2], pong[2], status;
	char c = 'x';
	pid_t child;

	MUST(argc == 2);
	MUST(!pipe(ping) && !pipe(pong));
	some(50);
	if (strcmp(argv[1], "fork") == 0)
		child = fork();
	else if (strcmp(argv[1], "_Fork") == 0)
		child = _Fork();
	else if (strcmp(argv[1], "clone") == 0)
		child = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	else
		child = (pid_t)syscall(SYS_fork);
	MUST(child >= 0);
	if (child == 0) {
		struct text t = { .length = 0 };

		expect_child();
		close(ping[1]);
		close(pong[0]);
		for (int i = 0; i < 100; i++) {
			MUST(read(ping[0], &c, 1) == 1);
			some(3);
			MUST(write(pong[1], &c, 1) == 1);
		}
		if (strcmp(argv[1], "fork") == 0) {
			expect_report();
			_exit(0);
		}
		text_line(&t, "pid", (uint64_t)getpid());
		text_line(&t, "/heap/allocs:objects", expect.allocs);
		text_line(&t, "/heap/allocs:bytes", expect.alloc_bytes);
		text_line(&t, "/heap/frees:objects", expect.frees);
		text_line(&t, "/heap/frees:bytes", expect.free_bytes);
		text_line(&t, "/heap/reallocs:calls", expect.reallocs);
		text_line(&t, "/threads/live:threads", 1);
		text_write(&t, 1);
		_exit(0);
	}
	close(ping[0]); /* a child that dies must not leave us waiting */
	close(pong[1]);
	for (int i = 0; i < 100; i++) {
		some(2);
		MUST(write(ping[1], &c, 1) == 1);
		some(2);
		MUST(read(pong[0], &c, 1) == 1);
	}
	MUST(waitpid(child, &status, 0) == child && status == 0);
	expect_report();
	return 0;
}
