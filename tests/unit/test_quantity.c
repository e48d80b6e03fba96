/* SPDX-License-Identifier: MIT */
/* Amounts as people write them, and what is none. */
#include <string.h>

#include "reader/quantity.h"
#include "tests/unit/tap.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void test_bytes(void)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} rows[] = {
		{ "0", 0 }, { "4096", 4096 }, { "1B", 1 }, { "64K", 65536 },
		{ "64KiB", 65536 }, { "64kB", 64000 }, { "1.5G", 1610612736 },
		{ "1 MiB", 1 << 20 }, { "2MB", 2000000 }, { ".5K", 512 },
		{ "1m", 1 << 20 }, { "1e3", 1000 }, { "3TiB", 3ULL << 40 },
	};
	static const char *const wrong[] = {
		"", "-1", "+1", "K", "1X", "1KK", "1Ki", "0x10", "inf", "nan",
		"1e30", "8388608T", " 1", "1 ", "1/s",
	};
	uint64_t bytes;

	for (size_t i = 0; i < COUNT(rows); i++)
		ok(quantity_bytes(rows[i].text, &bytes) &&
		   bytes == rows[i].bytes, "%s", rows[i].text);
	for (size_t i = 0; i < COUNT(wrong); i++) {
		bool is_blank = strcmp(wrong[i], "1 ") == 0;

		bytes = 7;
		/* Spaces behind the number stand before an empty unit. */
		ok(quantity_bytes(wrong[i], &bytes) == is_blank &&
		   bytes == (is_blank ? 1 : 7), "not '%s'", wrong[i]);
	}
}

static void test_seconds(void)
{
	double seconds = 0;

	ok(quantity_seconds("90", &seconds) && seconds == 90, "90");
	ok(quantity_seconds("0.5s", &seconds) && seconds == 0.5, "0.5s");
	ok(quantity_seconds("10m", &seconds) && seconds == 600, "10m");
	ok(quantity_seconds("8h", &seconds) && seconds == 28800, "8h");
	ok(quantity_seconds("31d", &seconds) && seconds == 2678400, "31d");
	ok(!quantity_seconds("32d", &seconds), "not 32d");
	ok(!quantity_seconds("1y", &seconds), "not 1y");
}

static void test_percent(void)
{
	double percent = 0;

	ok(quantity_percent("99", &percent) && percent == 99, "99");
	ok(quantity_percent("99.5%", &percent) && percent == 99.5, "99.5%%");
	ok(!quantity_percent("0", &percent), "not 0");
	ok(!quantity_percent("5K", &percent), "not 5K");
}

static void test_rates(void)
{
	static const struct {
		const char *text;
		enum check_series_id series;
		enum check_per per;
		double amount;
	} rows[] = {
		{ "1MiB/h", CHECK_LIVE_BYTES, CHECK_PER_HOUR, 1 << 20 },
		{ "16/iteration", CHECK_LIVE_BYTES, CHECK_PER_ITERATION, 16 },
		{ "2.5K/second", CHECK_LIVE_BYTES, CHECK_PER_SECOND, 2560 },
		{ "100objects/s", CHECK_LIVE_OBJECTS, CHECK_PER_SECOND, 100 },
		{ "1 thread/day", CHECK_THREADS, CHECK_PER_DAY, 1 },
		{ "0.1Threads/D", CHECK_THREADS, CHECK_PER_DAY, 0.1 },
	};
	static const char *const wrong[] = {
		"", "1MiB", "1MiB/", "/h", "1/fortnight", "1apples/h",
		"objects/h", "-1/h", "1/h/h", "1Mobjects/h",
	};
	struct check_max_growth max;
	enum check_series_id id;

	for (size_t i = 0; i < COUNT(rows); i++)
		ok(quantity_rate(rows[i].text, &max, &id) && max.is_set &&
		   id == rows[i].series && max.per == rows[i].per &&
		   max.amount == rows[i].amount, "%s", rows[i].text);
	for (size_t i = 0; i < COUNT(wrong); i++)
		ok(!quantity_rate(wrong[i], &max, &id), "not '%s'", wrong[i]);
}

int main(void)
{
	RUN(test_bytes());
	RUN(test_seconds());
	RUN(test_percent());
	RUN(test_rates());
	return done();
}
