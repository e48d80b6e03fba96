/* SPDX-License-Identifier: MIT */
/*
 * exec_thread PROGRAM [ARG...]: becomes PROGRAM from a thread that is not the
 * main one, while others allocate.
 *
 * Expects PROGRAM's numbers alone, one segment, one thread.
 */
#include "expect.h"

static char **command;

static void *allocate(void *argument)
{
	for (;;)
		free(malloc(100));
	return argument;
}

static void *become(void *argument)
{
	(void)argument;
	usleep(5000);
	execv(command[0], command);
	MUST(!"exec");
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t id;

	MUST(argc > 1);
	command = argv + 1;
	for (int i = 0; i < 3; i++)
		MUST(!pthread_create(&id, NULL, allocate, NULL));
	MUST(!pthread_create(&id, NULL, become, NULL));
	for (;;)
		pause();
}
