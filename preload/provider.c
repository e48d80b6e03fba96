/* SPDX-License-Identifier: MIT */
#include "preload/provider.h"

#include <dlfcn.h>
#include <link.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "preload/imports.h"
#include "preload/next.h"
#include "preload/object.h"
#include "preload/tally.h"

extern const char *gnu_get_libc_version(void) __attribute__((weak));

static void append(char *to, size_t room, const char *from)
{
	size_t used = strlen(to);
	size_t length = strnlen(from, room - 1 - used);

	memcpy(to + used, from, length);
	to[used + length] = '\0';
}

/*
 * Asks the C library about two blocks that never were: chunk headers made
 * here, one of the heap and one of a mapping of its own. It reads the header
 * and its neighbour, nothing else. Should its answer differ from ours, its
 * chunks are not what we take them for.
 */
static bool header_is_known(void)
{
	static size_t fake[64] __attribute__((aligned(64)));
	static const size_t flags[] = { 1, 2, 1 | 4 };

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		void *block = &fake[2];

		fake[1] = 256 | flags[i];
		fake[1 + 256 / sizeof(size_t)] = 256 | 1; /* next: we are in use */
		if (next.malloc_usable_size(block) != tally_chunk_bytes(block))
			return false;
	}
	return true;
}

static void name_provider(struct provider_facts *facts)
{
	struct object object;
	bool is_glibc;

	object_find((void *)next.malloc, &object);
	is_glibc = strcmp(object.name, "libc.so.6") == 0 && gnu_get_libc_version;
	append(facts->name, sizeof(facts->name), is_glibc ? "glibc " : object.name);
	if (is_glibc)
		append(facts->name, sizeof(facts->name), gnu_get_libc_version());
	facts->inline_bytes = is_glibc && sizeof(size_t) == 8 &&
			      next.malloc_usable_size && header_is_known();
}

static void *canary_block;

/* Stands behind our malloc for one call, which must reach it. */
static void *canary_malloc(size_t bytes)
{
	(void)bytes;
	return canary_block;
}

/*
 * Calls malloc as the program would. Tools such as valgrind redirect it
 * without any symbol telling. A block of our arena comes back when all is
 * well, so nothing is left in the provider.
 */
static bool canary_comes_back(void)
{
	void *(*their_malloc)(size_t) =
		(void *(*)(size_t))dlsym(RTLD_DEFAULT, "malloc");
	void (*their_free)(void *) = (void (*)(void *))dlsym(RTLD_DEFAULT, "free");
	void *(*real_malloc)(size_t) = next.malloc;
	void *volatile got;

	if (!their_malloc || !their_free)
		return false;
	canary_block = next_arena_alloc(16, 16);
	next.malloc = canary_malloc;
	got = their_malloc(16);
	next.malloc = real_malloc;
	their_free(got);
	return got == canary_block;
}

static void set_coverage(struct provider_facts *facts, enum coverage coverage,
			 const char *reason, const char *detail)
{
	facts->coverage = coverage;
	append(facts->reason, sizeof(facts->reason), reason);
	append(facts->reason, sizeof(facts->reason), detail);
}

/* Weak: musl has none, and would not load us. */
extern int dladdr1(const void *, Dl_info *, void **, int) __attribute__((weak));

/*
 * An executable with a fixed address that takes the address of malloc has an
 * entry of its own for it, to which every look-up leads; behind it are we.
 * Its symbol has a value and is undefined all the same.
 */
static bool leads_elsewhere(void *found)
{
	ElfW(Sym) *symbol = NULL;
	Dl_info info;

	return found && dladdr1 &&
	       dladdr1(found, &info, (void **)&symbol, RTLD_DL_SYMENT) &&
	       symbol && symbol->st_shndx == SHN_UNDEF;
}

/*
 * Functions by which a provider hands out blocks past malloc, and what shows
 * that the program uses them: symbols that it imports and that begin so. libc
 * has none, so that nothing is looked for with it.
 */
static const struct {
	const char *imported;
	const char *symbol;
	const char *name;
} ways_around[] = {
	{ "_Znw", "_Znwm", "C++ new" },
	{ "_Zna", "_Znam", "C++ new" },
	/*
	 * Strings and files of std, for which the C++ library itself calls
	 * new: of libstdc++, the older strings among them, and of libc++.
	 * Not all of std: mutexes, for one, are in programs without new.
	 */
	{ "_ZNSt7__cxx11", "_Znwm", "C++ new" },
	{ "_ZNSs", "_Znwm", "C++ new" },
	{ "_ZNSt13basic_f", "_Znwm", "C++ new" },
	{ "_ZNSt14basic_", "_Znwm", "C++ new" },
	{ "_ZNSt10filesystem", "_Znwm", "C++ new" },
	{ "_ZNSt3__112basic_string", "_Znwm", "C++ new" },
	{ "mallocx", "mallocx", "mallocx" },
	{ "rallocx", "rallocx", "rallocx" },
};

#define WAYS (sizeof(ways_around) / sizeof(ways_around[0]))

static void note_way(const char *symbol, void *seen)
{
	for (size_t i = 0; i < WAYS; i++)
		if (strncmp(symbol, ways_around[i].imported,
			    strlen(ways_around[i].imported)) == 0)
			*(unsigned *)seen |= 1u << i;
}

/* Imported first: a failed dlsym leaves a string, which the next one frees. */
static const char *way_around(void)
{
	struct object provider;
	unsigned seen = 0;

	object_find((void *)next.malloc, &provider);
	imports_each(note_way, &seen, &provider);
	for (size_t i = 0; i < WAYS; i++)
		if ((seen & 1u << i) &&
		    object_holds(&provider, dlsym(RTLD_DEFAULT, ways_around[i].symbol)))
			return ways_around[i].name;
	return NULL;
}

bool provider_may_be_passed(const struct provider_facts *facts, char *ret_reason)
{
	struct object provider;

	if (facts->coverage != COVERAGE_FULL || facts->inline_bytes)
		return false;
	object_find((void *)next.malloc, &provider);
	/* Not where libc is the provider: what is not found leaves an error. */
	if (object_holds(&provider, (void *)next.dlopen) ||
	    !object_holds(&provider, dlsym(RTLD_DEFAULT, "_Znwm")))
		return false;
	*ret_reason = '\0';
	append(ret_reason, sizeof(facts->reason), "C++ new may be served by ");
	append(ret_reason, sizeof(facts->reason), facts->name);
	return true;
}

/* The Go linker's mark: a note of that name in the executable. */
static bool has_go_note(const char *at, size_t bytes)
{
	while (bytes >= sizeof(ElfW(Nhdr))) {
		const ElfW(Nhdr) *note = (const void *)at;
		size_t name = (note->n_namesz + 3u) & ~3u;
		size_t length = sizeof(*note) + name +
				((note->n_descsz + 3u) & ~3u);

		if (length > bytes)
			return false;
		if (note->n_namesz == 4 && memcmp(note + 1, "Go\0", 4) == 0)
			return true;
		at += length;
		bytes -= length;
	}
	return false;
}

/* The first object is the executable; 1 ends the walk there. */
static int look_for_go(struct dl_phdr_info *info, size_t bytes, void *found)
{
	(void)bytes;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *header = &info->dlpi_phdr[i];

		if (header->p_type == PT_NOTE &&
		    has_go_note((const char *)(info->dlpi_addr + header->p_vaddr),
				header->p_memsz))
			*(bool *)found = true;
	}
	return 1;
}

static bool is_go_program(void)
{
	bool found = false;

	object_walk(look_for_go, &found);
	return found;
}

/* Sanitizers replace strdup and others by their own, which do not call malloc. */
static bool is_sanitizer(const char *name)
{
	static const char *const names[] = {
		"libasan", "libtsan", "libhwasan",
		/* clang's, where they are shared */
		"libclang_rt.asan", "libclang_rt.tsan", "libclang_rt.hwasan",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strncmp(name, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}

static void judge_provider(struct provider_facts *facts)
{
	const char *way;

	if (!next.malloc_usable_size) {
		set_coverage(facts, COVERAGE_PARTIAL, "no usable sizes from ",
			     facts->name);
	} else if (!facts->inline_bytes && (way = way_around())) {
		append(facts->reason, sizeof(facts->reason), way);
		set_coverage(facts, COVERAGE_PARTIAL, " is served by ", facts->name);
	} else if (is_sanitizer(facts->name)) {
		set_coverage(facts, COVERAGE_PARTIAL,
			     "strdup and others are served by ", facts->name);
	} else if (is_go_program()) {
		set_coverage(facts, COVERAGE_PARTIAL,
			     "Go's own heap is not malloc's", "");
	} else {
		facts->coverage = COVERAGE_FULL;
	}
}

static void judge_coverage(struct provider_facts *facts)
{
	static const struct {
		const char *name;
		enum coverage without;
	} watched[] = {
		{ "malloc", COVERAGE_NONE },
		{ "free", COVERAGE_NONE },
		{ "calloc", COVERAGE_PARTIAL },
		{ "realloc", COVERAGE_PARTIAL },
		{ "posix_memalign", COVERAGE_PARTIAL },
		{ "pthread_create", COVERAGE_PARTIAL },
	};
	struct object ours, theirs;

	object_find((void *)provider_examine, &ours);
	for (size_t i = 0; i < sizeof(watched) / sizeof(watched[0]); i++) {
		void *found = dlsym(RTLD_DEFAULT, watched[i].name);

		if (object_holds(&ours, found) || leads_elsewhere(found))
			continue;
		object_find(found, &theirs);
		append(facts->reason, sizeof(facts->reason), watched[i].name);
		set_coverage(facts, watched[i].without, " is defined by ",
			     theirs.name);
		return;
	}
	if (!canary_comes_back())
		set_coverage(facts, COVERAGE_NONE,
			     "calls of malloc are redirected past us", "");
	else
		judge_provider(facts);
}

/*
 * tcmalloc makes an object with new when it is first asked for a size, which
 * may come back to us: once, now, when nothing is counted. Nobody else is
 * asked, as a first malloc can be one too many: for mcheck(3), for one.
 */
static void ask_for_first_size(const char *provider)
{
	void *block;

	if (strncmp(provider, "libtcmalloc", 11) != 0 || !next.malloc_usable_size)
		return;
	block = next.malloc(1);
	if (block)
		next.malloc_usable_size(block);
	next.free(block);
}

void provider_examine(struct provider_facts *ret)
{
	memset(ret, 0, sizeof(*ret));
	name_provider(ret);
	ask_for_first_size(ret->name);
	judge_coverage(ret);
}
