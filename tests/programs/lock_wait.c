/* SPDX-License-Identifier: MIT */
/*
 * lock_wait: every kind of call that waits for a lock, waiting for a thread
 * that holds it, some until they have it, some in vain; between them the same
 * calls for locks that are free, which wait for nothing. Reports how many
 * have waited, and how long they took by their own clock.
 */
#include "expect.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <time.h>

#define HOLD_US 100000
#define FREE_CALLS 100

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static volatile int waiter_tid, held, leave;
static uint64_t waits, wait_ns;

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static struct timespec in_ms(clockid_t clock, long ms)
{
	struct timespec t;

	clock_gettime(clock, &t);
	t.tv_nsec += ms % 1000 * 1000000;
	t.tv_sec += ms / 1000 + t.tv_nsec / 1000000000;
	t.tv_nsec %= 1000000000;
	return t;
}

/* ---- the calls ---- */

#define CALLS(X)                                                         \
	X(mutex_lock, pthread_mutex_lock(&mutex))                        \
	X(mutex_timed, pthread_mutex_timedlock(&mutex, &until))          \
	X(mutex_clock, pthread_mutex_clocklock(&mutex, CLOCK_MONOTONIC,  \
					       &steady))                 \
	X(rdlock, pthread_rwlock_rdlock(&rwlock))                        \
	X(timedrdlock, pthread_rwlock_timedrdlock(&rwlock, &until))      \
	X(clockrdlock, pthread_rwlock_clockrdlock(&rwlock,               \
						  CLOCK_MONOTONIC, &steady)) \
	X(wrlock, pthread_rwlock_wrlock(&rwlock))                        \
	X(timedwrlock, pthread_rwlock_timedwrlock(&rwlock, &until))      \
	X(clockwrlock, pthread_rwlock_clockwrlock(&rwlock,               \
						  CLOCK_MONOTONIC, &steady))

#define CALL(name, call)                                                 \
	static int name(struct timespec until, struct timespec steady)   \
	{                                                                \
		(void)until, (void)steady;                               \
		return call;                                             \
	}
CALLS(CALL)

static const struct {
	int (*call)(struct timespec until, struct timespec steady);
	bool is_mutex, is_timed;
} calls[] = {
	{ mutex_lock, true, false }, { mutex_timed, true, true },
	{ mutex_clock, true, true }, { rdlock, false, false },
	{ timedrdlock, false, true }, { clockrdlock, false, true },
	{ wrlock, false, false }, { timedwrlock, false, true },
	{ clockwrlock, false, true },
};

static int make(size_t i, long ms)
{
	return calls[i].call(in_ms(CLOCK_REALTIME, ms),
			     in_ms(CLOCK_MONOTONIC, ms));
}

static void release(size_t i)
{
	MUST(!(calls[i].is_mutex ? pthread_mutex_unlock(&mutex)
				 : pthread_rwlock_unlock(&rwlock)));
}

/* ---- the holder ---- */

/* The kernel says so: it waits for nothing but the lock. */
static bool waiter_sleeps(void)
{
	char path[64], stat[256] = "", *after;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", waiter_tid);
	fd = open(path, O_RDONLY);
	MUST(fd >= 0 && read(fd, stat, sizeof(stat) - 1) > 0);
	close(fd);
	after = strrchr(stat, ')');
	return after && after[2] == 'S';
}

static void *hold(void *argument)
{
	size_t i = (size_t)argument;

	MUST(!(calls[i].is_mutex ? pthread_mutex_lock(&mutex)
				 : pthread_rwlock_wrlock(&rwlock)));
	held = 1;
	while (!leave && !waiter_sleeps())
		usleep(1000);
	if (!leave)
		usleep(HOLD_US);
	while (leave == 1)
		usleep(1000);
	release(i);
	return NULL;
}

/* Waits for a lock that is given up in the end, or until a deadline. */
static void wait_once(size_t i, bool in_vain)
{
	pthread_t holder;
	uint64_t start;
	int result;

	held = 0;
	leave = in_vain;
	MUST(!pthread_create(&holder, NULL, hold, (void *)i));
	while (!held)
		usleep(1000);
	start = now_ns();
	result = make(i, in_vain ? HOLD_US / 1000 : 60000);
	wait_ns += now_ns() - start;
	waits++;
	MUST(result == (in_vain ? ETIMEDOUT : 0));
	if (in_vain)
		leave = 2;
	else
		release(i);
	MUST(!pthread_join(holder, NULL));
}

int main(void)
{
	struct text t = { .length = 0 };

	waiter_tid = (int)syscall(SYS_gettid);
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		for (int n = 0; n < FREE_CALLS; n++) {
			MUST(make(i, 60000) == 0);
			release(i);
		}
		wait_once(i, false);
		if (calls[i].is_timed)
			wait_once(i, true);
	}
	text_line(&t, "pid", (uint64_t)getpid());
	text_line(&t, "/sync/mutex/contentions:waits", waits);
	text_line(&t, "wait_ns", wait_ns);
	text_write(&t, 1);
	return 0;
}
