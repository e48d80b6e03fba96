/* SPDX-License-Identifier: MIT */
/* File names of segments: what is written is what is read, nothing else. */
#include <limits.h>

#include "shm/segment_name.h"
#include "tests/unit/tap.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static const struct {
	const char *prefix;
	int pid;
	uint64_t starttime_ticks;
	int suffix;
	const char *name;
} good[] = {
	{ SEGMENT_PREFIX, 1, 0, -1, "heaptally.1.0" },
	{ SEGMENT_PREFIX, 4242, 987654321, -1, "heaptally.4242.987654321" },
	{ SEGMENT_PREFIX, 4242, 7, 0, "heaptally.4242.7.0000" },
	{ SEGMENT_PREFIX, 4242, 7, 0xbeef, "heaptally.4242.7.beef" },
	{ SEGMENT_PREFIX, 4242, 7, 0xf, "heaptally.4242.7.000f" },
	{ SEGMENT_PREFIX, 10, 100, 0xffff, "heaptally.10.100.ffff" },
	{ SEGMENT_PREFIX, INT_MAX, UINT64_MAX, 0xffff,
	  "heaptally.2147483647.18446744073709551615.ffff" },
	{ RUN_DIRECTORY_PREFIX, 31, 41, -1, "heaptally-run.31.41" },
	{ RUN_DIRECTORY_PREFIX, INT_MAX, UINT64_MAX, 0xffff,
	  "heaptally-run.2147483647.18446744073709551615.ffff" },
};

/* None of these can come out of segment_name_format(). */
static const char *const bad[] = {
	"",
	"heaptally",
	"heaptally.",
	"heaptally.1",
	"heaptally.1.",
	"heaptally..1",
	"heaptally...",
	"heaptally.1.2.",
	"heaptally.1.2.abc",
	"heaptally.1.2.abcde",
	"heaptally.1.2.abcg",
	"heaptally.1.2.ABCD",
	"heaptally.1.2.0x12",
	"heaptally.1.2.-001",
	"heaptally.1.2. 001",
	"heaptally.1.2.+001",
	"heaptally.1.2.3",
	"heaptally.1.2.abcd.",
	"heaptally.1.2.abcd.abcd",
	"heaptally.1.2abcd",
	"heaptally.1.2x",
	"heaptally.1x.2",
	"heaptally.x.2",
	"heaptally.1.x",
	"heaptally.1.2 ",
	"heaptally.1.2\n",
	"heaptally. 1.2",
	"heaptally.1. 2",
	"heaptally.\t1.2",
	"heaptally.-1.2",
	"heaptally.1.-2",
	"heaptally.+1.2",
	"heaptally.1.+2",
	"heaptally.01.2",
	"heaptally.0.2",
	"heaptally.1.02",
	"heaptally.1.00",
	"heaptally.0x1.2",
	"heaptally.1.0x2",
	"heaptally.2147483648.2",
	"heaptally.4294967297.2",
	"heaptally.18446744073709551617.2",
	"heaptally.1.18446744073709551616",
	"heaptally.1.99999999999999999999",
	"heaptally.1.184467440737095516150",
	"heaptally.99999999999999999999999999999999999999999999999.1",
	("heaptally.1.99999999999999999999999999999999999999999999999999999999"
	 "99999999999999999999999999999999999999999999999999999999999999999999"),
	"heaptally-run.1.2",
	"Heaptally.1.2",
	" heaptally.1.2",
	".heaptally.1.2",
	"heaptally_1.2",
	"1.2",
};

static void check_format(size_t i)
{
	char name[SEGMENT_NAME_BYTES + 1];
	size_t length;

	memset(name, '#', sizeof(name));
	length = segment_name_format(name, good[i].prefix, good[i].pid,
				     good[i].starttime_ticks, good[i].suffix);
	ok(memchr(name, '\0', SEGMENT_NAME_BYTES), "%s: terminated",
	   good[i].name);
	name[SEGMENT_NAME_BYTES] = '\0';
	is_str(name, good[i].name, "%s: formatted", good[i].name);
	is_u64(length, strlen(good[i].name), "%s: length", good[i].name);
}

static void check_parse(size_t i)
{
	int pid = -7;
	uint64_t starttime = 77;

	ok(segment_name_parse(good[i].name, good[i].prefix, &pid, &starttime),
	   "%s: parsed", good[i].name);
	is_u64((uint64_t)pid, (uint64_t)good[i].pid, "%s: pid", good[i].name);
	is_u64(starttime, good[i].starttime_ticks, "%s: start time",
	       good[i].name);
}

static void check_reject(const char *name, const char *prefix)
{
	int pid = -7;
	uint64_t starttime = 77;
	bool taken = segment_name_parse(name, prefix, &pid, &starttime);
	/* A newline would end the TAP line. */
	int shown = (int)strcspn(name, "\n");

	ok(!taken, "'%.*s' is not ours", shown, name);
	ok(pid == -7 && starttime == 77, "'%.*s': results untouched", shown,
	   name);
}

static void test_format(void)
{
	for (size_t i = 0; i < COUNT_OF(good); i++)
		check_format(i);
}

static void test_parse(void)
{
	for (size_t i = 0; i < COUNT_OF(good); i++)
		check_parse(i);
}

static void test_reject(void)
{
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		check_reject(bad[i], SEGMENT_PREFIX);
	check_reject("heaptally.1.2", RUN_DIRECTORY_PREFIX);
	check_reject("heaptally-run.1", RUN_DIRECTORY_PREFIX);
}

int main(void)
{
	RUN(test_format());
	RUN(test_parse());
	RUN(test_reject());
	return done();
}
