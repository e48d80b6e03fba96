/* SPDX-License-Identifier: MIT */
/*
 * Makes the golden segments, which every later reader has to read:
 *
 *	build/tests/make_golden DIRECTORY
 *
 * abi1.segment   what the first version wrote: the final state of a process,
 *                with a header that ends where that of today goes on
 * abi2.segment   what a newer writer might: abi 2 that a reader of abi 1 may
 *                read, with a larger header and larger rows and slots, and
 *                with metrics, scopes, kinds and units that are not known yet
 *
 * The layout is written out here as it was when abi 1 was frozen, byte by
 * byte, and on purpose not taken from shm/: a change of ours must not change
 * what old writers wrote. So the files never change, and are checked in; a
 * test compares. For a new abi add a file, and never touch the others. Little
 * endian; page size 4096; the same bytes on every machine.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE  4096
#define SLOTS 10 /* 8 of overflow, 2 of threads */

/* How a version lays things out. */
struct format {
	unsigned abi, abi_compat;
	unsigned header_bytes;
	unsigned row_bytes;    /* of the table of metrics, at page 2 */
	unsigned slot_bytes;   /* at page 4 */
	bool newer;            /* with what abi 1 does not know */
};

struct row {
	unsigned id, kind, unit, scope, offset, operand[2];
	const char *key, *brief;
};

static const struct row abi1_rows[] = {
	{ 1, 2, 1, 3, 800, { 5, 7 }, "/heap/live:bytes",
	  "usable bytes allocated and not freed" },
	{ 2, 2, 2, 3, 792, { 6, 8 }, "/heap/live:objects",
	  "blocks allocated and not freed" },
	{ 3, 3, 1, 4, 648, { 1, 0 }, "/heap/peak:bytes",
	  "highest live bytes since the start" },
	{ 4, 3, 1, 2, 656, { 0, 0 }, "/heap/peak/slack:bytes",
	  "largest possible error of the peak" },
	{ 5, 1, 1, 1, 0, { 0, 0 }, "/heap/allocs:bytes",
	  "usable bytes ever allocated" },
	{ 6, 1, 2, 7, 0, { 20, 0 }, "/heap/allocs:objects",
	  "successful allocations" },
	{ 7, 1, 1, 1, 8, { 0, 0 }, "/heap/frees:bytes",
	  "usable bytes ever freed" },
	{ 8, 1, 2, 7, 0, { 21, 0 }, "/heap/frees:objects",
	  "blocks freed" },
	{ 9, 1, 4, 1, 16, { 0, 0 }, "/heap/reallocs:calls",
	  "successful reallocs of an existing block" },
	{ 10, 1, 4, 1, 24, { 0, 0 }, "/heap/alloc-failures:calls",
	  "allocation requests that failed" },
	{ 11, 1, 2, 1, 48, { 0, 0 }, "/heap/foreign-frees:objects",
	  "frees recognised as never counted" },
	{ 20, 4, 1, 6, 640, { 48, 3 }, "/heap/allocs-by-size:bytes",
	  "allocations by usable size" },
	{ 21, 4, 1, 6, 256, { 48, 3 }, "/heap/frees-by-size:bytes",
	  "frees by usable size" },
	{ 12, 2, 3, 3, 784, { 14, 15 }, "/threads/live:threads",
	  "threads alive, the main thread included" },
	{ 13, 3, 3, 4, 776, { 12, 0 }, "/threads/peak:threads",
	  "most threads alive at one time" },
	{ 14, 1, 3, 1, 32, { 0, 0 }, "/threads/started:threads",
	  "threads started, without the main thread" },
	{ 15, 1, 3, 1, 40, { 0, 0 }, "/threads/exited:threads",
	  "threads ended" },
};

/* Kinds, units and scopes from 70 on are no one's; so are these ids. */
static const struct row newer_rows[] = {
	{ 900, 1, 4, 1, 1024, { 0, 0 }, "/new/in-slot:calls",
	  "a counter behind the slot of abi 1" },
	{ 901, 2, 1, 2, 1664, { 0, 0 }, "/new/in-header:bytes",
	  "a gauge behind the header of today" },
	{ 902, 1, 2, 70, 0, { 1, 2 }, "/new/scope:objects",
	  "of a scope that is not known" },
	{ 903, 2, 71, 2, 1672, { 0, 0 }, "/new/unit:furlongs",
	  "of a unit that is not known" },
	{ 904, 72, 1, 2, 1680, { 0, 0 }, "/new/kind:bytes",
	  "of a kind that is not known" },
	{ 905, 1, 2, 1, 8192, { 0, 0 }, "/new/outside:objects",
	  "where there is no slot" },
};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static unsigned char image[8 * PAGE];

static void put(size_t at, uint64_t value, unsigned width_bytes)
{
	for (unsigned i = 0; i < width_bytes; i++)
		image[at + i] = (unsigned char)(value >> 8 * i);
}

static void put_text(size_t at, const char *text)
{
	memcpy(image + at, text, strlen(text));
}

static void put_section(size_t at, uint64_t offset, unsigned count,
			unsigned stride)
{
	put(at, offset, 8);
	put(at + 8, count, 4);
	put(at + 12, stride, 4);
}

static void put_shape(const struct format *f, size_t file_bytes, size_t rows)
{
	put(0, 0x01594c5450414548, 8); /* "HEAPTLY\1" */
	put(8, 0x01020304, 4);         /* byte order */
	put(12, f->abi, 2);
	put(14, f->abi_compat, 2);
	put(16, f->header_bytes, 4);
	put(20, 2, 4);                 /* final: it went through exit() */
	put(24, file_bytes, 8);
	put(32, 1, 4);                 /* liveness is the file lock */
	put(92, PAGE, 4);
	put_section(384, 2 * PAGE, (unsigned)rows, f->row_bytes);
	put_section(400, 4 * PAGE, SLOTS, f->slot_bytes);
	put_section(432, PAGE, 1, 24); /* control */
}

static void put_identity(void)
{
	put(36, 2147483632, 4);        /* a pid that no process has */
	put(40, 4711, 8);              /* start time, ticks */
	put(48, 1, 8);                 /* inode of the pid namespace */
	put(56, 0, 4);                 /* uid */
	put(60, 4242, 4);              /* parent */
	for (unsigned i = 0; i < 16; i++)
		image[64 + i] = (unsigned char)(0x11 * i);
	put(88, 3, 4);                 /* earlier programs of the process */
	put(96, 1767225600000000000, 8); /* 2026-01-01T00:00:00Z */
	put(104, 1000000000, 8);
	put_text(112, "golden");
	put_text(128, "/usr/bin/golden");
	put_text(256, "glibc 2.36");
	put(304, 1, 4);                /* coverage: partial */
	put_text(312, "as gold has it");
}

static void put_header_words(void)
{
	put(512, SLOTS, 4);            /* committed */
	put(516, SLOTS, 4);            /* used */
	put(520, 8, 4);                /* of overflow */
	put(648, 12345, 8);            /* peak bytes */
	put(656, 64, 8);               /* and their slack */
	put(768, 6, 8);                /* threads now */
	put(776, 9, 8);                /* most at a time */
	put(784, 1, 8);                /* the main thread */
	put(792, 7, 8);                /* objects inherited at fork */
	put(800, 700, 8);              /* and bytes */
}

static void put_row(size_t at, const struct row *r)
{
	put(at, r->id, 2);
	put(at + 2, r->kind, 1);
	put(at + 3, r->unit, 1);
	put(at + 4, r->scope, 1);
	put(at + 8, r->offset, 4);
	put(at + 12, r->operand[0], 2);
	put(at + 14, r->operand[1], 2);
	put_text(at + 24, r->key);
	put_text(at + 64, r->brief);
}

/* Those of slot i differ from those of all others. */
static void put_slot(size_t at, unsigned i)
{
	put(at, 1000 + i, 8);          /* allocated bytes */
	put(at + 8, 100 + i, 8);       /* freed */
	put(at + 16, 1 + i, 8);        /* reallocs */
	put(at + 24, i, 8);            /* failures */
	put(at + 32, i, 8);            /* threads started */
	put(at + 40, i == 9 ? 40 : 0, 8); /* and ended */
	put(at + 48, 2, 8);            /* foreign frees */
	put(at + 128, 2, 4);           /* sequence: even, at rest */
	put(at + 132, 5000 + i, 4);    /* tid */
	put_text(at + 168, "golden");
	put(at + 256 + 8 * 2, 3 + i, 8);  /* frees of up to 32 bytes */
	put(at + 640 + 8 * 2, 4 + i, 8);  /* allocs of up to 32 bytes */
	put(at + 640 + 8 * 10, 6, 8);     /* and of up to 8192 */
}

static void put_newer(const struct format *f)
{
	put(1664, 424242, 8);
	put(1672, 8, 8);
	put(1680, 9, 8);
	for (unsigned i = 0; i < SLOTS; i++)
		put(4 * PAGE + i * f->slot_bytes + 1024, 5, 8);
}

/* Returns the length of the file. */
static size_t make(const struct format *f)
{
	size_t rows = COUNT_OF(abi1_rows);
	size_t length = 4 * PAGE +
			(SLOTS * f->slot_bytes + PAGE - 1) / PAGE * PAGE;

	memset(image, 0, sizeof(image));
	for (size_t i = 0; i < rows; i++)
		put_row(2 * PAGE + i * f->row_bytes, &abi1_rows[i]);
	for (size_t i = 0; f->newer && i < COUNT_OF(newer_rows); i++)
		put_row(2 * PAGE + rows++ * f->row_bytes, &newer_rows[i]);
	put_shape(f, length, rows);
	put_identity();
	put_header_words();
	for (unsigned i = 0; i < SLOTS; i++)
		put_slot(4 * PAGE + i * f->slot_bytes, i);
	if (f->newer)
		put_newer(f);
	return length;
}

static bool write_file(const char *directory, const char *name, size_t length)
{
	char path[4096];
	FILE *file;
	bool good;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	file = fopen(path, "we");
	good = file && fwrite(image, 1, length, file) == length;
	if (file && fclose(file) != 0)
		good = false;
	if (!good)
		fprintf(stderr, "make_golden: %s: '%s'\n", strerror(errno),
			path);
	return good;
}

int main(int argc, char **argv)
{
	static const struct format abi1 = { 1, 1, 896, 128, 1024, false };
	static const struct format abi2 = { 2, 1, 2048, 192, 1536, true };

	if (argc != 2) {
		fprintf(stderr, "usage: make_golden DIRECTORY\n");
		return 2;
	}
	return !(write_file(argv[1], "abi1.segment", make(&abi1)) &&
		 write_file(argv[1], "abi2.segment", make(&abi2)));
}
