/* SPDX-License-Identifier: MIT */
#include "reader/check/trend.h"

#include <math.h>
#include <string.h>

#define WARMUP_SHARE      0.25
#define WARMUP_SECONDS    10
#define WARMUP_ITERATIONS 3
#define EDGE_SHARE        10 /* a tenth of the floors, at each end */

struct trend_rules trend_rules(enum trend_kind kind, bool by_iterations)
{
	/* To judge another series: a row here and in enum trend_kind. */
	static const struct trend_rules tolerances[TREND_KINDS] = {
		[TREND_BYTES] = { .tolerance = 256 << 10, .tolerance_rel = 0.02,
				  .per_iteration_min = 16 },
		[TREND_OBJECTS] = { .tolerance = 200, .tolerance_rel = 0.02,
				    .per_iteration_min = 0.02 },
		[TREND_THREADS] = { .tolerance = 1 },
	};
	struct trend_rules rules = tolerances[kind];

	rules.by_iterations = by_iterations;
	rules.confidence = 0.99;
	rules.warmup = -1;
	rules.span_min = by_iterations ? TREND_BINS_MIN : 60;
	rules.samples_min = by_iterations ? TREND_BINS_MIN : 60;
	return rules;
}

const char *trend_verdict_name(enum trend_verdict verdict)
{
	static const char *const names[TREND_VERDICTS] = {
		[TREND_PASS] = "PASS",
		[TREND_PLATEAU] = "PLATEAU",
		[TREND_STEP] = "STEP",
		[TREND_GROWTH] = "GROWTH",
		[TREND_INCONCLUSIVE] = "INCONCLUSIVE",
	};

	return names[verdict];
}

static bool is_ordered(const struct trend_point *points, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!isfinite(points[i].x) ||
		    (i > 0 && points[i].x < points[i - 1].x))
			return false;
	return true;
}

static double warmup(const struct trend_rules *rules, double length)
{
	if (rules->warmup >= 0)
		return rules->warmup;
	if (rules->by_iterations)
		return WARMUP_ITERATIONS;
	return fmax(WARMUP_SHARE * length, WARMUP_SECONDS);
}

/* Bins side by side from `start` on; the one behind the last is left out. */
struct grid {
	double start, width;
	size_t bins;
};

/*
 * Lays `bins` and one more over what the warm-up leaves. A bin by iterations
 * holds whole ones; those that are left over go to the warm-up.
 */
static struct grid lay_grid(const struct trend_rules *rules, double first,
			    double last, size_t bins)
{
	double length = last - first - warmup(rules, last - first);
	struct grid g = { .bins = bins, .width = length / (double)(bins + 1) };

	if (rules->by_iterations)
		g.width = floor(g.width);
	g.start = last - g.width * (double)(bins + 1);
	return g;
}

/*
 * Which bin x is in; g->bins for none. An iteration is judged by how it
 * ends: its bin includes the upper border, not the lower one.
 */
static size_t bin_of(const struct trend_rules *rules, const struct grid *g,
		     double x)
{
	double place = (x - g->start) / g->width;

	if (rules->by_iterations)
		place = ceil(place) - 1;
	return place >= 0 && place < (double)g->bins ? (size_t)place : g->bins;
}

/* Takes the floors. False when some bin has too few samples. */
static bool fill(const struct trend_rules *rules, const struct grid *g,
		 const struct trend_point *points, size_t count,
		 struct trend_result *ret)
{
	size_t least = rules->by_iterations ? 1 : TREND_BIN_SAMPLES;
	size_t held[RANK_POINTS_MAX] = { 0 };

	ret->samples = 0;
	for (size_t i = 0; i < count; i++) {
		size_t bin = bin_of(rules, g, points[i].x);

		if (bin == g->bins)
			continue;
		if (held[bin]++ == 0 || points[i].y < ret->floor_y[bin])
			ret->floor_y[bin] = points[i].y;
		ret->samples++;
	}
	for (size_t bin = 0; bin < g->bins; bin++) {
		if (held[bin] < least)
			return false;
		ret->floor_x[bin] = g->start + g->width * ((double)bin + 0.5);
	}
	ret->bins = g->bins;
	ret->start = g->start;
	ret->span = g->width * (double)g->bins;
	return true;
}

/* Cuts into as many bins as possible. Returns NULL, or what is missing. */
static const char *cut(const struct trend_rules *rules,
		       const struct trend_point *points, size_t count,
		       struct trend_result *ret)
{
	const char *why = "the run is too short";

	for (size_t bins = TREND_BINS; bins >= TREND_BINS_MIN; bins--) {
		struct grid g = lay_grid(rules, points[0].x,
					 points[count - 1].x, bins);

		if (!(g.width > 0) ||
		    g.width * (double)bins < rules->span_min)
			continue;
		if (g.width < rules->cycle) {
			why = "the run has too few cycles";
			continue;
		}
		why = "some part of the run has too few samples";
		if (fill(rules, &g, points, count, ret))
			return ret->samples < rules->samples_min ?
			       "there are too few samples" : NULL;
	}
	return why;
}

/* Floors as differences from the lowest, which a double holds better. */
static uint64_t relative_floors(const struct trend_result *r, double *y)
{
	uint64_t lowest = r->floor_y[0];

	for (size_t i = 1; i < r->bins; i++)
		if (r->floor_y[i] < lowest)
			lowest = r->floor_y[i];
	for (size_t i = 0; i < r->bins; i++)
		y[i] = (double)(r->floor_y[i] - lowest);
	return lowest;
}

/* Near 2^64 what a double is rounded to may not fit. */
static uint64_t add(uint64_t lowest, double more)
{
	uint64_t room = UINT64_MAX - lowest;

	return more < (double)room ? lowest + (uint64_t)more : UINT64_MAX;
}

static double median_of(const double *y, size_t from, size_t to)
{
	double copy[RANK_POINTS_MAX];

	memcpy(copy, y + from, (to - from) * sizeof(*y));
	return rank_median(copy, to - from);
}

static void measure_slope(const struct trend_rules *rules, const double *y,
			  struct trend_result *ret)
{
	double z = rank_normal_quantile(rules->confidence);
	struct rank_slope plain = rank_slope(ret->floor_x, y, ret->bins, 0);
	double by_bin = plain.median * ret->span / (double)ret->bins;

	ret->test = rank_trend(y, ret->bins, by_bin);
	ret->slope = rank_slope(ret->floor_x, y, ret->bins,
				z * sqrt(ret->test.variance *
					 ret->test.inflation));
	ret->excess = ret->slope.lower * ret->span;
}

/* No single floor decides where a series starts and ends. */
static double lowest_of(const double *y, size_t count)
{
	double lowest = y[0];

	for (size_t i = 1; i < count; i++)
		lowest = fmin(lowest, y[i]);
	return lowest;
}

static double largest_jump(const double *y, size_t bins)
{
	double largest = 0;

	for (size_t i = 1; i < bins; i++)
		largest = fmax(largest, y[i] - y[i - 1]);
	return largest;
}

static double half_slope(const double *y, size_t from,
			 const struct trend_result *r)
{
	return rank_slope(r->floor_x + from, y + from, r->bins / 2, 0).median;
}

/* Rises between neighbouring levels, by bin, as groups may differ by one. */
static double weakest_ratio(const double *y, size_t bins)
{
	double level[TREND_LEVELS], at[TREND_LEVELS];
	double weakest = INFINITY, mean;
	const size_t last = TREND_LEVELS - 1;

	for (size_t i = 0; i < TREND_LEVELS; i++) {
		size_t from = i * bins / TREND_LEVELS;
		size_t to = (i + 1) * bins / TREND_LEVELS;

		level[i] = median_of(y, from, to);
		at[i] = (double)(from + to - 1) / 2;
		if (i > 0)
			weakest = fmin(weakest, (level[i] - level[i - 1]) /
						(at[i] - at[i - 1]));
	}
	mean = (level[last] - level[0]) / (at[last] - at[0]);
	return mean > 0 ? weakest / mean : 0;
}

static void measure_shape(const double *y, struct trend_result *ret)
{
	double first = half_slope(y, 0, ret);
	double second = half_slope(y, ret->bins - ret->bins / 2, ret);
	size_t edge = ret->bins / EDGE_SHARE;
	double by_bin = ret->slope.median * ret->span / (double)ret->bins;

	ret->halves_ratio = first > 0 ? second / first : 1;
	ret->weakest_ratio = weakest_ratio(y, ret->bins);
	ret->wander = rank_wander(y, ret->bins, by_bin);
	ret->change = lowest_of(y + ret->bins - edge, edge) -
		      lowest_of(y, edge);
	ret->jump = largest_jump(y, ret->bins);
}

static bool is_excess(const struct trend_rules *rules,
		      const struct trend_result *r)
{
	return r->excess > r->tolerance &&
	       (!rules->by_iterations ||
		r->slope.lower > rules->per_iteration_min);
}

static void conclude(struct trend_result *ret, enum trend_verdict verdict,
		     const char *reason)
{
	ret->verdict = verdict;
	ret->reason = reason;
}

static void decide(const struct trend_rules *rules, struct trend_result *ret)
{
	double drift = ret->slope.median * ret->span;
	bool slows = ret->halves_ratio < TREND_HALVES;
	bool excess = is_excess(rules, ret);

	if (!excess && ret->change <= ret->tolerance)
		conclude(ret, TREND_PASS, "no growth beyond the tolerance");
	else if (slows && ret->jump < TREND_JUMP * ret->change)
		conclude(ret, TREND_PLATEAU, "its growth is slowing down");
	else if (slows || ret->weakest_ratio < TREND_WEAKEST)
		conclude(ret, TREND_STEP, "it grew in a part of the run only");
	else if (!excess || drift < TREND_DRIFT * ret->wander)
		conclude(ret, TREND_STEP, "it rose, but not steadily");
	else
		conclude(ret, TREND_GROWTH, "it grows throughout the run");
}

static void judge_floors(const struct trend_rules *rules,
			 struct trend_result *ret)
{
	double y[RANK_POINTS_MAX] = { 0 };
	uint64_t lowest = relative_floors(ret, y);
	double middle = median_of(y, 0, ret->bins);

	ret->median_floor = add(lowest, middle);
	ret->tolerance = fmax(rules->tolerance, rules->tolerance_rel *
						(double)ret->median_floor);
	measure_slope(rules, y, ret);
	measure_shape(y, ret);
	decide(rules, ret);
}

void trend_judge(const struct trend_rules *rules,
		 const struct trend_point *points, size_t count,
		 struct trend_result *ret)
{
	const char *why;

	memset(ret, 0, sizeof(*ret));
	if (count < 2)
		why = count ? "there is one sample only" : "there is no sample";
	else if (!is_ordered(points, count))
		why = "time goes backwards";
	else
		why = cut(rules, points, count, ret);
	if (!why) {
		judge_floors(rules, ret);
		return;
	}
	memset(ret, 0, sizeof(*ret));
	conclude(ret, TREND_INCONCLUSIVE, why);
}

double trend_projected(const struct trend_result *r, double more)
{
	return r->slope.median > 0 ? r->slope.median * more : 0;
}
