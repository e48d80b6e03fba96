/* SPDX-License-Identifier: MIT */
#ifndef PRELOAD_NEXT_H
#define PRELOAD_NEXT_H
/*
 * The functions behind ours: the provider, found with dlsym(RTLD_NEXT).
 *
 * Every pointer starts out at a function that looks the real ones up, so a
 * call needs no test for "found yet?". The look-up takes no lock and may run
 * in several threads at once; all find the same. While it runs, what dlsym
 * itself allocates comes from a small arena here.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <threads.h>
#include <time.h>

/*
 * Locks, and how they are tried. X(name, parameters, arguments): each is a
 * member of struct next.
 */
#define NEXT_LOCK(X, name, type) \
	X(name, (type *lock), (lock))
#define NEXT_TIMED_LOCK(X, name, type) \
	X(name, (type *lock, const struct timespec *until), (lock, until))
#define NEXT_CLOCK_LOCK(X, name, type)                                     \
	X(name, (type *lock, clockid_t clock, const struct timespec *until), \
	  (lock, clock, until))
#define NEXT_LOCKS(X)                                                      \
	NEXT_LOCK(X, pthread_mutex_lock, pthread_mutex_t)                  \
	NEXT_LOCK(X, pthread_mutex_trylock, pthread_mutex_t)               \
	NEXT_TIMED_LOCK(X, pthread_mutex_timedlock, pthread_mutex_t)       \
	NEXT_CLOCK_LOCK(X, pthread_mutex_clocklock, pthread_mutex_t)       \
	NEXT_LOCK(X, pthread_rwlock_rdlock, pthread_rwlock_t)              \
	NEXT_LOCK(X, pthread_rwlock_tryrdlock, pthread_rwlock_t)           \
	NEXT_TIMED_LOCK(X, pthread_rwlock_timedrdlock, pthread_rwlock_t)   \
	NEXT_CLOCK_LOCK(X, pthread_rwlock_clockrdlock, pthread_rwlock_t)   \
	NEXT_LOCK(X, pthread_rwlock_wrlock, pthread_rwlock_t)              \
	NEXT_LOCK(X, pthread_rwlock_trywrlock, pthread_rwlock_t)           \
	NEXT_TIMED_LOCK(X, pthread_rwlock_timedwrlock, pthread_rwlock_t)   \
	NEXT_CLOCK_LOCK(X, pthread_rwlock_clockwrlock, pthread_rwlock_t)

struct next {
	void *(*malloc)(size_t);
	void (*free)(void *);
	void *(*calloc)(size_t, size_t);
	void *(*realloc)(void *, size_t);
	void *(*memalign)(size_t, size_t);
	void *(*aligned_alloc)(size_t, size_t);
	int (*posix_memalign)(void **, size_t, size_t);
	void *(*valloc)(size_t);
	void *(*pvalloc)(size_t);
	size_t (*malloc_usable_size)(void *);
	int (*pthread_create)(pthread_t *, const pthread_attr_t *,
			      void *(*)(void *), void *);
	int (*thrd_create)(thrd_t *, thrd_start_t, void *);
	void (*exit_now)(int); /* _exit */
	void (*quick_exit)(int);
	pid_t (*fork_without_handlers)(void); /* _Fork */
	int (*prctl)(int, ...);
	void *(*dlopen)(const char *, int);
	void *(*dlmopen)(long, const char *, int);
	int (*malloc_trim)(size_t);
	int (*clock_gettime)(clockid_t, struct timespec *);
#define MEMBER(name, parameters, arguments) int (*name) parameters;
	NEXT_LOCKS(MEMBER)
#undef MEMBER
};

extern struct next next __attribute__((visibility("hidden")));

/* Looks everything up unless that was done. Idempotent, any thread. */
void next_resolve(void);

/* Is the calling thread inside next_resolve()? Signal-safe. */
bool next_is_resolving(void);

/*
 * The address range of blocks handed out while resolving. They belong to
 * nobody: free() drops them, realloc() copies out of them. Where glibc has
 * its chunk header they are marked as mapped, so that the hot path leaves
 * them out without comparing addresses.
 */
#define ARENA_BYTES (64u << 10)
extern unsigned char next_arena[ARENA_BYTES] __attribute__((visibility("hidden")));

static inline bool next_in_arena(const void *block)
{
	return (uintptr_t)block - (uintptr_t)next_arena < ARENA_BYTES;
}

/* A block of the arena, zeroed; NULL when it is used up. Signal-safe. */
void *next_arena_alloc(size_t bytes, size_t alignment);

/* Bytes the holder of an arena block may read, at least what it asked for. */
size_t next_arena_usable(const void *block);

#endif /* PRELOAD_NEXT_H */
