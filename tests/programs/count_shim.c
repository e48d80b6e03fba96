/* SPDX-License-Identifier: MIT */
/*
 * An independent oracle: a preload that counts calls of the malloc family
 * with atomic adds, straight over glibc's __libc_ functions, and shares no
 * line with heaptally. Totals are in the file $COUNT_SHIM_FILE, eight 64-bit
 * words, complete at any instant:
 *
 *	pid, allocs, alloc bytes, frees, free bytes, reallocs, failures, 0
 *
 * Only the process that came first is counted, its children are not; with
 * COUNT_SHIM_TREE set, all of them into the same words.
 *
 * It has a TLS segment like heaptally, for glibc's DTVs grow with those.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

extern void *__libc_malloc(size_t bytes);
extern void *__libc_calloc(size_t count, size_t bytes);
extern void *__libc_realloc(void *p, size_t bytes);
extern void __libc_free(void *p);
extern void *__libc_memalign(size_t alignment, size_t bytes);
extern void *__libc_valloc(size_t bytes);
extern void *__libc_pvalloc(size_t bytes);

enum { PID, ALLOCS, ALLOC_BYTES, FREES, FREE_BYTES, REALLOCS, FAILURES,
       WORDS = 8 };

static uint64_t unmapped[WORDS];
static uint64_t *words;
static bool counting;
static __thread int tls_like_heaptally;

static const char *variable(const char *name)
{
	size_t n = strlen(name);

	for (char **e = environ; e && *e; e++)
		if (strncmp(*e, name, n) == 0 && (*e)[n] == '=')
			return *e + n + 1;
	return NULL;
}

static bool begin(void)
{
	const char *path;
	uint64_t *w;
	int fd;

	if (words)
		return true;
	if (!environ)
		return false; /* too early to tell */
	words = unmapped;
	path = variable("COUNT_SHIM_FILE");
	if (!path)
		return true;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return true;
	if (ftruncate(fd, sizeof(unmapped)) == 0) {
		w = mmap(NULL, sizeof(unmapped), PROT_READ | PROT_WRITE,
			 MAP_SHARED, fd, 0);
		if (w != MAP_FAILED) {
			uint64_t nobody = 0;

			__atomic_compare_exchange_n(&w[PID], &nobody,
						    (uint64_t)getpid(), false,
						    __ATOMIC_SEQ_CST,
						    __ATOMIC_SEQ_CST);
			counting = w[PID] == (uint64_t)getpid() ||
				   variable("COUNT_SHIM_TREE");
			words = w;
		}
	}
	close(fd);
	return true;
}

/* Not run by vfork and its kin: their children work in our heap. */
static void in_child(void)
{
	if (!variable("COUNT_SHIM_TREE"))
		counting = false;
}

__attribute__((constructor)) static void constructor(void)
{
	int saved = errno;

	tls_like_heaptally++;
	begin();
	pthread_atfork(NULL, NULL, in_child);
	errno = saved;
}

static void add(int word, uint64_t n)
{
	int saved = errno;

	if (begin() && counting)
		__atomic_add_fetch(&words[word], n, __ATOMIC_RELAXED);
	errno = saved;
}

static void *got(void *p)
{
	if (p) {
		add(ALLOCS, 1);
		add(ALLOC_BYTES, malloc_usable_size(p));
	} else {
		add(FAILURES, 1);
	}
	return p;
}

static void gone(size_t bytes)
{
	add(FREES, 1);
	add(FREE_BYTES, bytes);
}

void *malloc(size_t bytes)
{
	return got(__libc_malloc(bytes));
}

void *calloc(size_t count, size_t bytes)
{
	return got(__libc_calloc(count, bytes));
}

void free(void *p)
{
	if (p)
		gone(malloc_usable_size(p));
	__libc_free(p);
}

void *realloc(void *p, size_t bytes)
{
	size_t old = p ? malloc_usable_size(p) : 0;
	void *q = __libc_realloc(p, bytes);

	if (!p)
		return got(q);
	if (q) {
		got(q);
		gone(old);
		add(REALLOCS, 1);
	} else if (bytes == 0) {
		gone(old);
	} else {
		add(FAILURES, 1);
	}
	return q;
}

void *reallocarray(void *p, size_t count, size_t bytes)
{
	size_t all;

	if (__builtin_mul_overflow(count, bytes, &all)) {
		add(FAILURES, 1);
		errno = ENOMEM;
		return NULL;
	}
	return realloc(p, all);
}

void *memalign(size_t alignment, size_t bytes)
{
	return got(__libc_memalign(alignment, bytes));
}

void *aligned_alloc(size_t alignment, size_t bytes)
{
	return got(__libc_memalign(alignment, bytes));
}

int posix_memalign(void **ret, size_t alignment, size_t bytes)
{
	int saved = errno;
	void *p;

	if (alignment % sizeof(void *) || alignment == 0 ||
	    (alignment & (alignment - 1))) {
		add(FAILURES, 1);
		return EINVAL;
	}
	p = got(__libc_memalign(alignment, bytes));
	errno = saved;
	if (!p)
		return ENOMEM;
	*ret = p;
	return 0;
}

void *valloc(size_t bytes)
{
	return got(__libc_valloc(bytes));
}

void *pvalloc(size_t bytes)
{
	return got(__libc_pvalloc(bytes));
}
