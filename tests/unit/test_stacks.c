/* SPDX-License-Identifier: MIT */
/* Stacks, from rows and from files of /proc that a test writes itself. */
#include <errno.h>
#include <sys/mman.h>

#include "reader/mappings.h"
#include "reader/pagemap.h"
#include "reader/sort.h"
#include "reader/stacks.h"
#include "tests/unit/fake_root.h"
#include "tests/unit/tap.h"

#define PAGE ((uint64_t)sysconf(_SC_PAGESIZE))

/* ---- mappings ---- */

#define GOOD "00400000-00401000 r-xp 00000000 fe:00 77      /bin/x y\n"

static void is_refused(const char *text, const char *what)
{
	struct mappings m = { .count = 7 };

	ok(!mappings_parse(&m, text) && m.count == 0, "refused: %s", what);
	mappings_release(&m);
}

static void test_lines(void)
{
	static const char text[] =
		GOOD
		"10000-20000 rw-p 00000000 00:00 0\n"; /* not by address */
	struct mappings m = { .all = NULL };

	is_refused(text, "out of order");
	is_refused("1000-2000 rw-p 0 00:00 0", "cut short");
	is_refused("1000-2000 rw-p 0 00:00\n", "no inode");
	is_refused("1000-2000 rw 0 00:00 0\n", "rights of two letters");
	is_refused("1000-1000 rw-p 0 00:00 0\n", "nothing");
	is_refused("2000-1000 rw-p 0 00:00 0\n", "less than nothing");
	is_refused("-1000-2000 rw-p 0 00:00 0\n", "a sign");
	is_refused(" 1000-2000 rw-p 0 00:00 0\n", "a blank");
	is_refused("0x1000-2000 rw-p 0 00:00 0\n", "a prefix");
	is_refused("1000-10000000000000000 rw-p 0 00:00 0\n", "65 bits");
	is_refused("no maps at all\n", "words");
	is_refused("\n", "an empty line");
	is_refused(GOOD GOOD, "twice the same");
	if (ok(mappings_parse(&m, ""), "an empty text")) {
		ok(!mappings_find(&m, 0), "has none");
		mappings_release(&m);
	}
}

static void test_kinds(void)
{
	static const char text[] =
		"1000-2000 ---p 00000000 00:00 0 \n"
		"2000-4000 rw-p 00000000 00:00 0                   [anon: x]\n"
		"4000-5000 rwxs 00000000 00:00 0\n"
		"5000-6000 rw-p 00000000 fe:00 09 /a\\012[stack]\n"
		"8000-9000 rw-p 00000000 00:00 0                   [stack]\n"
		"9000-a000 rw-p 00000000 00:00 0                   [stack]x\n"
		"fffffffffffff000-ffffffffffffffff --xp 0 00:00 0 [vsyscall]\n";
	struct mappings m = { .all = NULL };

	if (!ok(mappings_parse(&m, text), "kinds: parsed"))
		return;
	is_u64(m.count, 7, "kinds: all");
	ok(m.all[0].inaccessible && m.all[0].anonymous && !m.all[0].writable,
	   "a guard");
	ok(m.all[1].anonymous && m.all[1].writable && !m.all[1].inaccessible,
	   "memory with a name");
	ok(!m.all[2].anonymous && m.all[2].writable, "shared");
	ok(!m.all[3].anonymous && !m.all[3].is_main_stack, "a file");
	ok(m.all[4].is_main_stack, "the main stack");
	ok(!m.all[5].is_main_stack, "not the main stack");
	ok(!m.all[6].inaccessible, "what may run");
	ok(mappings_find(&m, 0x1000) == &m.all[0], "first byte");
	ok(mappings_find(&m, 0x1fff) == &m.all[0], "last byte");
	ok(!mappings_find(&m, 0xfff) && !mappings_find(&m, 0x6000) &&
	   !mappings_find(&m, UINT64_MAX), "holes");
	is_u64(mappings_writable_from(&m, 0x2800, 0x5800), 0x2800, "wanted");
	is_u64(mappings_writable_from(&m, 0, 0x5800), 0x2000, "to the guard");
	is_u64(mappings_writable_from(&m, 0, 0x9800), 0x8000, "to the hole");
	is_u64(mappings_writable_from(&m, 0, 0x1800), 0x1800, "in the guard");
	is_u64(mappings_writable_from(&m, 0, 0x7000), 0x7000, "in the hole");
	mappings_release(&m);
}

/* ---- stacks ---- */

/*
 * Three stacks behind guards with 4, 8 and 16 pages, without a gap, the main
 * one, and memory of the program.
 */
static const char *const layout[] = {
	"---p", "rw-p", "---p", "rw-p", "---p", "rw-p",
};

static const unsigned layout_pages[] = { 1, 4, 1, 8, 1, 16 };

#define FIRST_PAGE 16
#define MAIN_PAGE  64
#define MAIN_PAGES 33
#define OWN_PAGE   128
#define OWN_PAGES  10
#define PAGES_MAX  256

static uint64_t low_of[3], high_of[3]; /* of the three */

static void fake_maps(void)
{
	uint64_t at = FIRST_PAGE * PAGE;
	char text[2048] = "";

	for (size_t i = 0; i < 6; i++) {
		uint64_t end = at + layout_pages[i] * PAGE;

		snprintf(text + strlen(text), sizeof(text) - strlen(text),
			 "%llx-%llx %s 00000000 00:00 0 \n",
			 (unsigned long long)at, (unsigned long long)end,
			 layout[i]);
		low_of[i / 2] = at;
		high_of[i / 2] = at = end;
	}
	snprintf(text + strlen(text), sizeof(text) - strlen(text),
		 "%llx-%llx rw-p 00000000 00:00 0     [stack]\n"
		 "%llx-%llx rw-p 00000000 fe:00 77    /bin/x\n",
		 (unsigned long long)(MAIN_PAGE * PAGE),
		 (unsigned long long)((MAIN_PAGE + MAIN_PAGES) * PAGE),
		 (unsigned long long)(OWN_PAGE * PAGE),
		 (unsigned long long)((OWN_PAGE + OWN_PAGES) * PAGE));
	fake_process("maps", text);
}

/* Every other page is there; written as bytes, of which many are zeros. */
static void fake_pagemap(size_t pages)
{
	uint64_t entries[PAGES_MAX];
	char path[256];
	FILE *file;

	for (size_t i = 0; i < PAGES_MAX; i++)
		entries[i] = i % 2 ? 1ULL << 63 | i : 1ULL << 62;
	snprintf(path, sizeof(path), "%s/proc/42/pagemap", fake.path);
	file = fopen(path, "we");
	if (!file || fwrite(entries, 8, pages, file) != pages ||
	    fclose(file) != 0)
		sandbox_fail(path);
}

#define ROWS 6
static struct thread_row row[ROWS];
static struct thread_rows rows;

/* The main thread, two more, and one ended. */
static void fake_rows(void)
{
	fake_root();
	fake_maps();
	fake_pagemap(PAGES_MAX);
	memset(row, 0, sizeof(row));
	rows = (struct thread_rows){ .rows = row, .count = 4, .alive = 3 };
	row[0] = (struct thread_row){ .is_alive = true, .tid = 42,
				      .stack_address = (MAIN_PAGE + 30) * PAGE };
	row[1] = (struct thread_row){ .is_alive = true, .tid = 43,
				      .stack_low = low_of[0],
				      .stack_high = high_of[0] };
	row[2] = (struct thread_row){ .is_alive = true,
				      .stack_low = low_of[1] + 100,
				      .stack_high = high_of[1] - 100 };
	row[3] = (struct thread_row){ .stack_low = low_of[2],
				      .stack_high = high_of[2] };
}

static struct procfile room;
static struct stacks stacks; /* whose memory all looks share */

static struct stacks look(void)
{
	ok(stacks_read(&stacks, &room, fake.process_fd, &rows, 42),
	   "stacks are read");
	return stacks;
}

static void is_stack(const struct stacks *s, size_t i, unsigned pages,
		     unsigned resident_pages, const char *what)
{
	ok(s->of[i].is_known && s->of[i].is_resident_known, "%s: known", what);
	is_u64(s->of[i].reserved_bytes, pages * PAGE, "%s: reserved", what);
	is_u64(s->of[i].resident_bytes, resident_pages * PAGE, "%s: resident",
	       what);
}

static void test_sums(void)
{
	struct snapshot snapshot = { .count = 0 };
	struct stacks s;

	fake_rows();
	s = look();
	is_stack(&s, 0, MAIN_PAGES, MAIN_PAGES / 2, "main");
	is_stack(&s, 1, 4, 2, "aligned");
	is_stack(&s, 2, 8, 4, "in parts of pages");
	ok(s.is_complete && s.is_resident_known, "all are known");
	is_u64(s.reserved_bytes, (MAIN_PAGES + 12) * PAGE, "reserved");
	is_u64(s.resident_bytes, (MAIN_PAGES / 2 + 6) * PAGE, "resident");
	is_u64(s.cached_bytes, 8 * PAGE, "cached");
	stacks_add(&snapshot, &s);
	is_u64(snapshot.count, 3, "three values");
	is_u64(snapshot_u64(&snapshot, METRIC_THREADS_STACK_CACHED_BYTES),
	       8 * PAGE, "one of them");
}

/* What makes the sum of no thread's stack: nothing is added then. */
static void is_incomplete(const char *what)
{
	struct snapshot snapshot = { .count = 0 };
	struct stacks s = look();

	ok(!s.is_complete, "not complete: %s", what);
	stacks_add(&snapshot, &s);
	is_u64(snapshot.count, 0, "no value: %s", what);
}

static void test_incomplete(void)
{
	fake_rows();
	rows.without_row = 1;
	is_incomplete("a thread without a row");
	fake_rows();
	rows.unknown = 1;
	is_incomplete("a row half written");
	fake_rows();
	rows.count = rows.alive = 0;
	is_incomplete("no rows");
	fake_rows();
	row[1].stack_high = row[1].stack_low = 0;
	is_incomplete("no address");
	fake_rows();
	row[0].tid = 41;
	is_incomplete("not the first thread on the main stack");
	fake_rows();
	row[0].stack_address = low_of[0];
	is_incomplete("the first thread elsewhere");
	fake_rows();
	row[1].stack_high = low_of[0] - 1;
	is_incomplete("ends before it begins");
	fake_rows();
	row[1].stack_high = UINT64_MAX;
	is_incomplete("no end");
	fake_rows();
	row[1].stack_high = OWN_PAGE * PAGE * 4;
	is_incomplete("in a hole");
	fake_rows();
	row[1].stack_low = low_of[1];
	row[1].stack_high = high_of[1];
	is_incomplete("two on one");
	fake_rows();
	fake_process("maps", "rubbish\n");
	is_incomplete("no map");
	fake_rows();
	unlinkat(fake.process_fd, "maps", 0);
	is_incomplete("no file of it");
	is_u64((uint64_t)stacks.maps_error, ENOENT, "no file of it: said");
}

/* From an older libc the guard is a part of it; a program may close one. */
static void test_guard_inside(void)
{
	struct stacks s;

	fake_rows();
	row[1].stack_low = low_of[0] - PAGE;
	s = look();
	is_stack(&s, 1, 4, 2, "guard inside");
	ok(s.is_complete, "guard inside: complete");
}

static void test_given(void)
{
	struct stacks s;

	fake_rows();
	row[1].stack_given = true;
	row[1].stack_low = (OWN_PAGE + 2) * PAGE + 48;
	row[1].stack_high = (OWN_PAGE + 6) * PAGE - 16;
	s = look();
	is_stack(&s, 1, 4, 2, "given");
	ok(s.is_complete, "given: complete");
}

static void test_no_pagemap(void)
{
	struct snapshot snapshot = { .count = 0 };
	struct stacks s;

	fake_rows();
	unlinkat(fake.process_fd, "pagemap", 0);
	s = look();
	ok(s.is_complete && !s.is_resident_known, "no pagemap: reserved alone");
	ok(s.of[1].is_known && !s.of[1].is_resident_known, "no pagemap: rows");
	is_u64((uint64_t)s.pagemap_error, ENOENT, "no pagemap: said");
	stacks_add(&snapshot, &s);
	is_u64(snapshot.count, 1, "no pagemap: one value");
	fake_rows();
	fake_pagemap(FIRST_PAGE + 3);
	s = look();
	ok(!s.is_resident_known && !s.of[1].is_resident_known,
	   "a pagemap cut short");
}

static uint64_t cached(void)
{
	struct stacks s = look();
	uint64_t bytes = s.cached_bytes;

	ok(s.is_complete && s.is_resident_known, "complete");
	return bytes;
}

static void test_cached(void)
{
	fake_rows();
	rows.count = 5;
	row[4] = row[3];
	is_u64(cached(), 8 * PAGE, "cached: once");
	fake_rows();
	row[3].stack_given = true;
	is_u64(cached(), 0, "cached: not what was given");
	fake_rows();
	row[3].stack_low += PAGE;
	is_u64(cached(), 0, "cached: not without its guard");
	fake_rows();
	row[3].stack_low = low_of[1];
	row[3].stack_high = high_of[1];
	is_u64(cached(), 0, "cached: not what is in use");
	fake_rows();
	row[3].stack_low = OWN_PAGE * PAGE;
	row[3].stack_high = (OWN_PAGE + 4) * PAGE;
	is_u64(cached(), 0, "cached: not a file");
	fake_rows();
	row[3].stack_high = UINT64_MAX - 1;
	is_u64(cached(), 0, "cached: not what cannot be");
}

/* However many rows claim however much. */
static void test_bounded(void)
{
	char text[128];
	struct stacks s;

	fake_rows();
	snprintf(text, sizeof(text), "0-7ffffffff000 rw-p 00000000 00:00 0 \n");
	fake_process("maps", text);
	row[0].stack_high = row[1].stack_high = row[2].stack_high =
		0x7ffffffff000;
	row[1].stack_low = row[2].stack_low = 0;
	s = look();
	ok(!s.is_complete && !s.is_resident_known, "bounded: not looked at");
	is_u64((uint64_t)s.pagemap_error, EFBIG, "bounded: said");
	is_u64(s.of[1].reserved_bytes, 0x7ffffffff000, "bounded: but known");
}

/* ---- our own memory ---- */

static void test_own_pages(void)
{
	size_t pages = 10000;
	char *memory = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t low = (uintptr_t)memory, bytes = 99;

	if (fd < 0 || memory == MAP_FAILED) {
		skip("no pagemap", "own pages");
		return;
	}
	ok(pagemap_resident(fd, low, low + pages * PAGE, &bytes) && bytes == 0,
	   "none is there");
	/* Each apart from the next: more stretches than are told at once. */
	for (size_t i = 0; i < pages; i += 3)
		memory[i * PAGE] = 1;
	ok(pagemap_resident(fd, low, low + pages * PAGE, &bytes), "told");
	is_u64(bytes, (pages + 2) / 3 * PAGE, "every third");
	is_u64(pagemap_resident(fd, low, low + PAGE, &bytes) ? bytes : 0, PAGE,
	       "one");
	munmap(memory, pages * PAGE);
	close(fd);
}

/* ---- sorting ---- */

#define ITEMS_MAX 300

static int compare_ints(const void *a, const void *b)
{
	int one = *(const int *)a, other = *(const int *)b;

	return one < other ? -1 : one > other;
}

static bool sorts(int (*number)(size_t i), size_t count)
{
	int items[ITEMS_MAX + 1], same[ITEMS_MAX + 1];

	for (size_t i = 0; i < count; i++)
		items[i] = same[i] = number(i);
	items[count] = same[count] = -1;
	sort_items(items, count, sizeof(*items), compare_ints);
	qsort(same, count, sizeof(*same), compare_ints);
	return memcmp(items, same, (count + 1) * sizeof(*items)) == 0;
}

static int rising(size_t i)
{
	return (int)i;
}

static int falling(size_t i)
{
	return ITEMS_MAX - (int)i;
}

static int mixed(size_t i)
{
	return (int)(i * 2654435761u % 97);
}

static void test_sorting(void)
{
	unsigned good = 0;

	for (size_t count = 0; count <= ITEMS_MAX; count++)
		good += sorts(rising, count) && sorts(falling, count) &&
			sorts(mixed, count);
	is_u64(good, ITEMS_MAX + 1, "sorted as qsort() does");
}

int main(void)
{
	sandbox_init();
	alarm(300);
	if (procfile_init(&room) != 0)
		sandbox_fail("memory");
	RUN(test_lines());
	RUN(test_kinds());
	RUN(test_sums());
	RUN(test_incomplete());
	RUN(test_guard_inside());
	RUN(test_given());
	RUN(test_no_pagemap());
	RUN(test_cached());
	RUN(test_bounded());
	RUN(test_own_pages());
	RUN(test_sorting());
	stacks_release(&stacks);
	procfile_release(&room);
	return done();
}
