/* SPDX-License-Identifier: MIT */
/*
 * A field of dots, of which each character shows several: a braille pattern
 * 2 x 4, an ASCII character 1 x 2.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "reader/check/report_chart.h"
#include "reader/check/report_wording.h"
#include "reader/report.h"

#define WIDTH_MIN 16
#define WIDTH_MAX 100

struct raster {
	unsigned across, up;      /* dots of a character */
	unsigned width, height;   /* in characters */
	unsigned char *cells;     /* a bit for each dot; row 0 is the lowest */
};

static struct raster raster_new(bool utf8, unsigned width, unsigned height)
{
	struct raster r = {
		.across = utf8 ? 2 : 1, .up = utf8 ? 4 : 2,
		.width = width, .height = height,
	};

	r.cells = report_oom(calloc(width, height));
	return r;
}

static void raster_set(struct raster *r, unsigned x, unsigned y)
{
	/* The dots of a character by column, the lowest one first. */
	static const unsigned char braille[2][4] = {
		{ 0x40, 0x04, 0x02, 0x01 }, { 0x80, 0x20, 0x10, 0x08 },
	};
	unsigned cell = y / r->up * r->width + x / r->across;

	r->cells[cell] |= r->across == 2 ? braille[x % 2][y % 4] :
					   (unsigned char)(1u << y % 2);
}

/* Draws a column from `low` to `high`, and on to where the last one was. */
struct span {
	unsigned low, high;
};

static struct span joined(struct span s, struct span before)
{
	if (s.low > before.high + 1)
		s.low = before.high + 1;
	if (s.high + 1 < before.low)
		s.high = before.low - 1;
	return s;
}

static unsigned row_of(uint64_t value, struct chart_range range, unsigned rows)
{
	double share = ((double)value - range.low) / (range.high - range.low);
	double row = floor(fmin(fmax(share, 0), 1) * (rows - 1) + 0.5);

	return (unsigned)row;
}

/* A value holds until the next sample: an empty column shows the last one. */
static void raster_draw(struct raster *r, const struct check_series *s)
{
	unsigned columns = r->width * r->across, rows = r->height * r->up;
	struct chart_column *reduced =
		report_oom(calloc(columns, sizeof(*reduced)));
	struct chart_range range = chart_range(s);
	struct span last = { 0, rows };

	chart_reduce(s->points, s->count, reduced, columns);
	for (unsigned x = 0; x < columns; x++) {
		const struct chart_column *c = &reduced[x];
		struct span span = last;

		if (c->is_used) {
			span.low = row_of(c->low, range, rows);
			span.high = row_of(c->high, range, rows);
			span = joined(span, last);
			last.low = last.high = row_of(c->last, range, rows);
		}
		for (unsigned y = span.low; y <= span.high && y < rows; y++)
			raster_set(r, x, y);
	}
	free(reduced);
}

static void put_cell(const struct raster *r, unsigned char bits, FILE *out)
{
	if (r->across == 1)
		fputc(" .':"[bits], out);
	else if (!bits)
		fputc(' ', out);
	else
		fprintf(out, "\xe2%c%c", 0xa0 | bits >> 6,
			0x80 | (bits & 0x3f));
}

static void put_row(const struct raster *r, unsigned row, FILE *out)
{
	const unsigned char *cells = r->cells + (size_t)row * r->width;
	unsigned width = r->width;

	while (width > 0 && !cells[width - 1])
		width--;
	for (unsigned x = 0; x < width; x++)
		put_cell(r, cells[x], out);
}

/* ---- axes ---- */

static void put_dim(const struct check_text_style *style, bool on, FILE *out)
{
	if (style->color)
		fputs(on ? "\033[2m" : "\033[0m", out);
}

/* What was judged is a solid line, what was left out is dotted. */
static void put_axis(const struct check_series *s,
		     const struct check_text_style *style, unsigned width,
		     FILE *out)
{
	const struct trend_result *result = &s->result;
	double from = s->points[0].x;
	double each = (s->points[s->count - 1].x - from) / width;

	fputs(style->utf8 ? "└" : "+", out);
	for (unsigned i = 0; i < width; i++) {
		double x = from + each * (i + 0.5) - result->start;
		bool judged = result->bins && x >= 0 && x <= result->span;

		if (style->utf8)
			fputs(judged ? "─" : "┄", out);
		else
			fputc(judged ? '-' : '.', out);
	}
}

static void put_places(const struct check_series *s, bool by_iterations,
		       unsigned width, FILE *out)
{
	struct text from = wording_place(s->points[0].x, by_iterations);
	struct text to = wording_place(s->points[s->count - 1].x,
				       by_iterations);

	fprintf(out, "%s%*s", from.s,
		(int)width + 1 - (int)strlen(from.s), to.s);
}

static unsigned plot_width(const struct check_text_style *style, unsigned used)
{
	unsigned width = style->width > used ? style->width - used : 0;

	if (width < WIDTH_MIN)
		return WIDTH_MIN;
	return width < WIDTH_MAX ? width : WIDTH_MAX;
}

void chart_text(const struct check_series *s, bool by_iterations,
		const struct check_text_style *style, unsigned indent,
		unsigned height, FILE *out)
{
	struct chart_range range = chart_range(s);
	struct text high = wording_short(range.high, s->unit, false);
	struct text low = wording_short(range.low, s->unit, false);
	size_t label = strlen(high.s) > strlen(low.s) ? strlen(high.s) :
							strlen(low.s);
	struct raster r;

	if (s->count < 2)
		return;
	/* Behind a label come a space and the axis. */
	r = raster_new(style->utf8, plot_width(style, indent +
						      (unsigned)label + 2),
		       height);
	raster_draw(&r, s);
	for (unsigned row = height; row-- > 0; ) {
		const char *text = row == height - 1 ? high.s :
				   row == 0 ? low.s : "";

		put_dim(style, true, out);
		fprintf(out, "%*s%*s %s", (int)indent, "", (int)label, text,
			style->utf8 ? "│" : "|");
		put_dim(style, false, out);
		put_row(&r, row, out);
		fputc('\n', out);
	}
	put_dim(style, true, out);
	fprintf(out, "%*s", (int)indent + (int)label + 1, "");
	put_axis(s, style, r.width, out);
	fprintf(out, "\n%*s", (int)indent + (int)label + 1, "");
	put_places(s, by_iterations, r.width, out);
	put_dim(style, false, out);
	fputc('\n', out);
	free(r.cells);
}

void chart_spark(const struct check_series *s, unsigned width, FILE *out)
{
	struct raster r = raster_new(true, width, 1);

	raster_draw(&r, s);
	for (unsigned x = 0; x < width; x++)
		put_cell(&r, r.cells[x], out);
	free(r.cells);
}
