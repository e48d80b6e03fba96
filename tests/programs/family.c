/* SPDX-License-Identifier: MIT */
/*
 * family NAME: calls one function of the malloc family with many sizes and
 * alignments and frees everything again.
 *
 * Expects what it says: each call one allocation, each free one free, at
 * usable size, live 0 at the end. Checks alignment, contents, zeroing and
 * that free() leaves errno alone.
 */
#include "expect.h"

#include <dlfcn.h>

static const size_t sizes[] = {
	0, 1, 7, 8, 16, 23, 24, 25, 31, 32, 40, 63, 64, 100, 128, 255, 512,
	1000, 1024, 1032, 1040, 4000, 4096, 5000, 8192, 65536, 100000, 131071,
	131072, 135000, 200000, 1 << 20, 5 << 20,
};

static const size_t alignments[] = {
	8, 16, 32, 64, 128, 256, 1024, 4096, 8192, 65536,
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static bool aligned(const void *p, size_t alignment)
{
	return ((uintptr_t)p & (alignment - 1)) == 0;
}

static void fill(void *p, size_t bytes, int seed)
{
	memset(p, (int)((bytes + (size_t)seed) & 0xff), bytes);
}

static bool filled(const unsigned char *p, size_t filled_bytes,
		   size_t bytes, int seed)
{
	return bytes == 0 ||
	       (p[0] == ((filled_bytes + (size_t)seed) & 0xff) &&
		memcmp(p, p + 1, bytes - 1) == 0); /* all the same */
}

static void release(void *p)
{
	errno = 1234;
	free(gone(p));
	MUST(errno == 1234);
}

static void do_malloc(void)
{
	void *held[COUNT(sizes)];

	for (unsigned round = 0; round < 100; round++) {
		for (size_t i = 0; i < COUNT(sizes); i++) {
			errno = 77;
			held[i] = got(malloc(sizes[i]));
			MUST(held[i] && errno == 77);
			MUST(aligned(held[i], 16));
			fill(held[i], sizes[i], 1);
		}
		for (size_t i = 0; i < COUNT(sizes); i++) {
			MUST(filled(held[i], sizes[i], sizes[i], 1));
			release(held[i]);
		}
	}
}

static void do_calloc(void)
{
	for (unsigned round = 0; round < 20; round++) {
		for (size_t i = 0; i < COUNT(sizes); i++) {
			unsigned char *p = got(calloc(sizes[i], 1 + round % 3));
			size_t bytes = sizes[i] * (1 + round % 3);

			MUST(p && aligned(p, 16));
			MUST(bytes == 0 || (p[0] == 0 &&
					    memcmp(p, p + 1, bytes - 1) == 0));
			memset(p, 0xa5, malloc_usable_size(p));
			release(p);
		}
	}
}

static void do_realloc(void)
{
	for (size_t i = 0; i < COUNT(sizes); i++) {
		for (size_t j = 0; j < COUNT(sizes); j++) {
			size_t both = sizes[i] < sizes[j] ? sizes[i] : sizes[j];
			void *p = x_realloc(NULL, sizes[i]);

			MUST(p);
			fill(p, sizes[i], 3);
			p = x_realloc(p, sizes[j]);
			if (sizes[j] == 0) {
				MUST(!p);
				continue;
			}
			MUST(p && aligned(p, 16));
			MUST(filled(p, sizes[i], both, 3));
			release(p);
		}
	}
}

static void do_reallocarray(void)
{
	for (size_t i = 0; i < COUNT(sizes); i++) {
		void *p = x_reallocarray(NULL, sizes[i], 2);

		MUST(p);
		fill(p, sizes[i] * 2, 5);
		p = x_reallocarray(p, 3, sizes[i]);
		if (sizes[i] == 0) {
			MUST(!p);
			continue;
		}
		MUST(p && filled(p, sizes[i] * 2, sizes[i] * 2, 5));
		release(p);
	}
}

static void each_alignment(void *(*call)(size_t alignment, size_t bytes))
{
	for (size_t a = 0; a < COUNT(alignments); a++) {
		for (size_t i = 0; i < COUNT(sizes); i++) {
			void *p;

			errno = 77;
			p = got(call(alignments[a], sizes[i]));
			MUST(p && aligned(p, alignments[a]));
			MUST(errno == 77);
			fill(p, sizes[i], 7);
			/* an aligned block may be realloc'ed */
			p = x_realloc(p, sizes[i] + 100);
			MUST(p && filled(p, sizes[i], sizes[i], 7));
			release(p);
		}
	}
}

static void *by_posix_memalign(size_t alignment, size_t bytes)
{
	void *p = (void *)0x1;

	MUST(posix_memalign(&p, alignment, bytes) == 0);
	return p;
}

static void do_memalign(void)
{
	each_alignment(memalign);
}

static void do_aligned_alloc(void)
{
	each_alignment(aligned_alloc);
}

static void do_posix_memalign(void)
{
	each_alignment(by_posix_memalign);
}

static void do_valloc(void)
{
	for (size_t i = 0; i < COUNT(sizes); i++) {
		void *p = got(valloc(sizes[i]));

		MUST(p && aligned(p, (size_t)getpagesize()));
		fill(p, sizes[i], 9);
		release(p);
	}
}

static void do_pvalloc(void)
{
	size_t page = (size_t)getpagesize();

	for (size_t i = 0; i < COUNT(sizes); i++) {
		void *p = got(pvalloc(sizes[i]));

		MUST(p && aligned(p, page));
		/* the whole last page is the caller's */
		fill(p, (sizes[i] + page - 1) / page * page, 11);
		release(p);
	}
}

/* Functions that this libc's headers do not know, or no longer. */
static void *named(const char *name)
{
	void *f = dlsym(RTLD_DEFAULT, name);

	MUST(f);
	return f;
}

static void do_free_sized(void)
{
	void (*free_sized)(void *, size_t) =
		(void (*)(void *, size_t))named("free_sized");

	for (size_t i = 0; i < COUNT(sizes); i++) {
		void *p = got(malloc(sizes[i]));

		MUST(p);
		errno = 1234;
		free_sized(gone(p), sizes[i]);
		MUST(errno == 1234);
		free_sized(NULL, sizes[i]);
	}
}

static void do_free_aligned_sized(void)
{
	void (*free_aligned_sized)(void *, size_t, size_t) =
		(void (*)(void *, size_t, size_t))named("free_aligned_sized");

	for (size_t a = 0; a < COUNT(alignments); a++) {
		for (size_t i = 0; i < COUNT(sizes); i++) {
			void *p = got(aligned_alloc(alignments[a], sizes[i]));

			MUST(p);
			errno = 1234;
			free_aligned_sized(gone(p), alignments[a], sizes[i]);
			MUST(errno == 1234);
			free_aligned_sized(NULL, alignments[a], sizes[i]);
		}
	}
}

static void do_cfree(void)
{
	void (*cfree)(void *) = (void (*)(void *))named("cfree");

	for (size_t i = 0; i < COUNT(sizes); i++) {
		void *p = got(calloc(1, sizes[i]));

		MUST(p);
		errno = 1234;
		cfree(gone(p));
		MUST(errno == 1234);
		cfree(NULL);
	}
}

/* To add a function: write do_<name>() above and a row here. */
static const struct {
	const char *name;
	void (*run)(void);
} functions[] = {
	{ "malloc", do_malloc },
	{ "calloc", do_calloc },
	{ "realloc", do_realloc },
	{ "reallocarray", do_reallocarray },
	{ "memalign", do_memalign },
	{ "aligned_alloc", do_aligned_alloc },
	{ "posix_memalign", do_posix_memalign },
	{ "valloc", do_valloc },
	{ "pvalloc", do_pvalloc },
	{ "free_sized", do_free_sized },
	{ "free_aligned_sized", do_free_aligned_sized },
	{ "cfree", do_cfree },
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc == 2 && i < COUNT(functions); i++) {
		if (strcmp(functions[i].name, argv[1]) != 0)
			continue;
		functions[i].run();
		MUST(expect.allocs > 0);
		expect_report();
		return 0;
	}
	MUST(!"a known function name");
	return 2;
}
