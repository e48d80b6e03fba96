/* SPDX-License-Identifier: MIT */
#ifndef TESTS_EXPECT_H
#define TESTS_EXPECT_H
/*
 * A test program's own tally, to be compared with heaptally's.
 *
 * Every allocation goes through got(), every free through gone():
 *
 *	p = got(malloc(100));
 *	free(gone(p));
 *	p = x_realloc(p, 200);
 *	expect_report();
 *
 * expect_report() writes one "KEY VALUE" line per metric to standard output,
 * after a line "pid N". The helper in tests/helpers.bash demands that each
 * value equals what heaptally says of that process. A line that begins with
 * '~' is a peak that may be wrong by /heap/peak/slack:bytes.
 *
 * Nothing in here allocates or uses stdio: a plain dynamic C program on
 * glibc makes no allocation before main, so what is reported is everything.
 * Counting is atomic; the peak is right with one thread only.
 *
 * Threads: glibc callocs a DTV for every stack that it maps, and keeps it
 * with the cached stack. expect_thread() at the head of a thread counts it,
 * once for each stack. That is exact as long as stacks are not unmapped
 * (cache limit 40 MiB): use expect_small_stack().
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define EXPECT_STACK_BYTES (64 << 10)
#define EXPECT_DTVS_MAX    8192
#define EXPECT_BUCKETS     64

static struct {
	uint64_t allocs, alloc_bytes;
	uint64_t frees, free_bytes;
	uint64_t reallocs, failures;
	uint64_t inherited, inherited_bytes;
	uint64_t live_bytes, peak_bytes;
	uint64_t allocs_by_size[EXPECT_BUCKETS]; /* up to 2^index, inclusive */
	uint64_t frees_by_size[EXPECT_BUCKETS];

	uint64_t started, exited, threads_peak;
	bool threaded;          /* the peak may be wrong by the slack */
	bool no_peak;           /* the peak is not known here */
	bool no_threads_peak;   /* neither is that of threads */
	pid_t pid;              /* 0: may be asked for */
	bool no_heap;           /* libc allocates too: only threads are known */
	void *dtvs[EXPECT_DTVS_MAX];
	unsigned dtv_count;
	volatile int dtv_lock;
} expect __attribute__((unused));

#define EXPECT_ADD(field, n) \
	__atomic_add_fetch(&expect.field, (n), __ATOMIC_RELAXED)

/* ---- writing without stdio ---- */

struct text {
	char bytes[16384];
	size_t length;
};

static inline void text_string(struct text *t, const char *s)
{
	while (*s && t->length < sizeof(t->bytes))
		t->bytes[t->length++] = *s++;
}

static inline void text_number(struct text *t, uint64_t n)
{
	char digits[21];
	char *p = digits + sizeof(digits);

	*--p = '\0';
	do
		*--p = (char)('0' + n % 10);
	while (n /= 10);
	text_string(t, p);
}

static inline void text_line(struct text *t, const char *key, uint64_t n)
{
	text_string(t, key);
	text_string(t, " ");
	text_number(t, n);
	text_string(t, "\n");
}

static inline void text_write(struct text *t, int fd)
{
	size_t done = 0;

	while (done < t->length) {
		ssize_t n = write(fd, t->bytes + done, t->length - done);

		if (n <= 0 && errno != EINTR)
			break;
		if (n > 0)
			done += (size_t)n;
	}
	t->length = 0;
}

/* Says what broke and ends with status 99, without any clean-up. */
static inline _Noreturn void broken(const char *file, int line,
				    const char *what)
{
	struct text t = { .length = 0 };

	text_string(&t, file);
	text_string(&t, ":");
	text_number(&t, (uint64_t)line);
	text_string(&t, ": broken: ");
	text_string(&t, what);
	text_string(&t, ", errno ");
	text_number(&t, (uint64_t)errno);
	text_string(&t, "\n");
	text_write(&t, 2);
	_exit(99);
}

#define MUST(condition) \
	do { \
		if (!(condition)) \
			broken(__FILE__, __LINE__, #condition); \
	} while (0)

/* ---- counting ---- */

static inline void expect_live(int64_t change)
{
	uint64_t live = __atomic_add_fetch(&expect.live_bytes,
					   (uint64_t)change, __ATOMIC_RELAXED);
	uint64_t peak = __atomic_load_n(&expect.peak_bytes, __ATOMIC_RELAXED);

	while ((int64_t)live > (int64_t)peak &&
	       !__atomic_compare_exchange_n(&expect.peak_bytes, &peak, live,
					    false, __ATOMIC_RELAXED,
					    __ATOMIC_RELAXED))
		;
}

/* Index of the bucket: the least power of two that is not below `bytes`. */
static inline unsigned expect_bucket(size_t bytes)
{
	unsigned i = 3; /* the first one ends at 8 */

	while (i < EXPECT_BUCKETS - 1 && ((size_t)1 << i) < bytes)
		i++;
	return i;
}

static inline void expect_alloc(size_t bytes)
{
	EXPECT_ADD(allocs, 1);
	EXPECT_ADD(alloc_bytes, bytes);
	EXPECT_ADD(allocs_by_size[expect_bucket(bytes)], 1);
}

static inline void expect_free(size_t bytes)
{
	EXPECT_ADD(frees, 1);
	EXPECT_ADD(free_bytes, bytes);
	EXPECT_ADD(frees_by_size[expect_bucket(bytes)], 1);
}

/* The result of an allocation: counted as one, or as a failure if NULL. */
static inline void *got(void *p)
{
	int saved = errno;

	if (p) {
		size_t bytes = malloc_usable_size(p);

		expect_alloc(bytes);
		expect_live((int64_t)bytes);
	} else {
		EXPECT_ADD(failures, 1);
	}
	errno = saved;
	return p;
}

/* A block that is about to be freed; NULL is fine and counts nothing. */
static inline void *gone(void *p)
{
	if (p) {
		size_t bytes = malloc_usable_size(p);

		expect_free(bytes);
		expect_live(-(int64_t)bytes);
	}
	return p;
}

/* The outcome q of a realloc-like call on p, which held old_bytes. */
static inline void expect_realloc(bool had, size_t old_bytes, void *q,
				  bool to_zero)
{
	int saved = errno;

	if (!had) {
		got(q);
	} else if (q) {
		size_t bytes = malloc_usable_size(q);

		expect_alloc(bytes);
		expect_free(old_bytes);
		EXPECT_ADD(reallocs, 1);
		expect_live((int64_t)bytes - (int64_t)old_bytes);
	} else if (to_zero) {
		expect_free(old_bytes);
		expect_live(-(int64_t)old_bytes);
	} else {
		EXPECT_ADD(failures, 1);
	}
	errno = saved;
}

static inline void *x_realloc(void *p, size_t bytes)
{
	bool had = p != NULL;
	size_t old_bytes = had ? malloc_usable_size(p) : 0;
	void *q = realloc(p, bytes);

	expect_realloc(had, old_bytes, q, bytes == 0);
	return q;
}

static inline void *x_reallocarray(void *p, size_t count, size_t bytes)
{
	bool had = p != NULL;
	size_t old_bytes = had ? malloc_usable_size(p) : 0;
	void *q = reallocarray(p, count, bytes);

	expect_realloc(had, old_bytes, q, count == 0 || bytes == 0);
	return q;
}

/* ---- threads ---- */

/* First thing in a thread: counts it, and its DTV if its stack is new. */
static inline void expect_thread(void)
{
#ifdef __x86_64__
	char *dtv;
	bool seen = false;

	__asm__("movq %%fs:8, %0" : "=r"(dtv));
	dtv -= 16; /* what glibc keeps points to the second element */
	while (__atomic_exchange_n(&expect.dtv_lock, 1, __ATOMIC_ACQUIRE))
		sched_yield();
	for (unsigned i = 0; i < expect.dtv_count && !seen; i++)
		seen = expect.dtvs[i] == dtv;
	if (!seen) {
		MUST(expect.dtv_count < EXPECT_DTVS_MAX);
		expect.dtvs[expect.dtv_count++] = dtv;
		got(dtv);
	}
	__atomic_store_n(&expect.dtv_lock, 0, __ATOMIC_RELEASE);
#else
#error "tell how to find the DTV on this machine"
#endif
	EXPECT_ADD(started, 1);
}

/* A default for pthread_create() whose stacks all stay in glibc's cache. */
static inline pthread_attr_t *expect_small_stack(void)
{
	static pthread_attr_t attr;
	static bool ready;

	if (!ready) {
		MUST(pthread_attr_init(&attr) == 0);
		MUST(pthread_attr_setstacksize(&attr,
					       EXPECT_STACK_BYTES) == 0);
		ready = true;
	}
	return &attr;
}

/* How many threads the kernel sees; allocates nothing. */
static inline unsigned kernel_threads(void)
{
	struct stat st;

	MUST(stat("/proc/self/task", &st) == 0);
	return (unsigned)st.st_nlink - 2;
}

/* Waits until all but `remaining` threads are gone from the kernel too. */
static inline void wait_for_threads(unsigned remaining)
{
	while (kernel_threads() > remaining)
		usleep(200);
}

/* ---- fork ---- */

/* First thing in a forked child: what is live now was inherited. */
static inline void expect_child(void)
{
	expect.inherited += expect.allocs - expect.frees;
	expect.inherited_bytes = expect.live_bytes;
	expect.peak_bytes = expect.live_bytes;
	expect.allocs = expect.alloc_bytes = 0;
	expect.frees = expect.free_bytes = 0;
	expect.reallocs = expect.failures = 0;
	memset(expect.allocs_by_size, 0, sizeof(expect.allocs_by_size));
	memset(expect.frees_by_size, 0, sizeof(expect.frees_by_size));
	expect.started = expect.exited = expect.threads_peak = 0;
	expect.threaded = false;
}

/* ---- the report ---- */

static inline void expect_histogram_text(struct text *t, const char *key,
					 const uint64_t *counts)
{
	uint64_t all = 0;

	for (unsigned i = 0; i < EXPECT_BUCKETS; i++) {
		if (counts[i] == 0)
			continue;
		all += counts[i];
		text_string(t, "#");
		text_string(t, key);
		text_string(t, " ");
		text_number(t, (uint64_t)1 << i);
		text_line(t, "", counts[i]);
	}
	text_string(t, "#");
	text_string(t, key);
	text_line(t, " all", all);
}

static inline void expect_heap_text(struct text *t)
{
	text_line(t, "/heap/allocs:objects", expect.allocs);
	text_line(t, "/heap/allocs:bytes", expect.alloc_bytes);
	text_line(t, "/heap/frees:objects", expect.frees);
	text_line(t, "/heap/frees:bytes", expect.free_bytes);
	text_line(t, "/heap/live:objects",
		  expect.inherited + expect.allocs - expect.frees);
	text_line(t, "/heap/live:bytes", expect.inherited_bytes +
		  expect.alloc_bytes - expect.free_bytes);
	text_line(t, "/heap/reallocs:calls", expect.reallocs);
	text_line(t, "/heap/alloc-failures:calls", expect.failures);
	text_line(t, "/heap/foreign-frees:objects", 0);
	expect_histogram_text(t, "/heap/allocs-by-size:bytes",
			      expect.allocs_by_size);
	expect_histogram_text(t, "/heap/frees-by-size:bytes",
			      expect.frees_by_size);
	if (!expect.no_peak)
		text_line(t, expect.threaded ? "~/heap/peak:bytes" :
			  "/heap/peak:bytes", expect.peak_bytes);
	if (!expect.threaded)
		text_line(t, "/heap/peak/slack:bytes", 0);
}

static inline void expect_text(struct text *t)
{
	uint64_t live_threads = 1 + expect.started - expect.exited;

	text_line(t, "pid", (uint64_t)(expect.pid ? expect.pid : getpid()));
	if (!expect.no_heap)
		expect_heap_text(t);
	text_line(t, "/threads/started:threads", expect.started);
	text_line(t, "/threads/exited:threads", expect.exited);
	text_line(t, "/threads/live:threads", live_threads);
	if (!expect.no_threads_peak)
		text_line(t, "/threads/peak:threads", expect.threads_peak ?
			  expect.threads_peak : live_threads);
}

static inline void expect_report(void)
{
	struct text t = { .length = 0 };

	expect_text(&t);
	text_write(&t, 1);
}

#endif /* TESTS_EXPECT_H */
