/* SPDX-License-Identifier: MIT */
/*
 * sandbox chroot DIRECTORY | sandbox seccomp: goes where files can no longer
 * be opened, then uses threads and forks a child that allocates. With
 * `seccomp` opening, truncating, locking or removing a file is deadly.
 *
 * Expects to live, parent and child, and the parent to be exact; the child
 * may be untallied.
 */
#include "expect.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define FORBID(name) \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 1), \
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS)

static void forbid(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		FORBID(open),
		FORBID(openat),
		FORBID(openat2),
		FORBID(ftruncate),
		FORBID(fallocate),
		FORBID(unlink),
		FORBID(unlinkat),
		FORBID(getrandom),
		FORBID(readlink),
		FORBID(readlinkat),
		FORBID(fcntl),
		FORBID(gettid),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(filter) / sizeof(filter[0]),
				      filter };

	MUST(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	MUST(!prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0));
}

static void *work(void *argument)
{
	void *p;

	expect_thread();
	p = got(malloc(100));
	MUST(p);
	free(gone(p));
	return argument;
}

int main(int argc, char **argv)
{
	pthread_t id;
	pid_t child;
	int status;

	MUST(argc >= 2);
	MUST(got(malloc(1000)));
	MUST(!pthread_create(&id, expect_small_stack(), work, NULL));
	MUST(!pthread_join(id, NULL));
	if (strcmp(argv[1], "chroot") == 0) {
		MUST(argc == 3 && !chroot(argv[2]) && !chdir("/"));
	} else {
		forbid();
	}
	for (int i = 0; i < 100; i++) {
		MUST(!pthread_create(&id, expect_small_stack(), work, NULL));
		MUST(!pthread_join(id, NULL));
	}
	child = fork();
	MUST(child >= 0);
	if (child == 0) {
		for (int i = 0; i < 100; i++)
			free(malloc(500));
		_exit(3);
	}
	MUST(waitpid(child, &status, 0) == child);
	MUST(WIFEXITED(status) && WEXITSTATUS(status) == 3);
	MUST(got(malloc(50)));
	expect.threaded = true;
	expect.no_peak = true;
	expect.exited = 101;
	expect.threads_peak = 2;
	expect_report();
	return 0;
}
