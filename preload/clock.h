/* SPDX-License-Identifier: MIT */
#ifndef PRELOAD_CLOCK_H
#define PRELOAD_CLOCK_H
/*
 * Time, as the C library reads it from memory that the kernel keeps for that
 * (vDSO): no system call. Never by a function that somebody has put before
 * it: a fake clock may take a lock, of which we may just be the owner, or
 * allocate. Signal-safe; keeps errno. After next_resolve().
 */
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "preload/next.h"
#include "shm/layout.h"

static inline uint64_t clock_read_ns(clockid_t clock)
{
	struct timespec now;

	next.clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static inline uint64_t clock_monotonic_ns(void)
{
	return clock_read_ns(CLOCK_MONOTONIC);
}

/* The bucket of a time among TIME_BUCKETS. */
static inline size_t clock_bucket(uint64_t ns)
{
	size_t bucket;

	if (ns <= 1u << TIME_FIRST_LOG2)
		return 0;
	bucket = 63 - (size_t)__builtin_clzll(ns - 1) - (TIME_FIRST_LOG2 - 1);
	return bucket < TIME_BUCKETS ? bucket : TIME_BUCKETS - 1;
}

#endif /* PRELOAD_CLOCK_H */
