/* SPDX-License-Identifier: MIT */
#include "reader/check/report_chart.h"
#include "reader/format.h"
#include "tests/unit/own_report.h"
#include "tests/unit/tap.h"

#define POINTS 10000

static struct trend_point points[POINTS];

static uint64_t noise(uint64_t i)
{
	i = (i ^ 0x9e3779b97f4a7c15ULL) * 0xbf58476d1ce4e5b9ULL;
	return i >> 40;
}

static void make_points(void)
{
	for (size_t i = 0; i < POINTS; i++) {
		points[i].x = (double)i;
		points[i].y = noise(i);
	}
}

/* Nothing gets lost: each point lies within the extremes of its column. */
static void test_reduce(void)
{
	struct chart_column columns[37];
	size_t outside = 0, used = 0;

	chart_reduce(points, POINTS, columns, 37);
	for (size_t i = 0; i < POINTS; i++) {
		size_t column = (size_t)(points[i].x / (POINTS - 1) * 37);
		const struct chart_column *c =
			&columns[column < 37 ? column : 36];

		outside += !c->is_used || points[i].y < c->low ||
			   points[i].y > c->high;
	}
	for (size_t i = 0; i < 37; i++)
		used += columns[i].is_used;
	is_u64(outside, 0, "no point lies outside");
	is_u64(used, 37, "every column is used");
	is_u64(columns[36].last, points[POINTS - 1].y, "the last value");
	ok(columns[36].x == POINTS - 1, "and where it is");
}

static void test_reduce_edges(void)
{
	const struct trend_point same[] = { { 5, 1 }, { 5, 9 }, { 5, 4 } };
	struct chart_column columns[4];

	chart_reduce(same, 3, columns, 4);
	ok(columns[0].is_used && !columns[1].is_used, "x does not change");
	is_u64(columns[0].low, 1, "lowest");
	is_u64(columns[0].high, 9, "highest");
	is_u64(columns[0].last, 4, "last");
	chart_reduce(same, 0, columns, 4);
	ok(!columns[0].is_used, "no point at all");
	chart_reduce((const struct trend_point[]){ { 0, 7 }, { 9, 8 } }, 2,
		     columns, 4);
	ok(columns[0].is_used && !columns[1].is_used && !columns[2].is_used &&
	   columns[3].is_used, "the ends are in the outer columns");
}

static void test_range(void)
{
	const struct {
		uint64_t lowest, highest;
	} rows[] = {
		{ 0, 0 }, { 1, 1 }, { 1000, 1000 }, { 100, 900 },
		{ 0, UINT64_MAX }, { UINT64_MAX, UINT64_MAX },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct check_series s = { .lowest = rows[i].lowest,
					  .highest = rows[i].highest };
		struct chart_range r = chart_range(&s);

		ok(r.high > r.low && r.low >= 0 &&
		   r.low <= (double)s.lowest && r.high >= (double)s.highest,
		   "%" PRIu64 " to %" PRIu64 ": %g to %g", s.lowest,
		   s.highest, r.low, r.high);
		ok(r.high - r.low >= 0.0999 * (double)s.highest,
		   "at least a tenth");
	}
}

/* ---- with characters ---- */

static char *drawn(const struct check_series *s, unsigned width, bool utf8)
{
	const struct check_text_style style = { width, utf8, false };
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	chart_text(s, false, &style, 4, 6, out);
	fclose(out);
	return text;
}

static size_t columns_of(const char *line, const char *end)
{
	size_t columns = 0;

	while (line < end) {
		uint32_t code;
		unsigned length = format_utf8(line, &code);

		line += length ? length : 1;
		columns++;
	}
	return columns;
}

static void fits(const char *text, size_t width, size_t rows)
{
	size_t lines = 0, widest = 0;

	for (const char *end; (end = strchr(text, '\n')); text = end + 1) {
		size_t columns = columns_of(text, end);

		widest = columns > widest ? columns : widest;
		lines++;
	}
	is_u64(lines, rows, "lines");
	ok(widest <= width, "%zu columns of %zu", widest, width);
}

static void test_text(void)
{
	static struct own_report o;
	const struct check_series *s;
	char *text;

	own_report_new(&o);
	s = &own_process(&o, "srv", OWN_LINEAR)->series[CHECK_LIVE_BYTES];
	own_judge(&o);
	for (unsigned width = 40; width <= 120; width += 20) {
		text = drawn(s, width, true);
		fits(text, width, 8);
		free(text);
	}
	text = drawn(s, 1, true);
	ok(own_count(text, "\n") == 8, "a width that is too small");
	free(text);
	text = drawn(s, 80, false);
	for (const char *c = text; *c; c++)
		if (*c & 0x80) {
			ok(false, "not ASCII: %s", c);
			break;
		}
	fits(text, 80, 8);
	ok(strstr(text, "23.9 MiB |"), "the highest value");
	ok(strstr(text, "8.0 MiB |."), "the lowest value, at the start");
	ok(strstr(text, "+..") && strstr(text, "---"), "what was judged");
	free(text);
	own_report_release(&o);
}

/* A line that rises ends in the top row and starts in the lowest. */
static void test_direction(void)
{
	struct trend_point rising[40];
	struct check_series s = {
		.unit = "threads", .count = 40, .points = rising, .lowest = 0,
		.highest = 390,
	};
	char *text;

	for (size_t i = 0; i < 40; i++)
		rising[i] = (struct trend_point){ (double)i, i * 10 };
	text = drawn(&s, 40, false);
	ok(strncmp(text, "    390 |", 9) == 0, "the top has the highest");
	ok(text[strcspn(text, "\n") - 1] == '\'', "and the end: %s", text);
	free(text);
}

static void test_few(void)
{
	const struct trend_point one = { 1, UINT64_MAX };
	const struct trend_point two[] = { { 0, 0 }, { 1e9, UINT64_MAX } };
	struct check_series s = { .unit = "bytes", .count = 0 };
	char *text = drawn(&s, 80, true);

	is_str(text, "", "no sample");
	free(text);
	s.count = 1;
	s.points = &one;
	text = drawn(&s, 80, true);
	is_str(text, "", "one sample");
	free(text);
	s.count = 2;
	s.points = two;
	s.highest = UINT64_MAX;
	text = drawn(&s, 80, true);
	ok(strstr(text, "16.0 EiB"), "two, as far apart as can be: %s", text);
	free(text);
}

int main(void)
{
	make_points();
	RUN(test_reduce());
	RUN(test_reduce_edges());
	RUN(test_range());
	RUN(test_text());
	RUN(test_direction());
	RUN(test_few());
	return done();
}
