/* SPDX-License-Identifier: MIT */
#ifndef PRELOAD_CC_H
#define PRELOAD_CC_H
/*
 * What this directory asks of the compiler. Included by preload/ only.
 */
#include <stdbool.h>

#define EXPORT __attribute__((visibility("default")))
#define HOT    __attribute__((hot))
#define COLD   __attribute__((cold, noinline))

#define LIKELY(x)   __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

/*
 * Thread-local storage of the initial-exec kind: no call to fetch its
 * address, which could allocate and would recurse. It comes out of every
 * thread's stack, so all of it together stays within 64 bytes.
 */
#define THREAD_LOCAL static __thread __attribute__((tls_model("initial-exec")))

/* Of glibc's symbols that are as old as its port to the machine. */
#if defined(__x86_64__)
#define BASE_VERSION "GLIBC_2.2.5"
#else
#define BASE_VERSION "GLIBC_2.17"
#endif

/* Weak: musl has none, and would not load us. */
extern void *dlvsym(void *__restrict, const char *__restrict,
		    const char *__restrict) __attribute__((weak));

#endif /* PRELOAD_CC_H */
