/* SPDX-License-Identifier: MIT */
/*
 * sandbox_raw: confines itself by a bare system call, which no library sees,
 * to where opening, truncating, locking or removing a file is refused, and
 * so is committing memory. Then it uses many threads at once and forks.
 *
 * Expects to live, parent and child, and the parent to be exact.
 */
#include "expect.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define POPULATE_WRITE 23
#define AT_ONCE        80

#define REFUSE SECCOMP_RET_ERRNO | (EPERM & SECCOMP_RET_DATA)
#define FORBID(name) \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 1), \
	BPF_STMT(BPF_RET | BPF_K, REFUSE)

static void forbid(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		FORBID(open),
		FORBID(openat),
		FORBID(ftruncate),
		FORBID(fallocate),
		FORBID(unlink),
		FORBID(unlinkat),
		FORBID(getrandom),
		FORBID(readlinkat),
		FORBID(fcntl),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_madvise, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, args[2])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, POPULATE_WRITE, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, REFUSE),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(filter) / sizeof(filter[0]),
				      filter };

	MUST(!syscall(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	MUST(!syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program));
}

static pthread_barrier_t all_here;

static void *work(void *argument)
{
	void *p;

	expect_thread();
	p = got(malloc(100));
	MUST(p);
	pthread_barrier_wait(&all_here);
	free(gone(p));
	return argument;
}

int main(void)
{
	pthread_t ids[AT_ONCE];
	int status;
	pid_t child;

	MUST(mallopt(M_ARENA_MAX, 1));
	MUST(got(malloc(1000)));
	forbid();
	MUST(!pthread_barrier_init(&all_here, NULL, AT_ONCE));
	for (int i = 0; i < AT_ONCE; i++)
		MUST(!pthread_create(&ids[i], expect_small_stack(), work, NULL));
	for (int i = 0; i < AT_ONCE; i++)
		MUST(!pthread_join(ids[i], NULL));
	child = fork();
	MUST(child >= 0);
	if (child == 0) {
		for (int i = 0; i < 100; i++)
			free(malloc(500));
		_exit(3);
	}
	MUST(waitpid(child, &status, 0) == child);
	MUST(WIFEXITED(status) && WEXITSTATUS(status) == 3);
	expect.threaded = true;
	expect.no_peak = true;
	expect.exited = AT_ONCE;
	expect.threads_peak = 1 + AT_ONCE;
	expect_report();
	return 0;
}
