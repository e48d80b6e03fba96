/* SPDX-License-Identifier: MIT */
/*
 * threads_rest [main|raw]: threads that came and went in many ways, until
 * twelve are left at rest; then it reports and stays until standard input
 * ends. With `main` the first thread has left by pthread_exit(), with `raw`
 * three more have ended by a bare system call, past all of libc.
 *
 * Expects /threads/live:threads to be what the kernel counts. (With `main`
 * the kernel keeps one more, as a zombie that stands for the process.)
 */
#include "expect.h"

#include <sys/syscall.h>
#include <threads.h>

#define RESTING 12
#define PASSING 9

static unsigned here;
static const char *kind = "";

static void rest(void)
{
	void *p = malloc(100);

	MUST(p);
	__atomic_add_fetch(&here, 1, __ATOMIC_RELEASE);
	for (;;)
		pause();
}

static void *rest_pthread(void *argument)
{
	rest();
	return argument;
}

static int rest_thrd(void *argument)
{
	(void)argument;
	rest();
	return 0;
}

static void *pass(void *argument)
{
	free(malloc(100));
	if (argument == (void *)1)
		pthread_exit(NULL);
	if (argument == (void *)2)
		for (;;)
			pause(); /* until cancelled */
	return NULL;
}

static void *vanish(void *argument)
{
	free(malloc(100));
	syscall(SYS_exit, 0);
	return argument;
}

static void say(void)
{
	unsigned raw = strcmp(kind, "raw") == 0 ? 3 : 0;
	struct text t = { .length = 0 };

	text_line(&t, "pid", (uint64_t)getpid());
	text_line(&t, "/threads/started:threads", RESTING + PASSING + raw);
	text_line(&t, "/threads/live:threads",
		  RESTING + (strcmp(kind, "main") != 0));
	if (!raw) /* nobody sees those end */
		text_line(&t, "/threads/exited:threads",
			  PASSING + (strcmp(kind, "main") == 0));
	text_write(&t, 1);
}

static void *stay(void *argument)
{
	unsigned gone = argument ? 1 : 0;
	char c;

	while (__atomic_load_n(&here, __ATOMIC_ACQUIRE) < RESTING - gone)
		usleep(200);
	if (gone) /* it is a zombie once the kernel is through with it */
		MUST(!pthread_join(*(pthread_t *)argument, NULL));
	say();
	while (read(0, &c, 1) > 0)
		;
	exit(0);
}

int main(int argc, char **argv)
{
	bool main_leaves;
	static pthread_t self;
	pthread_t id;
	thrd_t thread;

	if (argc > 1)
		kind = argv[1];
	main_leaves = strcmp(kind, "main") == 0;
	self = pthread_self();
	for (uintptr_t i = 0; i < PASSING; i++) {
		MUST(!pthread_create(&id, NULL, pass, (void *)(i % 3)));
		if (i % 3 == 2)
			MUST(!pthread_cancel(id));
		MUST(!pthread_join(id, NULL));
	}
	for (int i = 0; strcmp(kind, "raw") == 0 && i < 3; i++) {
		MUST(!pthread_create(&id, NULL, vanish, NULL));
		MUST(!pthread_join(id, NULL));
	}
	for (int i = 0; i < RESTING - main_leaves; i++) {
		if (i % 2) {
			MUST(thrd_create(&thread, rest_thrd, NULL) ==
			     thrd_success);
			continue;
		}
		MUST(!pthread_create(&id, NULL, rest_pthread, NULL));
		MUST(!pthread_detach(id));
	}
	if (!main_leaves)
		stay(NULL);
	MUST(!pthread_create(&id, NULL, stay, &self));
	pthread_exit(NULL);
}
