/* SPDX-License-Identifier: MIT */
/*
 * Locks of the pthread library, for the time that is spent waiting for them.
 * Off, a call goes straight on. On, another function stands before the real
 * one, which first tries: a lock that is free costs nothing but that. Of one
 * that is busy the real function tells the answer, any other answer of the
 * try is that of the real function, too; so that every kind of lock
 * (recursive, checking, robust, of inherited or protected priority) answers
 * as without us.
 *
 * To interpose one more: a LOCK below and its name in LOCKS, a row in next.h,
 * its name in exports.map.
 */
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>

#include "preload/cc.h"
#include "preload/clock.h"
#include "preload/extras.h"
#include "preload/locks.h"
#include "preload/next.h"
#include "preload/tally.h"

/*
 * A call that waited in vain did wait; one that was refused did not. The
 * caller may be the allocator with a lock of its own, so nothing is asked of
 * it here.
 */
static COLD int waited(uint64_t start_ns, int result)
{
	int saved = errno;

	if (result == 0 || result == EOWNERDEAD || result == ETIMEDOUT) {
		tally_lock_wait(clock_monotonic_ns() - start_ns);
		extras_look();
	}
	errno = saved;
	return result;
}

/* ---- what is refused before anybody looks at the lock ---- */

/* A lock that is free is taken, whatever the time. */
static inline bool any_time(void)
{
	return true;
}

static inline bool is_clock(clockid_t clock)
{
	return clock == CLOCK_REALTIME || clock == CLOCK_MONOTONIC;
}

static inline bool is_time(const struct timespec *until)
{
	return !until || (until->tv_nsec >= 0 && until->tv_nsec < 1000000000);
}

/* The library's own functions; constant from the first switch on. */
static struct {
/* NOLINTNEXTLINE(bugprone-macro-parentheses): they are a declarator's. */
#define MEMBER(name, parameters, arguments) int (*name) parameters;
	NEXT_LOCKS(MEMBER)
} own;

/* ---- trying ---- */

#define UNTRIED (-1) /* neither taken nor waited for, as far as we know */

#ifdef __GLIBC__
#define KIND_TYPE      3 /* bits of __kind, part of glibc's ABI */
#define KIND_RECURSIVE 1
#define KIND_ROBUST    16

static inline bool is_robust(const pthread_mutex_t *lock)
{
	return lock->__data.__kind & KIND_ROBUST;
}

/*
 * glibc's trylock leaves a robust mutex that is lost for good locked, where
 * lock would report that again and again: the next one waits for ever. So a
 * robust one is looked at. A recursive one may be this thread's own already.
 */
static COLD int look_at_robust(const pthread_mutex_t *lock)
{
	unsigned word = (unsigned)__atomic_load_n(&lock->__data.__lock,
						  __ATOMIC_RELAXED);

	if ((lock->__data.__kind & KIND_TYPE) == KIND_RECURSIVE ||
	    !(word & FUTEX_TID_MASK) || word & FUTEX_OWNER_DIED)
		return UNTRIED;
	return EBUSY;
}
#else
static inline bool is_robust(const pthread_mutex_t *lock)
{
	(void)lock;
	return false;
}

static int look_at_robust(const pthread_mutex_t *lock)
{
	(void)lock;
	return UNTRIED;
}
#endif

static inline int try_mutex(pthread_mutex_t *lock)
{
	if (UNLIKELY(is_robust(lock)))
		return look_at_robust(lock);
	return own.pthread_mutex_trylock(lock);
}

static inline int try_read(pthread_rwlock_t *lock)
{
	return own.pthread_rwlock_tryrdlock(lock);
}

static inline int try_write(pthread_rwlock_t *lock)
{
	return own.pthread_rwlock_trywrlock(lock);
}

/* ---- the calls ---- */

/*
 * What stands in `next` while locks are timed, in two parts: a lock that is
 * free shall not pay for what only a wait needs.
 */
#define LOCK(name, try, is_sound, parameters, arguments)                   \
	static COLD int wait_for_##name parameters                         \
	{                                                                  \
		uint64_t start_ns_ = clock_monotonic_ns();                 \
                                                                           \
		return waited(start_ns_, own.name arguments);              \
	}                                                                  \
	static int timed_##name parameters                                 \
	{                                                                  \
		int result_ = (is_sound) ? try(lock) : UNTRIED;            \
                                                                           \
		if (LIKELY(result_ == 0))                                  \
			return 0;                                          \
		if (result_ == EBUSY)                                      \
			return wait_for_##name arguments;                  \
		return result_ == UNTRIED ? own.name arguments : result_;  \
	}                                                                  \
	EXPORT int name parameters                                         \
	{                                                                  \
		return next.name arguments;                                \
	}

LOCK(pthread_mutex_lock, try_mutex, any_time(),
     (pthread_mutex_t *lock), (lock))
LOCK(pthread_mutex_timedlock, try_mutex, any_time(),
     (pthread_mutex_t *restrict lock, const struct timespec *restrict until),
     (lock, until))
LOCK(pthread_mutex_clocklock, try_mutex, is_clock(clock),
     (pthread_mutex_t *restrict lock, clockid_t clock,
      const struct timespec *restrict until),
     (lock, clock, until))
LOCK(pthread_rwlock_rdlock, try_read, any_time(),
     (pthread_rwlock_t *lock), (lock))
LOCK(pthread_rwlock_timedrdlock, try_read, is_time(until),
     (pthread_rwlock_t *restrict lock, const struct timespec *restrict until),
     (lock, until))
LOCK(pthread_rwlock_clockrdlock, try_read,
     is_clock(clock) && is_time(until),
     (pthread_rwlock_t *restrict lock, clockid_t clock,
      const struct timespec *restrict until),
     (lock, clock, until))
LOCK(pthread_rwlock_wrlock, try_write, any_time(),
     (pthread_rwlock_t *lock), (lock))
LOCK(pthread_rwlock_timedwrlock, try_write, is_time(until),
     (pthread_rwlock_t *restrict lock, const struct timespec *restrict until),
     (lock, until))
LOCK(pthread_rwlock_clockwrlock, try_write,
     is_clock(clock) && is_time(until),
     (pthread_rwlock_t *restrict lock, clockid_t clock,
      const struct timespec *restrict until),
     (lock, clock, until))

/* ---- switching ---- */

#define LOCKS(X)                                                           \
	X(pthread_mutex_lock) X(pthread_mutex_timedlock)                   \
	X(pthread_mutex_clocklock) X(pthread_rwlock_rdlock)                \
	X(pthread_rwlock_timedrdlock) X(pthread_rwlock_clockrdlock)        \
	X(pthread_rwlock_wrlock) X(pthread_rwlock_timedwrlock)             \
	X(pthread_rwlock_clockwrlock)

void locks_switch(bool on)
{
	static bool own_is_known;

	if (!on && !own_is_known)
		return; /* nothing was ever put there */
	if (!own_is_known) {
#define KEEP(name, parameters, arguments) own.name = next.name;
		NEXT_LOCKS(KEEP)
		own_is_known = true;
	}
#define PUT(name)                                                          \
	__atomic_store_n(&next.name, on ? timed_##name : own.name,         \
			 __ATOMIC_RELEASE);
	LOCKS(PUT)
}
