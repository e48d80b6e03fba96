/* SPDX-License-Identifier: MIT */
/*
 * leak_server serve SOCKET HOW: answers each request on a socket with an "x".
 * A request costs some blocks, which are freed, and leaves
 *
 *	none	nothing
 *	block	one block of 100 bytes
 *	thread	one thread, which waits for ever
 *	holder	one thread, which waits for ever and holds a descriptor
 *
 * leak_server ask SOCKET COUNT: makes so many requests, one by one.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define WORK_BLOCKS 50

static void *wait_for_ever(void *nothing)
{
	for (;;)
		pause();
	return nothing;
}

static void *hold_descriptor(void *nothing)
{
	if (open("/dev/null", O_RDONLY | O_CLOEXEC) < 0)
		abort();
	return wait_for_ever(nothing);
}

static void leave_thread(void *(*run)(void *))
{
	pthread_attr_t attributes;
	pthread_t thread;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, 65536);
	if (pthread_create(&thread, &attributes, run, NULL) != 0)
		abort();
	pthread_attr_destroy(&attributes);
}

static void answer(int client, const char *how)
{
	void *blocks[WORK_BLOCKS];

	for (int i = 0; i < WORK_BLOCKS; i++)
		blocks[i] = malloc(1000);
	if (strcmp(how, "block") == 0 && !malloc(100))
		abort();
	if (strcmp(how, "thread") == 0)
		leave_thread(wait_for_ever);
	if (strcmp(how, "holder") == 0)
		leave_thread(hold_descriptor);
	for (int i = 0; i < WORK_BLOCKS; i++)
		free(blocks[i]);
	/* Behind the frees: who asks is answered when all is done. */
	if (write(client, "x", 1) != 1)
		perror("write");
}

static int serve(const struct sockaddr_un *address, const char *how)
{
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (bind(listener, (const struct sockaddr *)address,
		 sizeof(*address)) != 0 || listen(listener, 64) != 0)
		return 1;
	for (;;) {
		int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		if (client < 0)
			return 1;
		answer(client, how);
		close(client);
	}
}

static int ask(const struct sockaddr_un *address, unsigned long count)
{
	char reply;

	while (count--) {
		int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (connect(server, (const struct sockaddr *)address,
			    sizeof(*address)) != 0 ||
		    read(server, &reply, 1) != 1)
			return 1;
		close(server);
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (argc != 4)
		return 2;
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", argv[2]);
	if (strcmp(argv[1], "serve") == 0)
		return serve(&address, argv[3]);
	return ask(&address, strtoul(argv[3], NULL, 10));
}
