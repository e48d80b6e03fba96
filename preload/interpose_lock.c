/* SPDX-License-Identifier: MIT */
/*
 * Locks of the pthread library, for the time that is spent waiting for them.
 * Off, a call goes straight on. On, it first tries: a lock that is free costs
 * nothing but that. Whatever else the try says, the real function is called
 * and its answer returned, so that every kind of lock (recursive, checking,
 * robust, of inherited or protected priority) answers as without us.
 *
 * To interpose one more: a row below, its pointer in struct next, its name in
 * next.c's list and in exports.map.
 */
#include <errno.h>
#include <pthread.h>

#include "preload/cc.h"
#include "preload/clock.h"
#include "preload/extras.h"
#include "preload/next.h"
#include "preload/tally.h"

/* A clock that takes a lock itself (libfaketime) must not be timed. */
THREAD_LOCAL bool timing;

static uint64_t start_waiting(void)
{
	uint64_t now;

	timing = true;
	now = clock_monotonic_ns();
	timing = false;
	return now;
}

/* A call that waited in vain did wait; one that was refused did not. */
static COLD int waited(uint64_t start_ns, int result)
{
	int saved = errno;

	if (result == 0 || result == EOWNERDEAD || result == ETIMEDOUT) {
		tally_lock_wait(start_waiting() - start_ns);
		extras_look();
	}
	errno = saved;
	return result;
}

#define LOCK(name, try, parameters, arguments, object)                     \
	EXPORT int name parameters                                         \
	{                                                                  \
		uint64_t start_ns_;                                        \
		int result_;                                               \
                                                                           \
		if (LIKELY(!extras_time_locks()) || timing)                \
			return next.name arguments;                        \
		result_ = next.try(object);                                \
		if (LIKELY(result_ == 0 || result_ == EOWNERDEAD))         \
			return result_;                                    \
		start_ns_ = start_waiting();                               \
		result_ = next.name arguments;                             \
		return waited(start_ns_, result_);                         \
	}

LOCK(pthread_mutex_lock, pthread_mutex_trylock,
     (pthread_mutex_t *lock), (lock), lock)
LOCK(pthread_mutex_timedlock, pthread_mutex_trylock,
     (pthread_mutex_t *restrict lock, const struct timespec *restrict until),
     (lock, until), lock)
LOCK(pthread_mutex_clocklock, pthread_mutex_trylock,
     (pthread_mutex_t *restrict lock, clockid_t clock,
      const struct timespec *restrict until),
     (lock, clock, until), lock)
LOCK(pthread_rwlock_rdlock, pthread_rwlock_tryrdlock,
     (pthread_rwlock_t *lock), (lock), lock)
LOCK(pthread_rwlock_timedrdlock, pthread_rwlock_tryrdlock,
     (pthread_rwlock_t *restrict lock, const struct timespec *restrict until),
     (lock, until), lock)
LOCK(pthread_rwlock_clockrdlock, pthread_rwlock_tryrdlock,
     (pthread_rwlock_t *restrict lock, clockid_t clock,
      const struct timespec *restrict until),
     (lock, clock, until), lock)
LOCK(pthread_rwlock_wrlock, pthread_rwlock_trywrlock,
     (pthread_rwlock_t *lock), (lock), lock)
LOCK(pthread_rwlock_timedwrlock, pthread_rwlock_trywrlock,
     (pthread_rwlock_t *restrict lock, const struct timespec *restrict until),
     (lock, until), lock)
LOCK(pthread_rwlock_clockwrlock, pthread_rwlock_trywrlock,
     (pthread_rwlock_t *restrict lock, clockid_t clock,
      const struct timespec *restrict until),
     (lock, clock, until), lock)
