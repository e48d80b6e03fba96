/* SPDX-License-Identifier: MIT */
/*
 * Verdicts on series made by hand. How often they are right in the presence
 * of chance: scripts/calibrate. The statistics by themselves: test_rank.c.
 */
#include <math.h>

#include "reader/check/trend.h"
#include "tests/unit/tap.h"

#define MIB ((uint64_t)1 << 20)

/* 210 s at 1 Hz, 210 intervals: judged from 52.5 s on, in bins of 7.5 s. */
#define SECONDS 210
#define BASE    (10 * MIB) /* 2 % are less than 256 KiB: that is tolerated */

static struct trend_point points[SECONDS + 1];
static struct trend_result result;

static double bin_of(size_t i)
{
	return ((double)i - 52.5) / 7.5;
}

/* Judges y(i) = BASE + unit * shape(bin of i). */
static void judge(double (*shape)(double bin), double unit)
{
	struct trend_rules rules = trend_rules(TREND_BYTES, false);

	for (size_t i = 0; i <= SECONDS; i++) {
		points[i].x = (double)i;
		points[i].y = BASE + (uint64_t)(unit * shape(bin_of(i)));
	}
	trend_judge(&rules, points, SECONDS + 1, &result);
}

static void is_verdict(enum trend_verdict want, const char *what)
{
	is_str(trend_verdict_name(result.verdict), trend_verdict_name(want),
	       "%s", what);
	ok(result.reason && *result.reason, "%s: with a reason", what);
}

static void is_near(double got, double want, double error, const char *what)
{
	if (!ok(fabs(got - want) <= error, "%s", what))
		diag("got %.17g, want %.17g", got, want);
}

static double flat(double bin)
{
	return bin * 0;
}

static double rising(double bin)
{
	return bin + 7; /* not below 0 at the start of the run */
}

static double falling(double bin)
{
	return 21 - bin;
}

static double saturating(double bin)
{
	return bin > 0 ? 1 - exp(-bin / 5) : 0;
}

static double half_way(double bin)
{
	return bin > 10;
}

static double quarter(double bin)
{
	return bin > 5;
}

static double late(double bin)
{
	return bin > 10 ? bin - 10 : 0;
}

static double staircase(double bin)
{
	return floor((bin + 17) / 10);
}

static double sawtooth(double bin)
{
	return fmod(bin + 7, 0.77);
}

static double leaking_sawtooth(double bin)
{
	return 10 * sawtooth(bin) + rising(bin);
}

static double spike(double bin)
{
	return bin > 18.5 && bin < 18.8;
}

static void test_pass(void)
{
	judge(flat, 1);
	is_verdict(TREND_PASS, "flat");
	is_near(result.slope.median, 0, 0, "no slope");
	ok(result.median_floor == BASE, "its level");
	judge(falling, (double)MIB);
	is_verdict(TREND_PASS, "falling");
	ok(result.slope.upper < 0, "with a negative slope");
	ok(trend_projected(&result, 3600) == 0, "which is not projected");
	judge(sawtooth, (double)MIB);
	is_verdict(TREND_PASS, "a sawtooth");
	judge(spike, 50.0 * (double)MIB);
	is_verdict(TREND_PASS, "a spike");
	judge(rising, 10e3);
	is_verdict(TREND_PASS, "a rise of 20 times 10 kB is tolerated");
}

/* 64 KiB a bin of 7.5 s: 8738.13 B/s, twenty bins 1.25 MiB. */
static void test_growth(void)
{
	judge(rising, 65536);
	is_verdict(TREND_GROWTH, "a straight line");
	ok(result.bins == 20, "twenty bins");
	is_near(result.start, 52.5, 1e-9, "a quarter is warm-up");
	is_near(result.span, 150, 1e-9, "one bin is left out at the end");
	ok(result.samples == 150, "a sample a second");
	is_near(result.slope.median, 65536 / 7.5, 150, "slope");
	ok(result.slope.lower <= result.slope.median &&
	   result.slope.median <= result.slope.upper, "within its bounds");
	is_near(result.excess, result.slope.lower * 150, 1e-6, "excess");
	is_near(result.tolerance, 256 << 10, 0, "tolerance: 256 KiB");
	is_near(result.halves_ratio, 1, 0.05, "both halves alike");
	is_near(result.weakest_ratio, 1, 0.1, "all segments alike");
	is_near(trend_projected(&result, 3600), 3600 * 65536 / 7.5, 6e5,
		"projected by the hour");
	judge(leaking_sawtooth, 65536);
	is_verdict(TREND_GROWTH, "a leak under a sawtooth ten times as high");
}

/* exp(-bin / 5): the rise of the last ten bins by the first ten's is e^-2. */
static void test_plateau(void)
{
	judge(saturating, 10.0 * (double)MIB);
	is_verdict(TREND_PLATEAU, "1 - exp over four tau");
	ok(result.halves_ratio < 0.2, "the second half is far below");
}

static void test_step(void)
{
	judge(half_way, (double)MIB);
	is_verdict(TREND_STEP, "half-way");
	ok(result.excess <= result.tolerance, "though it has no excess");
	judge(quarter, (double)MIB);
	is_verdict(TREND_STEP, "a quarter in");
	judge(half_way, 300 << 10);
	is_verdict(TREND_STEP, "just above the tolerance");
	judge(half_way, 250 << 10);
	is_verdict(TREND_PASS, "just below it");
	judge(late, 65536 * 2);
	is_verdict(TREND_STEP, "a leak from half-time");
	judge(staircase, (double)MIB);
	is_verdict(TREND_STEP, "a block every ten bins");
}

/* ---- what cannot be judged ---- */

static enum trend_verdict judge_points(size_t count)
{
	struct trend_rules rules = trend_rules(TREND_BYTES, false);

	trend_judge(&rules, points, count, &result);
	return result.verdict;
}

static void fill(double step)
{
	for (size_t i = 0; i <= SECONDS; i++)
		points[i] = (struct trend_point){ (double)i * step,
						  BASE + i * MIB };
}

static void test_too_little(void)
{
	fill(1);
	judge_points(0);
	is_verdict(TREND_INCONCLUSIVE, "no sample");
	is_str(result.reason, "there is no sample", "which is said");
	judge_points(1);
	is_verdict(TREND_INCONCLUSIVE, "one sample");
	is_str(result.reason, "there is one sample only", "which is said");
	ok(result.bins == 0 && result.excess == 0, "nothing else is set");
	judge_points(2);
	is_verdict(TREND_INCONCLUSIVE, "two samples");
	judge_points(80);
	is_verdict(TREND_INCONCLUSIVE, "80 s");
	is_str(result.reason, "the run is too short", "which is said");
	/* By 12 bins: (length * 3 / 4) * 12 / 13 = 60 s at 86.7 s. */
	judge_points(87);
	is_verdict(TREND_INCONCLUSIVE, "86 s");
	judge_points(90);
	is_verdict(TREND_GROWTH, "89 s will do, with as many samples");
	fill(0);
	judge_points(SECONDS);
	is_verdict(TREND_INCONCLUSIVE, "all at the same time");
}

static void test_gap(void)
{
	fill(1);
	for (size_t i = 100; i <= SECONDS; i++)
		points[i].x += 100;
	judge_points(SECONDS + 1);
	is_verdict(TREND_INCONCLUSIVE, "a hole in the middle");
	is_str(result.reason, "some part of the run has too few samples",
	       "which is said");
}

static void test_clock(void)
{
	fill(1);
	points[150].x = 20;
	judge_points(SECONDS + 1);
	is_verdict(TREND_INCONCLUSIVE, "time goes backwards");
	is_str(result.reason, "time goes backwards", "which is said");
	points[150].x = NAN;
	judge_points(SECONDS + 1);
	is_verdict(TREND_INCONCLUSIVE, "no number");
	points[150].x = INFINITY;
	judge_points(SECONDS + 1);
	is_verdict(TREND_INCONCLUSIVE, "infinite");
	fill(1);
	points[0].x = -1.7e308;
	points[SECONDS].x = 1.7e308;
	judge_points(SECONDS + 1);
	is_verdict(TREND_INCONCLUSIVE, "longer than a double can tell");
	fill(1);
	points[150].x = points[149].x;
	judge_points(SECONDS + 1);
	is_verdict(TREND_GROWTH, "the same time twice does no harm");
}

static void test_huge(void)
{
	const uint64_t step = (uint64_t)1 << 55;

	for (size_t i = 0; i <= SECONDS; i++)
		points[i] = (struct trend_point){ (double)i, i * step };
	judge_points(SECONDS + 1);
	is_verdict(TREND_GROWTH, "up to 210 * 2^55, beyond 2^62");
	is_near(result.slope.median / (double)step, 1, 0.02, "slope");
	for (size_t i = 0; i <= SECONDS; i++)
		points[i].y = ((uint64_t)1 << 63) + i % 2;
	judge_points(SECONDS + 1);
	is_verdict(TREND_PASS, "flat at 2^63");
	ok(result.median_floor == (uint64_t)1 << 63, "its level");
	for (size_t i = 0; i <= SECONDS; i++)
		points[i].y = UINT64_MAX - (i < 120) * (UINT64_MAX / 2);
	judge_points(SECONDS + 1);
	is_verdict(TREND_STEP, "a step to 2^64 - 1");
	for (size_t i = 0; i <= SECONDS; i++)
		points[i].y = UINT64_MAX;
	judge_points(SECONDS + 1);
	is_verdict(TREND_PASS, "flat there");
}

/* ---- rules ---- */

static void test_cycle(void)
{
	struct trend_rules rules = trend_rules(TREND_BYTES, false);

	fill(1);
	rules.cycle = 9;
	trend_judge(&rules, points, SECONDS + 1, &result);
	is_verdict(TREND_GROWTH, "cycles of 9 s");
	/* 157.5 / (16 + 1) = 9.26 */
	ok(result.bins == 16, "sixteen bins, each longer");
	rules.cycle = 13;
	trend_judge(&rules, points, SECONDS + 1, &result);
	is_verdict(TREND_INCONCLUSIVE, "cycles of 13 s");
	is_str(result.reason, "the run has too few cycles", "which is said");
}

static void test_warmup(void)
{
	struct trend_rules rules = trend_rules(TREND_BYTES, false);

	fill(1);
	for (size_t i = 0; i <= SECONDS; i++)
		points[i].y = BASE + (i < 100 ? i : 100) * MIB;
	trend_judge(&rules, points, SECONDS + 1, &result);
	ok(result.verdict != TREND_PASS, "grows for 100 s: no PASS");
	rules.warmup = 105;
	trend_judge(&rules, points, SECONDS + 1, &result);
	is_verdict(TREND_PASS, "of which 105 are left out");
	rules.warmup = 500;
	trend_judge(&rules, points, SECONDS + 1, &result);
	is_verdict(TREND_INCONCLUSIVE, "or all of them");
	rules.warmup = -1;
	rules.samples_min = 1000;
	trend_judge(&rules, points, SECONDS + 1, &result);
	is_str(result.reason, "there are too few samples", "more samples");
}

static void judge_threads(uint64_t (*threads)(size_t i))
{
	struct trend_rules rules = trend_rules(TREND_THREADS, false);

	for (size_t i = 0; i <= SECONDS; i++)
		points[i] = (struct trend_point){ (double)i, threads(i) };
	trend_judge(&rules, points, SECONDS + 1, &result);
}

static uint64_t pool(size_t i)
{
	return 8 + (i / 3) % 2;
}

static uint64_t one_in_ten(size_t i)
{
	return 2 + i / 10;
}

static void test_threads(void)
{
	judge_threads(pool);
	is_verdict(TREND_PASS, "a pool of 8 or 9");
	judge_threads(one_in_ten);
	is_verdict(TREND_GROWTH, "one more every ten seconds");
	is_near(result.slope.median, 0.1, 0.01, "which is 0.1 a second");
}

/* Judges iterations that leave so many bytes each. */
static void judge_iterations(size_t count, uint64_t leak)
{
	struct trend_rules rules = trend_rules(TREND_BYTES, true);

	for (size_t i = 0; i <= count; i++)
		points[i] = (struct trend_point){ (double)i,
						  BASE + i * leak };
	trend_judge(&rules, points, count + 1, &result);
}

static void test_iterations(void)
{
	judge_iterations(12, MIB);
	is_verdict(TREND_INCONCLUSIVE, "12 iterations, 3 of them warm-up");
	judge_iterations(16, MIB);
	is_verdict(TREND_GROWTH, "16: one left out, twelve bins");
	ok(result.bins == 12, "of one iteration each");
	is_near(result.slope.median, (double)MIB, 1e-6, "1 MiB each");
	judge_iterations(200, MIB);
	is_verdict(TREND_GROWTH, "200");
	/* (200 - 3) / 21 = 9 whole ones. */
	is_near(result.span, 180, 1e-9, "20 bins of 9");
	is_near(result.start, 11, 1e-9, "what is left over is warm-up");
	judge_iterations(200, 0);
	is_verdict(TREND_PASS, "200 that leave nothing");
}

/* 12 B are no leak of at least a block each, yet 200 million of them are. */
static void test_small_iterations(void)
{
	struct trend_rules rules = trend_rules(TREND_BYTES, true);

	for (size_t i = 0; i <= SECONDS; i++)
		points[i] = (struct trend_point){
			(double)i * 1e6, BASE + i * (uint64_t)12e6
		};
	trend_judge(&rules, points, SECONDS + 1, &result);
	is_verdict(TREND_STEP, "12 B each warn");
	for (size_t i = 0; i <= SECONDS; i++)
		points[i].y = BASE + i * (uint64_t)24e6;
	trend_judge(&rules, points, SECONDS + 1, &result);
	is_verdict(TREND_GROWTH, "24 B each are growth");
}

int main(void)
{
	RUN(test_pass());
	RUN(test_growth());
	RUN(test_plateau());
	RUN(test_step());
	RUN(test_too_little());
	RUN(test_gap());
	RUN(test_clock());
	RUN(test_huge());
	RUN(test_cycle());
	RUN(test_warmup());
	RUN(test_threads());
	RUN(test_iterations());
	RUN(test_small_iterations());
	return done();
}
