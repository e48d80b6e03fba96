/* SPDX-License-Identifier: MIT */
/*
 * libheaptally-cxx.so: C++ new and delete by way of malloc and free.
 *
 * libstdc++'s own do just that. jemalloc, tcmalloc and mimalloc bring new and
 * delete that go around malloc, and so around the tally; loaded behind
 * libheaptally.so and before them, these lead C++ back to it. The allocator
 * serves the blocks as before.
 *
 * By the names that the Itanium C++ ABI makes of them for 64-bit size_t. A
 * program may replace any of them and leave the others to us. These call each
 * other as the standard has it, and libstdc++'s do, by names that lead to the
 * program's own: its delete must not meet blocks that its new never made.
 *
 * The next implementation, which knows about new-handlers and exceptions,
 * comes into play when memory is short, and where one of the program's own
 * functions may throw and ours may not.
 */
#include <dlfcn.h>
#include <stddef.h>
#include <stdlib.h>

#include "preload/cc.h"

/* A std::nothrow_t, by reference; what it refers to means nothing. */
struct nothrow;

void *_Znwm(size_t bytes);
void *_Znam(size_t bytes);
void *_ZnwmRKSt9nothrow_t(size_t bytes, const struct nothrow *nothrow);
void *_ZnamRKSt9nothrow_t(size_t bytes, const struct nothrow *nothrow);
void *_ZnwmSt11align_val_t(size_t bytes, size_t alignment);
void *_ZnamSt11align_val_t(size_t bytes, size_t alignment);
void *_ZnwmSt11align_val_tRKSt9nothrow_t(size_t bytes, size_t alignment,
					 const struct nothrow *nothrow);
void *_ZnamSt11align_val_tRKSt9nothrow_t(size_t bytes, size_t alignment,
					 const struct nothrow *nothrow);
void _ZdlPv(void *block);
void _ZdaPv(void *block);
void _ZdlPvm(void *block, size_t bytes);
void _ZdaPvm(void *block, size_t bytes);
void _ZdlPvRKSt9nothrow_t(void *block, const struct nothrow *nothrow);
void _ZdaPvRKSt9nothrow_t(void *block, const struct nothrow *nothrow);
void _ZdlPvSt11align_val_t(void *block, size_t alignment);
void _ZdaPvSt11align_val_t(void *block, size_t alignment);
void _ZdlPvmSt11align_val_t(void *block, size_t bytes, size_t alignment);
void _ZdaPvmSt11align_val_t(void *block, size_t bytes, size_t alignment);
void _ZdlPvSt11align_val_tRKSt9nothrow_t(void *block, size_t alignment,
					 const struct nothrow *nothrow);
void _ZdaPvSt11align_val_tRKSt9nothrow_t(void *block, size_t alignment,
					 const struct nothrow *nothrow);

/* ---- the next implementation ---- */

/*
 * A C program may have loaded the C++ library for a plugin alone, where
 * RTLD_NEXT does not look.
 */
static COLD void *find_next(const char *name)
{
	void *found = dlsym(RTLD_NEXT, name);
	void *library;

	if (found)
		return found;
	library = dlopen("libstdc++.so.6", RTLD_LAZY | RTLD_NOLOAD);
	return library ? dlsym(library, name) : NULL;
}

/* NULL for none. Two threads may look at once, and find the same. */
#define NEXT(name)                                                          \
	({                                                                  \
		static typeof(&(name)) next_;                               \
		typeof(&(name)) seen_ =                                     \
			__atomic_load_n(&next_, __ATOMIC_RELAXED);          \
		if (!seen_) {                                               \
			seen_ = (typeof(&(name)))find_next(#name);          \
			__atomic_store_n(&next_, seen_, __ATOMIC_RELAXED);  \
		}                                                           \
		seen_;                                                      \
	})

/* Ours under a name that is nobody else's, to see where the name leads. */
#define OURS(name) \
	extern typeof(name) our##name __attribute__((alias(#name), visibility("hidden")))
#define IS_OURS(name) (&(name) == &our##name)

OURS(_Znwm);
OURS(_Znam);
OURS(_ZnwmRKSt9nothrow_t);
OURS(_ZnwmSt11align_val_t);
OURS(_ZnamSt11align_val_t);
OURS(_ZnwmSt11align_val_tRKSt9nothrow_t);

/* ---- new ---- */

struct request {
	size_t bytes;
	size_t alignment; /* 0: as malloc gives it */
	bool quiet;       /* NULL rather than an exception */
};

static const struct nothrow { char nothing; } quietly;

/* malloc may return NULL for nothing, new may not. */
static inline size_t at_least_one(size_t bytes)
{
	return bytes ? bytes : 1;
}

static inline void *aligned(size_t bytes, size_t alignment)
{
	void *block = NULL;

	if (alignment < sizeof(void *))
		alignment = sizeof(void *);
	return posix_memalign(&block, alignment, at_least_one(bytes)) ? NULL : block;
}

static inline void *try_provider(const struct request *r)
{
	return r->alignment ? aligned(r->bytes, r->alignment)
			    : malloc(at_least_one(r->bytes));
}

/* Without anybody who could throw, to go on would be worse. */
static void *ask_nobody(const struct request *r)
{
	if (!r->quiet)
		abort();
	return NULL;
}

#define ASK(name, ...)                                             \
	({                                                         \
		typeof(&(name)) next__ = NEXT(name);               \
		next__ ? next__(__VA_ARGS__) : ask_nobody(r);      \
	})

static void *ask_next(const struct request *r)
{
	if (r->alignment)
		return r->quiet ?
			ASK(_ZnwmSt11align_val_tRKSt9nothrow_t, r->bytes,
			    r->alignment, &quietly) :
			ASK(_ZnwmSt11align_val_t, r->bytes, r->alignment);
	return r->quiet ? ASK(_ZnwmRKSt9nothrow_t, r->bytes, &quietly) :
			  ASK(_Znwm, r->bytes);
}

/* By the delete that belongs to that new; false if there is none. */
static bool give_back(const struct request *r, void *block)
{
	typeof(&_ZdlPvSt11align_val_t) aligned_delete =
		r->alignment ? NEXT(_ZdlPvSt11align_val_t) : NULL;
	typeof(&_ZdlPv) plain_delete = r->alignment ? NULL : NEXT(_ZdlPv);

	if (aligned_delete)
		aligned_delete(block, r->alignment);
	else if (plain_delete)
		plain_delete(block);
	else
		return false;
	return true;
}

#define TRIES 3

/*
 * Has the next implementation ask as often as the program's new-handler wants
 * it to. What it finds is given back and asked for again, so that it counts.
 * Not for ever: other threads may be faster each time, and an alignment that
 * is no power of two is a block to some, and to posix_memalign never.
 */
static COLD void *insist(const struct request *r)
{
	for (int tries = 1;; tries++) {
		void *found = ask_next(r), *counted;

		if (!found || tries == TRIES || !give_back(r, found))
			return found;
		counted = try_provider(r);
		if (counted)
			return counted;
	}
}

static inline void *allocate(size_t bytes, size_t alignment, bool quiet)
{
	struct request r = { bytes, alignment, quiet };
	void *block = try_provider(&r);

	return LIKELY(block != NULL) ? block : insist(&r);
}

EXPORT void *_Znwm(size_t bytes)
{
	return allocate(bytes, 0, false);
}

EXPORT void *_ZnwmSt11align_val_t(size_t bytes, size_t alignment)
{
	return allocate(bytes, alignment, false);
}

EXPORT void *_Znam(size_t bytes)
{
	return _Znwm(bytes);
}

EXPORT void *_ZnamSt11align_val_t(size_t bytes, size_t alignment)
{
	return _ZnwmSt11align_val_t(bytes, alignment);
}

/*
 * These call the new that throws, and catch. Where that is ours, or would
 * come to ours, there is nothing to catch; else somebody has to who can.
 */
#define PASS_ON_UNLESS(ours, name, ...)                                \
	do {                                                           \
		typeof(&(name)) next__ =                                       \
			UNLIKELY(!(ours)) ? NEXT(name) : NULL;                 \
		if (next__)                                            \
			return next__(__VA_ARGS__);                    \
	} while (0)

EXPORT void *_ZnwmRKSt9nothrow_t(size_t bytes, const struct nothrow *nothrow)
{
	PASS_ON_UNLESS(IS_OURS(_Znwm), _ZnwmRKSt9nothrow_t, bytes, nothrow);
	return allocate(bytes, 0, true);
}

EXPORT void *_ZnamRKSt9nothrow_t(size_t bytes, const struct nothrow *nothrow)
{
	PASS_ON_UNLESS(IS_OURS(_Znam) && IS_OURS(_Znwm) &&
		       IS_OURS(_ZnwmRKSt9nothrow_t),
		       _ZnamRKSt9nothrow_t, bytes, nothrow);
	return allocate(bytes, 0, true);
}

EXPORT void *_ZnwmSt11align_val_tRKSt9nothrow_t(size_t bytes, size_t alignment,
						const struct nothrow *nothrow)
{
	PASS_ON_UNLESS(IS_OURS(_ZnwmSt11align_val_t),
		       _ZnwmSt11align_val_tRKSt9nothrow_t, bytes, alignment,
		       nothrow);
	return allocate(bytes, alignment, true);
}

EXPORT void *_ZnamSt11align_val_tRKSt9nothrow_t(size_t bytes, size_t alignment,
						const struct nothrow *nothrow)
{
	PASS_ON_UNLESS(IS_OURS(_ZnamSt11align_val_t) &&
		       IS_OURS(_ZnwmSt11align_val_t) &&
		       IS_OURS(_ZnwmSt11align_val_tRKSt9nothrow_t),
		       _ZnamSt11align_val_tRKSt9nothrow_t, bytes, alignment,
		       nothrow);
	return allocate(bytes, alignment, true);
}

/* ---- delete ---- */

EXPORT void _ZdlPv(void *block)
{
	free(block);
}

/* Aligned blocks are no business of the plain delete, which may be replaced. */
EXPORT void _ZdlPvSt11align_val_t(void *block, size_t alignment)
{
	(void)alignment;
	free(block);
}

#pragma GCC diagnostic ignored "-Wunused-parameter"

#define DELETE(name, call, ...) \
	EXPORT void name(void *block, ##__VA_ARGS__) { call; }

DELETE(_ZdaPv, _ZdlPv(block))
DELETE(_ZdlPvm, _ZdlPv(block), size_t bytes)
DELETE(_ZdaPvm, _ZdaPv(block), size_t bytes)
DELETE(_ZdlPvRKSt9nothrow_t, _ZdlPv(block), const struct nothrow *nothrow)
DELETE(_ZdaPvRKSt9nothrow_t, _ZdaPv(block), const struct nothrow *nothrow)
DELETE(_ZdaPvSt11align_val_t, _ZdlPvSt11align_val_t(block, alignment),
       size_t alignment)
DELETE(_ZdlPvmSt11align_val_t, _ZdlPvSt11align_val_t(block, alignment),
       size_t bytes, size_t alignment)
DELETE(_ZdaPvmSt11align_val_t, _ZdaPvSt11align_val_t(block, alignment),
       size_t bytes, size_t alignment)
DELETE(_ZdlPvSt11align_val_tRKSt9nothrow_t,
       _ZdlPvSt11align_val_t(block, alignment),
       size_t alignment, const struct nothrow *nothrow)
DELETE(_ZdaPvSt11align_val_tRKSt9nothrow_t,
       _ZdaPvSt11align_val_t(block, alignment),
       size_t alignment, const struct nothrow *nothrow)
