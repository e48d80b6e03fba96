/* SPDX-License-Identifier: MIT */
/*
 * libheaptally-cxx.so: C++ new and delete by way of malloc and free.
 *
 * libstdc++'s own do just that. jemalloc, tcmalloc and mimalloc bring new and
 * delete that go around malloc, and so around the tally; loaded behind
 * libheaptally.so and before them, these lead C++ back to it. The allocator
 * serves the blocks as before.
 *
 * By the names that the Itanium C++ ABI makes of them for 64-bit size_t. Only
 * when memory is short does the next implementation come into play: it knows
 * about new-handlers and exceptions.
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

/* ---- when there is no memory ---- */

/*
 * Of the next implementation. A C program may have loaded the C++ library
 * for a plugin alone, where RTLD_NEXT does not look.
 */
static void *find_next(const char *name)
{
	void *found = dlsym(RTLD_NEXT, name);
	void *library;

	if (found)
		return found;
	library = dlopen("libstdc++.so.6", RTLD_LAZY | RTLD_NOLOAD);
	return library ? dlsym(library, name) : NULL;
}

/*
 * Has the next implementation ask as often as the program's new-handler wants
 * it to: it throws, or finds memory, which is given back to be asked for
 * again by malloc. True: try once more.
 */
static COLD bool make_room(size_t bytes)
{
	void *(*next_new)(size_t) = (void *(*)(size_t))find_next("_Znwm");
	void (*next_delete)(void *) = (void (*)(void *))find_next("_ZdlPv");

	if (!next_new || !next_delete)
		abort(); /* there is nobody who could throw */
	next_delete(next_new(bytes));
	return true;
}

/* The same for those who would rather have NULL: nothing is thrown. */
static COLD bool make_room_quietly(size_t bytes, const struct nothrow *nothrow)
{
	void *(*next_new)(size_t, const struct nothrow *) =
		(void *(*)(size_t, const struct nothrow *))
		find_next("_ZnwmRKSt9nothrow_t");
	void (*next_delete)(void *) = (void (*)(void *))find_next("_ZdlPv");
	void *block;

	if (!next_new || !next_delete)
		return false;
	block = next_new(bytes, nothrow);
	next_delete(block);
	return block != NULL;
}

/* ---- new ---- */

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

/* How much to ask for to be sure of an aligned block. */
static size_t with_room_to_align(size_t bytes, size_t alignment)
{
	size_t sum;

	return __builtin_add_overflow(bytes, alignment, &sum) ? bytes : sum;
}

EXPORT void *_Znwm(size_t bytes)
{
	void *block;

	do
		block = malloc(at_least_one(bytes));
	while (UNLIKELY(!block) && make_room(bytes));
	return block;
}

EXPORT void *_ZnwmRKSt9nothrow_t(size_t bytes, const struct nothrow *nothrow)
{
	void *block;

	do
		block = malloc(at_least_one(bytes));
	while (UNLIKELY(!block) && make_room_quietly(bytes, nothrow));
	return block;
}

EXPORT void *_ZnwmSt11align_val_t(size_t bytes, size_t alignment)
{
	void *block;

	do
		block = aligned(bytes, alignment);
	while (UNLIKELY(!block) && make_room(with_room_to_align(bytes, alignment)));
	return block;
}

EXPORT void *_ZnwmSt11align_val_tRKSt9nothrow_t(size_t bytes, size_t alignment,
						const struct nothrow *nothrow)
{
	void *block;

	do
		block = aligned(bytes, alignment);
	while (UNLIKELY(!block) &&
	       make_room_quietly(with_room_to_align(bytes, alignment), nothrow));
	return block;
}

/* new[] is new: a program that replaces the one expects it of the other. */
EXPORT void *_Znam(size_t bytes)
{
	return _Znwm(bytes);
}

EXPORT void *_ZnamRKSt9nothrow_t(size_t bytes, const struct nothrow *nothrow)
{
	return _ZnwmRKSt9nothrow_t(bytes, nothrow);
}

EXPORT void *_ZnamSt11align_val_t(size_t bytes, size_t alignment)
{
	return _ZnwmSt11align_val_t(bytes, alignment);
}

EXPORT void *_ZnamSt11align_val_tRKSt9nothrow_t(size_t bytes, size_t alignment,
						const struct nothrow *nothrow)
{
	return _ZnwmSt11align_val_tRKSt9nothrow_t(bytes, alignment, nothrow);
}

/* ---- delete: free, whatever else is told ---- */

EXPORT void _ZdlPv(void *block)
{
	free(block);
}

#define DELETE(name, ...) \
	EXPORT void name(void *block, ##__VA_ARGS__) { _ZdlPv(block); }

#pragma GCC diagnostic ignored "-Wunused-parameter"

DELETE(_ZdaPv)
DELETE(_ZdlPvm, size_t bytes)
DELETE(_ZdaPvm, size_t bytes)
DELETE(_ZdlPvRKSt9nothrow_t, const struct nothrow *nothrow)
DELETE(_ZdaPvRKSt9nothrow_t, const struct nothrow *nothrow)
DELETE(_ZdlPvSt11align_val_t, size_t alignment)
DELETE(_ZdaPvSt11align_val_t, size_t alignment)
DELETE(_ZdlPvmSt11align_val_t, size_t bytes, size_t alignment)
DELETE(_ZdaPvmSt11align_val_t, size_t bytes, size_t alignment)
DELETE(_ZdlPvSt11align_val_tRKSt9nothrow_t, size_t alignment,
       const struct nothrow *nothrow)
DELETE(_ZdaPvSt11align_val_tRKSt9nothrow_t, size_t alignment,
       const struct nothrow *nothrow)
