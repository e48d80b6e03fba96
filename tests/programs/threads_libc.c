/* SPDX-License-Identifier: MIT */
/*
 * threads_libc aio|aio_notify|getaddrinfo_a|mq_notify: threads that libc
 * makes for itself, behind the back of pthread_create.
 *
 * Expects them to do their work; the heap is not predicted (compare with
 * count_shim). Those that run a function of ours, which allocates, must be
 * seen.
 */
#include "expect.h"

#include <aio.h>
#include <fcntl.h>
#include <mqueue.h>
#include <netdb.h>

static unsigned rung;

static void ring(union sigval value)
{
	void *p = malloc(1000);

	MUST(p && value.sival_int == 42);
	free(p);
	__atomic_store_n(&rung, 1, __ATOMIC_RELEASE);
}

static void by_aio(bool notify)
{
	static char bytes[64];
	struct aiocb block = {
		.aio_fildes = open("/proc/self/exe", O_RDONLY),
		.aio_buf = bytes,
		.aio_nbytes = sizeof(bytes),
		.aio_sigevent.sigev_notify = notify ? SIGEV_THREAD : SIGEV_NONE,
		.aio_sigevent.sigev_value.sival_int = 42,
	};
	const struct aiocb *list[] = { &block };

	block.aio_sigevent.sigev_notify_function = ring;
	MUST(block.aio_fildes >= 0);
	MUST(!aio_read(&block));
	while (aio_error(&block) == EINPROGRESS)
		MUST(!aio_suspend(list, 1, NULL) || errno == EINTR);
	MUST(aio_return(&block) == sizeof(bytes));
	MUST(memcmp(bytes, "\177ELF", 4) == 0);
	while (notify && !__atomic_load_n(&rung, __ATOMIC_ACQUIRE))
		usleep(200);
}

static void by_getaddrinfo_a(void)
{
	struct addrinfo hints = { .ai_flags = AI_NUMERICHOST };
	struct gaicb request = { .ar_name = "127.0.0.1", .ar_request = &hints };
	struct gaicb *list[] = { &request };

	MUST(getaddrinfo_a(GAI_NOWAIT, list, 1, NULL) == 0);
	while (gai_error(&request) == EAI_INPROGRESS)
		gai_suspend((const struct gaicb *const *)list, 1, NULL);
	MUST(gai_error(&request) == 0 && request.ar_result);
	freeaddrinfo(request.ar_result);
}

static void by_mq_notify(void)
{
	struct mq_attr attr = { .mq_maxmsg = 1, .mq_msgsize = 8 };
	struct sigevent event = {
		.sigev_notify = SIGEV_THREAD,
		.sigev_value.sival_int = 42,
	};
	char name[32] = "/ht-test-0000000000";
	mqd_t queue;
	pid_t pid = getpid();

	for (char *at = name + strlen(name); pid; pid /= 10)
		*--at = (char)('0' + pid % 10);
	queue = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attr);
	if (queue == (mqd_t)-1)
		_exit(77); /* no message queues here */
	MUST(!mq_unlink(name));
	event.sigev_notify_function = ring;
	MUST(!mq_notify(queue, &event));
	MUST(!mq_send(queue, "x", 1, 0));
	while (!__atomic_load_n(&rung, __ATOMIC_ACQUIRE))
		usleep(200);
}

int main(int argc, char **argv)
{
	struct text t = { .length = 0 };

	MUST(argc == 2);
	if (strcmp(argv[1], "aio") == 0)
		by_aio(false);
	else if (strcmp(argv[1], "aio_notify") == 0)
		by_aio(true);
	else if (strcmp(argv[1], "getaddrinfo_a") == 0)
		by_getaddrinfo_a();
	else
		by_mq_notify();
	text_line(&t, "pid", (uint64_t)getpid());
	text_line(&t, "seen", rung);
	text_write(&t, 1);
	return 0;
}
