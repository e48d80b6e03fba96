/* SPDX-License-Identifier: MIT */
/*
 * threads_raw silent|borrowed|own: threads made by a bare clone(). `silent`
 * ones never allocate; `borrowed` ones do, with their creator's thread-local
 * storage, while it waits; `own` ones have storage of their own, as another
 * language's runtime would give them.
 *
 * Expects the heap to be exact, also for what the first thread does beside
 * and after them. Only a thread that allocates with storage of its own can be
 * told from its creator; nobody tells when it ends.
 */
#include "expect.h"

#include <linux/futex.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#define STACK_BYTES (256 << 10)
#define THREADS     20

/* Of the dynamic loader; there is no public way. */
extern void *_dl_allocate_tls(void *memory) __attribute__((weak));

static const char *kind;
static volatile uint64_t spun;

static int work(void *argument)
{
	void *p;

	for (int i = 0; i < 1000; i++)
		spun++;
	if (strcmp(kind, "silent") == 0)
		return 0;
	for (int i = 0; i < 10; i++) {
		p = got(malloc(200));
		MUST(p);
		p = x_realloc(p, 2000);
		free(gone(p));
	}
	free(gone(argument));
	/* A bare end. */
	syscall(SYS_exit, 0);
	return 0;
}

/* The thread control block of a new thread, enough of it to allocate. */
static void *new_storage(void)
{
	void **block = _dl_allocate_tls(NULL);

	MUST(block);
	block[0] = block; /* as x86-64 has it: itself, the DTV, itself */
	block[2] = block;
	block[5] = ((void **)__builtin_thread_pointer())[5]; /* canary */
	block[6] = ((void **)__builtin_thread_pointer())[6]; /* mangling */
	return block;
}

int main(int argc, char **argv)
{
	int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND |
		    CLONE_THREAD | CLONE_SYSVSEM | CLONE_CHILD_CLEARTID |
		    CLONE_PARENT_SETTID;
	static volatile pid_t tid;
	bool own;
	char *stack;

	MUST(argc == 2);
	kind = argv[1];
	own = strcmp(kind, "own") == 0;
	stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	MUST(stack != MAP_FAILED);
	if (own) {
		if (!_dl_allocate_tls)
			return 77;
		flags |= CLONE_SETTLS;
		/* The storage comes from whatever allocator there is: what
		 * that takes is not predicted. */
		expect.no_heap = true;
	}
	for (int i = 0; i < THREADS; i++) {
		void *storage = own ? new_storage() : NULL;
		void *p = got(malloc(321));
		bool silent = strcmp(kind, "silent") == 0;

		MUST(p);
		tid = 1;
		MUST(clone(work, stack + STACK_BYTES, flags, p, &tid, storage,
			   &tid) > 0);
		/* One that is silent leaves us free to work beside it. */
		while (silent && tid)
			free(gone(got(malloc(99))));
		while (tid)
			sched_yield();
		if (silent)
			free(gone(p));
	}
	MUST(got(malloc(11)));
	if (own) {
		expect.started = THREADS;
		expect.threaded = true;
		expect.no_threads_peak = true;
	}
	expect_report();
	return 0;
}
