/* SPDX-License-Identifier: MIT */
/*
 * The floor: an interposer that does nothing but pass on. What it costs is
 * the price of LD_PRELOAD itself.
 */
#include <dlfcn.h>
#include <stddef.h>

static void *(*next_malloc)(size_t);
static void (*next_free)(void *);
static void *(*next_calloc)(size_t, size_t);
static void *(*next_realloc)(void *, size_t);

/* No dlsym of these four allocates on the C libraries that are measured. */
__attribute__((constructor)) static void resolve(void)
{
	next_free = (void (*)(void *))dlsym(RTLD_NEXT, "free");
	next_malloc = (void *(*)(size_t))dlsym(RTLD_NEXT, "malloc");
	next_calloc = (void *(*)(size_t, size_t))dlsym(RTLD_NEXT, "calloc");
	next_realloc = (void *(*)(void *, size_t))dlsym(RTLD_NEXT, "realloc");
}

void *malloc(size_t bytes)
{
	if (__builtin_expect(!next_malloc, 0))
		resolve();
	return next_malloc(bytes);
}

void free(void *block)
{
	if (__builtin_expect(!next_free, 0))
		resolve();
	next_free(block);
}

void *calloc(size_t count, size_t each)
{
	if (__builtin_expect(!next_calloc, 0))
		resolve();
	return next_calloc(count, each);
}

void *realloc(void *block, size_t bytes)
{
	if (__builtin_expect(!next_realloc, 0))
		resolve();
	return next_realloc(block, bytes);
}
