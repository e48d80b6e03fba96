/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "reader/check/report_chart.h"
#include "reader/check/report_escape.h"
#include "reader/check/report_wording.h"
#include "reader/report.h"

#define WIDTH     720
#define HEIGHT    220
#define LEFT      84 /* of the plot: labels */
#define RIGHT     16
#define TOP       12
#define BOTTOM    32
#define COLUMNS   310
#define TICKS     4   /* about that many on an axis */
#define TICKS_MAX 12
#define MARKS_MAX 200

struct plot {
	const struct check_series *s;
	bool by_iterations;
	unsigned number;
	double x_low, x_high, y_low, y_high; /* at the edges */
	FILE *out;
};

static double across(const struct plot *p, double x)
{
	return LEFT + (x - p->x_low) / (p->x_high - p->x_low) *
		      (WIDTH - LEFT - RIGHT);
}

static double down(const struct plot *p, double y)
{
	return HEIGHT - BOTTOM - (y - p->y_low) / (p->y_high - p->y_low) *
				 (HEIGHT - TOP - BOTTOM);
}

static struct plot lay_out(const struct check_series *s, bool by_iterations,
			   unsigned number, FILE *out)
{
	struct chart_range range = chart_range(s);
	double room = (range.high - range.low) / 20;
	struct plot p = {
		.s = s, .by_iterations = by_iterations, .number = number,
		.x_low = s->points[0].x, .x_high = s->points[s->count - 1].x,
		.y_low = fmax(range.low - room, 0),
		.y_high = range.high + room, .out = out,
	};

	if (!(p.x_high > p.x_low))
		p.x_high = p.x_low + 1;
	return p;
}

/* ---- axes ---- */

/* The next larger of 1, 2, 5, 10, 20, ... */
static double decimal_step(double least)
{
	double power = pow(10, floor(log10(fmax(least, 1))));
	const double factors[] = { 1, 2, 5, 10 };

	for (size_t i = 0; i < 4; i++)
		if (factors[i] * power >= least)
			return factors[i] * power;
	return 10 * power;
}

static double time_step(double least)
{
	static const double steps[] = {
		0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200,
		1800, 3600, 7200, 14400, 21600, 43200, 86400,
	};

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		if (steps[i] >= least)
			return steps[i];
	return 86400 * decimal_step(least / 86400);
}

static double value_step(const struct plot *p, double least)
{
	if (strcmp(p->s->unit, "bytes") == 0)
		return exp2(ceil(log2(fmax(least, 1))));
	return decimal_step(least);
}

static void draw_values(const struct plot *p)
{
	double step = value_step(p, (p->y_high - p->y_low) / TICKS);
	double first = ceil(p->y_low / step) * step;

	for (int i = 0; i < TICKS_MAX; i++) {
		double y = first + i * step;

		if (y > p->y_high)
			break;
		fprintf(p->out, "<path class=\"grid\" d=\"M%d %.1fH%d\"/>"
			"<text class=\"y\" x=\"%d\" y=\"%.1f\">%s</text>\n",
			LEFT, down(p, y), WIDTH - RIGHT, LEFT - 8,
			down(p, y) + 4, wording_short(y, p->s->unit, false).s);
	}
}

static void draw_places(const struct plot *p)
{
	double least = (p->x_high - p->x_low) / (TICKS + 2);
	double step = p->by_iterations ? decimal_step(least) :
					 time_step(least);
	double first = ceil(p->x_low / step) * step;

	for (int i = 0; i < TICKS_MAX; i++) {
		double x = first + i * step;

		if (x > p->x_high)
			break;
		fprintf(p->out, "<path class=\"grid\" d=\"M%.1f %dv5\"/>"
			"<text class=\"x\" x=\"%.1f\" y=\"%d\">%s</text>\n",
			across(p, x), HEIGHT - BOTTOM, across(p, x),
			HEIGHT - BOTTOM + 20,
			wording_place(x, p->by_iterations).s);
	}
	fprintf(p->out, "<path class=\"axis\" d=\"M%d %dH%d\"/>\n", LEFT,
		HEIGHT - BOTTOM, WIDTH - RIGHT);
}

/* ---- what was measured ---- */

static void draw_point(const struct plot *p, double x, double y,
		       const char *command)
{
	fprintf(p->out, "%s%.0f %.1f", command, across(p, x), down(p, y));
}

/* Of a column the extremes, and the last value for the way to the next. */
static void draw_column(const struct plot *p, const struct chart_column *c,
			const char *command)
{
	double low = (double)c->low, high = (double)c->high;
	bool rises = c->last == c->high;

	if (c->low == c->high) {
		draw_point(p, c->x, low, command);
		return;
	}
	draw_point(p, c->x, rises ? low : high, command);
	draw_point(p, c->x, rises ? high : low, "L");
	if (c->last != c->low && c->last != c->high)
		draw_point(p, c->x, (double)c->last, "L");
}

static void draw_samples(const struct plot *p)
{
	struct chart_column *columns =
		report_oom(calloc(COLUMNS, sizeof(*columns)));
	const char *command = "M";

	chart_reduce(p->s->points, p->s->count, columns, COLUMNS);
	fputs("<path class=\"line\" d=\"", p->out);
	for (size_t i = 0; i < COLUMNS; i++) {
		if (!columns[i].is_used)
			continue;
		draw_column(p, &columns[i], command);
		command = "L";
	}
	fputs("\"/>\n", p->out);
	free(columns);
}

/* At most MARKS_MAX; of more an even choice. */
static void draw_marks(const struct plot *p, const struct check_run *run)
{
	size_t each = run->mark_count / MARKS_MAX + 1;

	for (size_t i = 0; i < run->mark_count; i += each) {
		const struct check_mark *m = &run->marks[i];
		double x = p->by_iterations ? (double)m->total : m->seconds;

		if (x < p->x_low || x > p->x_high)
			continue;
		fprintf(p->out, "<path class=\"mark\" d=\"M%.1f %dv-9\">"
			"<title>", across(p, x), HEIGHT - BOTTOM);
		escape_foreign(p->out, ESCAPE_MARKUP,
			       *m->name ? m->name : "mark");
		fprintf(p->out, " %llu</title></path>\n",
			(unsigned long long)m->total);
	}
}

/* ---- what was judged ---- */

static void draw_judged(const struct plot *p)
{
	const struct trend_result *t = &p->s->result;
	double from = fmax(across(p, t->start), LEFT);
	double to = fmin(across(p, t->start + t->span), WIDTH - RIGHT);

	if (to > from)
		fprintf(p->out, "<rect class=\"judged\" x=\"%.1f\" y=\"%d\" "
			"width=\"%.1f\" height=\"%d\"/>\n", from, TOP,
			to - from, HEIGHT - TOP - BOTTOM);
}

/*
 * Slopes are drawn through the middle of the judged range, at the height
 * that has half of the floors above the median slope.
 */
static double middle_height(const struct trend_result *t)
{
	double middle = t->start + t->span / 2;
	double heights[RANK_POINTS_MAX];

	for (size_t i = 0; i < t->bins; i++)
		heights[i] = (double)t->floor_y[i] -
			     t->slope.median * (t->floor_x[i] - middle);
	return rank_median(heights, t->bins);
}

static void draw_slope(const struct plot *p)
{
	const struct trend_result *t = &p->s->result;
	double from = t->start, to = from + t->span, half = t->span / 2;
	double y = middle_height(t);

	/* The bounds cross, so this fills the two triangles between them. */
	fputs("<path class=\"bounds\" d=\"", p->out);
	draw_point(p, from, y - t->slope.lower * half, "M");
	draw_point(p, to, y + t->slope.lower * half, "L");
	draw_point(p, to, y + t->slope.upper * half, "L");
	draw_point(p, from, y - t->slope.upper * half, "L");
	fputs("Z\"/>\n<path class=\"slope\" d=\"", p->out);
	draw_point(p, from, y - t->slope.median * half, "M");
	draw_point(p, to, y + t->slope.median * half, "L");
	fputs("\"/>\n", p->out);
}

static void draw_floors(const struct plot *p)
{
	const struct trend_result *t = &p->s->result;

	for (size_t i = 0; i < t->bins; i++)
		fprintf(p->out, "<circle class=\"floor\" cx=\"%.1f\" "
			"cy=\"%.1f\" r=\"3\"><title>%s: %s</title></circle>\n",
			across(p, t->floor_x[i]),
			down(p, (double)t->floor_y[i]),
			wording_place(t->floor_x[i], p->by_iterations).s,
			wording_amount((double)t->floor_y[i], p->s->unit).s);
}

static void describe(const struct plot *p, const char *title)
{
	const struct check_series *s = p->s;

	fprintf(p->out, "<title id=\"t%u\">", p->number);
	escape_own(p->out, ESCAPE_MARKUP, title);
	fprintf(p->out, "</title><desc id=\"d%u\">%s to %s, from %s to %s",
		p->number, wording_amount((double)s->lowest, s->unit).s,
		wording_amount((double)s->highest, s->unit).s,
		wording_place(p->x_low, p->by_iterations).s,
		wording_place(p->x_high, p->by_iterations).s);
	if (s->is_judged) {
		fprintf(p->out, "; %s: ", check_verdict_name(s->verdict));
		escape_own(p->out, ESCAPE_MARKUP, s->reason);
	}
	fputs("</desc>\n", p->out);
}

void chart_svg(const struct check_series *s, const struct check_run *run,
	       bool by_iterations, const char *title, unsigned number,
	       FILE *out)
{
	struct plot p = lay_out(s, by_iterations, number, out);
	bool judged = s->is_judged && s->result.bins;

	fprintf(out, "<svg viewBox=\"0 0 %d %d\" role=\"img\" "
		"aria-labelledby=\"t%u d%u\">\n", WIDTH, HEIGHT, number,
		number);
	describe(&p, title);
	fprintf(out, "<clipPath id=\"c%u\"><rect x=\"%d\" y=\"%d\" "
		"width=\"%d\" height=\"%d\"/></clipPath>\n", number, LEFT,
		TOP, WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM);
	if (judged)
		draw_judged(&p);
	draw_values(&p);
	draw_places(&p);
	fprintf(out, "<g clip-path=\"url(#c%u)\">\n", number);
	draw_samples(&p);
	if (judged) {
		draw_slope(&p);
		draw_floors(&p);
	}
	draw_marks(&p, run);
	fputs("</g></svg>\n", out);
}
