/* SPDX-License-Identifier: MIT */
/*
 * sandbox chroot DIRECTORY | seccomp | query | vfork: goes where files can no
 * longer be opened, then uses threads and forks a child that allocates. With
 * `seccomp` opening, truncating, locking or removing a file is deadly, and so
 * is asking who one is. `query` only asks whether there are filters, and with
 * `vfork` a child that shares our memory confines itself, not us.
 *
 * Expects to live, parent and child, and the parent to be exact; the child
 * may be untallied with the first two.
 */
#include "expect.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define POPULATE_WRITE 23 /* an madvise that commits memory */
#define AT_ONCE        80

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
		FORBID(getpid),
		/* libc's own madvise is another one. */
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_madvise, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, args[2])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, POPULATE_WRITE, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(filter) / sizeof(filter[0]),
				      filter };

	MUST(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	MUST(!prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0));
}

static __attribute__((noinline)) void confine_child_of_vfork(void)
{
	int status;
	pid_t child = vfork();

	if (child == 0)
		_exit(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	MUST(child > 0 && waitpid(child, &status, 0) == child && status == 0);
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

static pthread_barrier_t all_here;

static void *work_at_once(void *argument)
{
	pthread_barrier_wait(&all_here);
	work(NULL);
	pthread_barrier_wait(&all_here);
	return argument;
}

/* More threads than any confined process has slots for. */
static void crowd(void)
{
	pthread_t ids[AT_ONCE];

	MUST(!pthread_barrier_init(&all_here, NULL, AT_ONCE));
	for (int i = 0; i < AT_ONCE; i++)
		MUST(!pthread_create(&ids[i], expect_small_stack(),
				     work_at_once, NULL));
	for (int i = 0; i < AT_ONCE; i++)
		MUST(!pthread_join(ids[i], NULL));
}

int main(int argc, char **argv)
{
	pthread_t id;
	pid_t child;
	int status;

	MUST(argc >= 2);
	/* For another one libc would ask how many processors there are. */
	MUST(mallopt(M_ARENA_MAX, 1));
	MUST(got(malloc(1000)));
	MUST(!pthread_create(&id, expect_small_stack(), work, NULL));
	MUST(!pthread_join(id, NULL));
	if (strcmp(argv[1], "chroot") == 0) {
		MUST(argc == 3 && !chroot(argv[2]) && !chdir("/"));
	} else if (strcmp(argv[1], "query") == 0) {
		/* The way that the manual tells of. */
		MUST(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL, 0, 0) == -1);
	} else if (strcmp(argv[1], "vfork") == 0) {
		confine_child_of_vfork();
	} else {
		expect.pid = getpid();
		forbid();
	}
	for (int i = 0; i < 100; i++) {
		MUST(!pthread_create(&id, expect_small_stack(), work, NULL));
		MUST(!pthread_join(id, NULL));
	}
	crowd();
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
	expect.exited = 101 + AT_ONCE;
	expect.threads_peak = 1 + AT_ONCE;
	expect_report();
	return 0;
}
