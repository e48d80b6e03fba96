/* SPDX-License-Identifier: MIT */
#include "preload/next.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/auxv.h>

#include "preload/cc.h"
#include "preload/object.h"
#include "preload/tally.h"

/*
 * dlsym is declared `leaf`, so the compiler may think that it cannot call
 * back into this file; volatile keeps the guard in memory all the same.
 */
THREAD_LOCAL volatile bool resolving;

bool next_is_resolving(void)
{
	return resolving;
}

/* ---- the arena ---- */

#define ARENA_HEADER_BYTES 16 /* {requested bytes, the like of a glibc header} */

unsigned char next_arena[ARENA_BYTES] __attribute__((aligned(64)));
static size_t arena_used;

void *next_arena_alloc(size_t bytes, size_t alignment)
{
	size_t room, start;
	uint64_t *header;

	if (alignment < 16)
		alignment = 16;
	if (bytes > ARENA_BYTES || alignment > ARENA_BYTES)
		return NULL;
	room = ARENA_HEADER_BYTES + bytes + alignment;
	start = __atomic_fetch_add(&arena_used, room, __ATOMIC_RELAXED);
	if (start + room > ARENA_BYTES)
		return NULL;
	start = (uintptr_t)next_arena + start + ARENA_HEADER_BYTES;
	start = (start + alignment - 1) & ~(alignment - 1);
	header = (uint64_t *)start - 2;
	header[0] = bytes;
	header[1] = TALLY_CHUNK_MAPPED;
	return (void *)start;
}

size_t next_arena_usable(const void *block)
{
	return ((const uint64_t *)block)[-2];
}

/* ---- the first call of each function ---- */

static void *boot_memalign(size_t alignment, size_t bytes)
{
	if (resolving)
		return next_arena_alloc(bytes, alignment);
	next_resolve();
	return next.memalign(alignment, bytes);
}

static void *boot_malloc(size_t bytes)
{
	if (resolving)
		return next_arena_alloc(bytes, 16);
	next_resolve();
	return next.malloc(bytes);
}

/* While resolving we cannot know whose the block is: better leak it. */
static void boot_free(void *block)
{
	if (resolving)
		return;
	next_resolve();
	next.free(block);
}

static void *boot_calloc(size_t count, size_t each)
{
	size_t bytes;

	if (!resolving) {
		next_resolve();
		return next.calloc(count, each);
	}
	if (__builtin_mul_overflow(count, each, &bytes))
		return NULL;
	return next_arena_alloc(bytes, 16);
}

/* Reached only with blocks that are not of the arena, or with NULL. */
static void *boot_realloc(void *block, size_t bytes)
{
	if (resolving)
		return block ? NULL : next_arena_alloc(bytes, 16);
	next_resolve();
	return next.realloc(block, bytes);
}

static void *boot_aligned_alloc(size_t alignment, size_t bytes)
{
	if (resolving)
		return next_arena_alloc(bytes, alignment);
	next_resolve();
	return next.aligned_alloc(alignment, bytes);
}

static int boot_posix_memalign(void **ret, size_t alignment, size_t bytes)
{
	void *block;

	if (!resolving) {
		next_resolve();
		return next.posix_memalign(ret, alignment, bytes);
	}
	block = next_arena_alloc(bytes, alignment);
	if (!block)
		return ENOMEM;
	*ret = block;
	return 0;
}

static void *boot_valloc(size_t bytes)
{
	next_resolve();
	return next.valloc(bytes);
}

static void *boot_pvalloc(size_t bytes)
{
	next_resolve();
	return next.pvalloc(bytes);
}

static int boot_pthread_create(pthread_t *ret, const pthread_attr_t *attributes,
			       void *(*start)(void *), void *argument)
{
	next_resolve();
	return next.pthread_create(ret, attributes, start, argument);
}

static int boot_thrd_create(thrd_t *ret, thrd_start_t start, void *argument)
{
	next_resolve();
	return next.thrd_create(ret, start, argument);
}

/* One that is missing stays as it is: there is nothing to call. */
#define BOOT_LOCK(name, parameters, arguments)          \
	static int boot_##name parameters               \
	{                                               \
		next_resolve();                         \
		return next.name == boot_##name ?       \
			       ENOSYS : next.name arguments; \
	}
NEXT_LOCKS(BOOT_LOCK)

struct next next = {
	.malloc = boot_malloc,
	.free = boot_free,
	.calloc = boot_calloc,
	.realloc = boot_realloc,
	.memalign = boot_memalign,
	.aligned_alloc = boot_aligned_alloc,
	.posix_memalign = boot_posix_memalign,
	.valloc = boot_valloc,
	.pvalloc = boot_pvalloc,
	.pthread_create = boot_pthread_create,
	.thrd_create = boot_thrd_create,
#define BOOT_LOCK_FIRST(name, parameters, arguments) .name = boot_##name,
	NEXT_LOCKS(BOOT_LOCK_FIRST)
};

/* ---- what a provider lacks, built on what it has ---- */

/* The provider's own, not what the extras may have put into `next`: a built
 * function must not be seen to make two calls. */
static void *(*provider_memalign)(size_t, size_t);
static int (*provider_posix_memalign)(void **, size_t, size_t);

/*
 * Never taken from another object: glibc's pvalloc beside jemalloc's malloc
 * would hand out blocks that jemalloc's free cannot take.
 */
static void *built_memalign(size_t alignment, size_t bytes)
{
	void *block = NULL;
	int error;

	if (alignment < sizeof(void *))
		alignment = sizeof(void *);
	error = provider_posix_memalign(&block, alignment, bytes);
	if (error) {
		errno = error;
		return NULL;
	}
	return block;
}

static int built_posix_memalign(void **ret, size_t alignment, size_t bytes)
{
	void *block;
	int saved = errno;

	if (alignment % sizeof(void *) || alignment & (alignment - 1) || !alignment)
		return EINVAL;
	block = provider_memalign(alignment, bytes);
	errno = saved;
	if (!block)
		return ENOMEM;
	*ret = block;
	return 0;
}

static void *built_valloc(size_t bytes)
{
	return provider_memalign(getauxval(AT_PAGESZ), bytes);
}

static void *built_pvalloc(size_t bytes)
{
	size_t page = getauxval(AT_PAGESZ), rounded;

	if (__builtin_add_overflow(bytes, page - 1, &rounded)) {
		errno = ENOMEM;
		return NULL;
	}
	rounded &= ~(page - 1);
	return provider_memalign(page, rounded ? rounded : page);
}

/* A provider without aligned blocks at all: refuse rather than mix. */
static void *lacking_memalign(size_t alignment, size_t bytes)
{
	(void)alignment;
	(void)bytes;
	errno = ENOMEM;
	return NULL;
}

static pid_t lacking_fork(void)
{
	errno = ENOSYS;
	return -1;
}

static int lacking_thrd_create(thrd_t *ret, thrd_start_t start, void *argument)
{
	(void)ret;
	(void)start;
	(void)argument;
	return thrd_error;
}

/* ---- the look-up ---- */

/*
 * dlsym passes over libc_malloc_debug, whose malloc has only an old,
 * non-default version; dlvsym passes over allocators without versions. Of
 * the two the object that comes first is the one that would have served the
 * program without us.
 */
static bool versioned_comes_first(void)
{
	void *plain = dlsym(RTLD_NEXT, "malloc");
	void *versioned = dlvsym ? dlvsym(RTLD_NEXT, "malloc", BASE_VERSION) : NULL;
	struct object a, b;

	return versioned && versioned != plain && object_find(versioned, &a) &&
	       (!object_find(plain, &b) || a.order < b.order);
}

static void *find_next(const char *name, bool versioned)
{
	void *found;

	if (!versioned || !dlvsym)
		return dlsym(RTLD_NEXT, name);
	found = dlvsym(RTLD_NEXT, name, BASE_VERSION);
	return found ? found : dlvsym(RTLD_NEXT, name, "GLIBC_2.16");
}

/* Where functions are taken from while resolving. */
struct provider {
	bool versioned;
	struct object object;
};

/* The function of that name in the provider's own object, or NULL. */
static void *find_beside(const struct provider *provider, const char *name)
{
	void *found = find_next(name, provider->versioned);

	return object_holds(&provider->object, found) ? found : NULL;
}

#define STORE(field, value) \
	__atomic_store_n(&next.field, (value), __ATOMIC_RELEASE)

/* Takes the provider's function where it has one, else what we built. */
#define TAKE(field, otherwise)                                        \
	do {                                                          \
		void *found_ = find_beside(provider, #field);         \
		STORE(field, found_ ? (typeof(next.field))found_      \
				    : (otherwise));                   \
	} while (0)

static void resolve_aligned(const struct provider *provider)
{
	void *aligned = find_beside(provider, "memalign");
	void *posix = find_beside(provider, "posix_memalign");

	/* Never NULL in between: another thread may have come here first. */
	provider_memalign = aligned ? (typeof(provider_memalign))aligned :
			    posix ? built_memalign : lacking_memalign;
	provider_posix_memalign = posix ? (typeof(provider_posix_memalign))posix
					: built_posix_memalign;
	STORE(memalign, provider_memalign);
	STORE(posix_memalign, provider_posix_memalign);
	TAKE(aligned_alloc, provider_memalign);
	TAKE(valloc, built_valloc);
	TAKE(pvalloc, built_pvalloc);
}

static void resolve_locks(void)
{
	void *found;

#define RESOLVE_LOCK(name, parameters, arguments)        \
	found = dlsym(RTLD_NEXT, #name);                 \
	if (found)                                       \
		STORE(name, (typeof(next.name))found);
	NEXT_LOCKS(RESOLVE_LOCK)
}

/* By its version, which a fake clock does not have. */
static void resolve_clock(void)
{
	void *found = dlvsym ? dlvsym(RTLD_NEXT, "clock_gettime", "GLIBC_2.17")
			     : NULL;

	STORE(clock_gettime, found ? (typeof(next.clock_gettime))found
				   : clock_gettime);
}

static void resolve_others(void)
{
	void *create = dlsym(RTLD_NEXT, "pthread_create");
	void *thrd = dlsym(RTLD_NEXT, "thrd_create");
	void *bare_fork = dlsym(RTLD_NEXT, "_Fork");

	STORE(exit_now, (typeof(next.exit_now))dlsym(RTLD_NEXT, "_exit"));
	STORE(quick_exit, (typeof(next.quick_exit))dlsym(RTLD_NEXT, "quick_exit"));
	STORE(fork_without_handlers, bare_fork
	      ? (typeof(next.fork_without_handlers))bare_fork : lacking_fork);
	STORE(dlopen, (typeof(next.dlopen))dlsym(RTLD_NEXT, "dlopen"));
	STORE(dlmopen, (typeof(next.dlmopen))dlsym(RTLD_NEXT, "dlmopen"));
	STORE(prctl, (typeof(next.prctl))dlsym(RTLD_NEXT, "prctl"));
	STORE(malloc_trim, (typeof(next.malloc_trim))dlsym(RTLD_NEXT, "malloc_trim"));
	if (create)
		STORE(pthread_create, (typeof(next.pthread_create))create);
	STORE(thrd_create, thrd ? (typeof(next.thrd_create))thrd
				: lacking_thrd_create);
}

/*
 * A sanitizer dies when it is asked for the size of a block that it does not
 * own, before it can tell what is wrong with the free that follows.
 */
static size_t (*sanitizer_size)(void *);
static int (*sanitizer_owns)(const volatile void *);

static size_t sanitizer_usable_size(void *block)
{
	return sanitizer_owns(block) ? sanitizer_size(block) : 0;
}

static size_t (*find_usable_size(const struct provider *provider))(void *)
{
	void *size = find_beside(provider, "malloc_usable_size");
	void *owns = find_beside(provider, "__sanitizer_get_ownership");

	if (!size || !owns)
		return (size_t (*)(void *))size;
	sanitizer_size = (typeof(sanitizer_size))size;
	sanitizer_owns = (typeof(sanitizer_owns))owns;
	return sanitizer_usable_size;
}

static bool is_mixture(const struct provider *provider)
{
	return !object_holds(&provider->object, (void *)next.free) ||
	       !object_holds(&provider->object, (void *)next.calloc) ||
	       !object_holds(&provider->object, (void *)next.realloc);
}

COLD void next_resolve(void)
{
	struct provider p = { 0 }, *provider = &p;
	void *real_free, *real_malloc;

	if (resolving || __atomic_load_n(&next.malloc, __ATOMIC_ACQUIRE) != boot_malloc)
		return;
	resolving = true;
	/* free first: from glibc 2.34 on a failed dlsym leaves a string that
	 * the next dlsym frees. malloc last: it says that all is done. */
	p.versioned = versioned_comes_first();
	real_free = find_next("free", p.versioned);
	STORE(free, (typeof(next.free))real_free);
	real_malloc = find_next("malloc", p.versioned);
	object_find(real_malloc, &p.object);
	/* Without us a mixture would be served by whoever comes next, too. */
	STORE(calloc, (typeof(next.calloc))find_next("calloc", p.versioned));
	STORE(realloc, (typeof(next.realloc))find_next("realloc", p.versioned));
	resolve_aligned(provider);
	resolve_others();
	resolve_locks();
	resolve_clock();
	/* Nobody knows the size of every block of a mixture. */
	STORE(malloc_usable_size, is_mixture(provider) ? NULL :
	      find_usable_size(provider));
	STORE(malloc, (typeof(next.malloc))real_malloc);
	resolving = false;
}
