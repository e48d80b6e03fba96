/* SPDX-License-Identifier: MIT */
/*
 * lock_kinds: what every call for every kind of lock returns, as a table: on
 * a lock that is free, held by this thread, held by another, given up by a
 * thread that died, and lost for good; with deadlines that are past, invalid,
 * and by a clock that there is not. The same table must come out whoever
 * stands between.
 */
#include "expect.h"

#include <stdio.h>
#include <time.h>

static const struct timespec past = { .tv_sec = 1 };
static const struct timespec invalid = { .tv_sec = 4000000000, .tv_nsec = -1 };
static const struct timespec too_many_ns = { .tv_sec = 4000000000,
					     .tv_nsec = 1000000000 };

/* ---- mutexes ---- */

static int lock(pthread_mutex_t *m) { return pthread_mutex_lock(m); }
static int try(pthread_mutex_t *m) { return pthread_mutex_trylock(m); }
static int timed(pthread_mutex_t *m) { return pthread_mutex_timedlock(m, &past); }
static int timed_invalid(pthread_mutex_t *m)
{
	return pthread_mutex_timedlock(m, &invalid);
}
static int clocked(pthread_mutex_t *m)
{
	return pthread_mutex_clocklock(m, CLOCK_MONOTONIC, &past);
}
static int clocked_invalid(pthread_mutex_t *m)
{
	return pthread_mutex_clocklock(m, CLOCK_REALTIME, &too_many_ns);
}
static int clocked_oddly(pthread_mutex_t *m)
{
	return pthread_mutex_clocklock(m, CLOCK_PROCESS_CPUTIME_ID, &past);
}

static const struct {
	const char *name;
	int (*call)(pthread_mutex_t *);
	bool waits; /* for ever, for a lock that this thread holds */
} mutex_calls[] = {
	{ "lock", lock, true }, { "trylock", try, false },
	{ "timedlock", timed, false }, { "timedlock invalid", timed_invalid, false },
	{ "clocklock", clocked, false },
	{ "clocklock invalid", clocked_invalid, false },
	{ "clocklock no clock", clocked_oddly, false },
};
#define CALLS (sizeof(mutex_calls) / sizeof(mutex_calls[0]))

static const struct kind {
	const char *name;
	int type, protocol;
	bool robust;
} kinds[] = {
	{ "normal", PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_NONE, false },
	{ "default", PTHREAD_MUTEX_DEFAULT, PTHREAD_PRIO_NONE, false },
	{ "recursive", PTHREAD_MUTEX_RECURSIVE, PTHREAD_PRIO_NONE, false },
	{ "errorcheck", PTHREAD_MUTEX_ERRORCHECK, PTHREAD_PRIO_NONE, false },
	{ "adaptive", PTHREAD_MUTEX_ADAPTIVE_NP, PTHREAD_PRIO_NONE, false },
	{ "robust", PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_NONE, true },
	{ "robust recursive", PTHREAD_MUTEX_RECURSIVE, PTHREAD_PRIO_NONE, true },
	{ "robust errorcheck", PTHREAD_MUTEX_ERRORCHECK, PTHREAD_PRIO_NONE, true },
	{ "inherit", PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_INHERIT, false },
	{ "inherit recursive", PTHREAD_MUTEX_RECURSIVE, PTHREAD_PRIO_INHERIT, false },
	{ "inherit errorcheck", PTHREAD_MUTEX_ERRORCHECK, PTHREAD_PRIO_INHERIT, false },
	{ "inherit robust", PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_INHERIT, true },
	{ "protect", PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_PROTECT, false },
	{ "protect errorcheck", PTHREAD_MUTEX_ERRORCHECK, PTHREAD_PRIO_PROTECT, false },
};

static void make_mutex(pthread_mutex_t *m, const struct kind *k)
{
	pthread_mutexattr_t a;

	MUST(!pthread_mutexattr_init(&a) &&
	     !pthread_mutexattr_settype(&a, k->type) &&
	     !pthread_mutexattr_setprotocol(&a, k->protocol));
	if (k->robust)
		MUST(!pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST));
	MUST(!pthread_mutex_init(m, &a));
}

static void *hold_and_die(void *m)
{
	pthread_mutex_lock(m);
	return NULL;
}

static pthread_barrier_t taken, done;

static void *hold_meanwhile(void *m)
{
	int error = pthread_mutex_lock(m);

	pthread_barrier_wait(&taken);
	pthread_barrier_wait(&done);
	if (!error)
		pthread_mutex_unlock(m);
	return NULL;
}

static void row(const struct kind *k, const char *state, size_t call, int result)
{
	printf("%s, %s, %s: %d\n", k->name, state, mutex_calls[call].name, result);
}

static void in_thread(void *(*what)(void *), void *argument)
{
	pthread_t thread;

	MUST(!pthread_create(&thread, NULL, what, argument) &&
	     !pthread_join(thread, NULL));
}

static void free_mutex(const struct kind *k, size_t call)
{
	pthread_mutex_t m;

	make_mutex(&m, k);
	row(k, "free", call, mutex_calls[call].call(&m));
	printf("  then unlock: %d\n", pthread_mutex_unlock(&m));
}

static void own_mutex(const struct kind *k, size_t call)
{
	pthread_mutex_t m;

	if (mutex_calls[call].waits && k->type != PTHREAD_MUTEX_RECURSIVE &&
	    k->type != PTHREAD_MUTEX_ERRORCHECK)
		return;
	make_mutex(&m, k);
	row(k, "before", call, pthread_mutex_lock(&m));
	row(k, "own", call, mutex_calls[call].call(&m));
	printf("  then unlock: %d %d\n", pthread_mutex_unlock(&m),
	       pthread_mutex_unlock(&m));
}

static void others_mutex(const struct kind *k, size_t call)
{
	pthread_mutex_t m;
	pthread_t holder;

	if (mutex_calls[call].waits)
		return;
	make_mutex(&m, k);
	MUST(!pthread_create(&holder, NULL, hold_meanwhile, &m));
	pthread_barrier_wait(&taken);
	row(k, "another's", call, mutex_calls[call].call(&m));
	pthread_barrier_wait(&done);
	MUST(!pthread_join(holder, NULL));
}

static void dead_mutex(const struct kind *k, size_t call, bool repair)
{
	pthread_mutex_t m;
	int result;

	if (!k->robust)
		return;
	make_mutex(&m, k);
	in_thread(hold_and_die, &m);
	result = mutex_calls[call].call(&m);
	row(k, "its owner died", call, result);
	if (result != EOWNERDEAD)
		return;
	if (repair)
		printf("  then repair: %d\n", pthread_mutex_consistent(&m));
	printf("  then unlock: %d\n", pthread_mutex_unlock(&m));
	row(k, repair ? "repaired" : "lost", call, mutex_calls[call].call(&m));
}

/* ---- read-write locks ---- */

static int rd(pthread_rwlock_t *l) { return pthread_rwlock_rdlock(l); }
static int tryrd(pthread_rwlock_t *l) { return pthread_rwlock_tryrdlock(l); }
static int wr(pthread_rwlock_t *l) { return pthread_rwlock_wrlock(l); }
static int trywr(pthread_rwlock_t *l) { return pthread_rwlock_trywrlock(l); }

#define TIMED(name, function, until) \
	static int name(pthread_rwlock_t *l) { return function(l, &until); }
#define CLOCKED(name, function, clock, until) \
	static int name(pthread_rwlock_t *l) { return function(l, clock, &until); }
TIMED(timedrd, pthread_rwlock_timedrdlock, past)
TIMED(timedwr, pthread_rwlock_timedwrlock, past)
TIMED(timedrd_invalid, pthread_rwlock_timedrdlock, invalid)
TIMED(timedwr_invalid, pthread_rwlock_timedwrlock, too_many_ns)
CLOCKED(clockrd, pthread_rwlock_clockrdlock, CLOCK_MONOTONIC, past)
CLOCKED(clockwr, pthread_rwlock_clockwrlock, CLOCK_MONOTONIC, past)
CLOCKED(clockrd_invalid, pthread_rwlock_clockrdlock, CLOCK_REALTIME, too_many_ns)
CLOCKED(clockwr_invalid, pthread_rwlock_clockwrlock, CLOCK_REALTIME, invalid)
CLOCKED(clockrd_oddly, pthread_rwlock_clockrdlock, CLOCK_BOOTTIME, past)
CLOCKED(clockwr_oddly, pthread_rwlock_clockwrlock, CLOCK_BOOTTIME, past)

static const struct {
	const char *name;
	int (*call)(pthread_rwlock_t *);
} rwlock_calls[] = {
#define ROW(name) { #name, name }
	ROW(rd), ROW(tryrd), ROW(wr), ROW(trywr), ROW(timedrd), ROW(timedwr),
	ROW(timedrd_invalid), ROW(timedwr_invalid), ROW(clockrd), ROW(clockwr),
	ROW(clockrd_invalid), ROW(clockwr_invalid), ROW(clockrd_oddly),
	ROW(clockwr_oddly),
};

static void rwlock(int kind, size_t call, int (*before)(pthread_rwlock_t *))
{
	pthread_rwlockattr_t a;
	pthread_rwlock_t l;
	int held = -1, result;

	/* A writer would wait for itself as a reader. */
	if (before == rd && rwlock_calls[call].call == wr)
		return;
	MUST(!pthread_rwlockattr_init(&a) &&
	     !pthread_rwlockattr_setkind_np(&a, kind) &&
	     !pthread_rwlock_init(&l, &a));
	if (before)
		held = before(&l);
	result = rwlock_calls[call].call(&l);
	printf("rwlock %d, %s, %s: %d\n", kind, !before ? "free" : before == rd ?
	       "read" : "written", rwlock_calls[call].name, result);
	if (result == 0)
		MUST(!pthread_rwlock_unlock(&l));
	if (held == 0)
		MUST(!pthread_rwlock_unlock(&l));
}

int main(void)
{
	MUST(!pthread_barrier_init(&taken, NULL, 2) &&
	     !pthread_barrier_init(&done, NULL, 2));
	free(malloc(1)); /* the tally is on */
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++)
		for (size_t call = 0; call < CALLS; call++) {
			free_mutex(&kinds[k], call);
			own_mutex(&kinds[k], call);
			others_mutex(&kinds[k], call);
			dead_mutex(&kinds[k], call, true);
			dead_mutex(&kinds[k], call, false);
		}
	for (int kind = 0; kind <= PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP; kind++)
		for (size_t c = 0; c < sizeof(rwlock_calls) / sizeof(rwlock_calls[0]); c++) {
			rwlock(kind, c, NULL);
			rwlock(kind, c, rd);
			rwlock(kind, c, wr);
		}
	return 0;
}
