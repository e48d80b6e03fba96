/* SPDX-License-Identifier: MIT */
/*
 * calibrate [SEEDS]: judges synthetic series whose nature is known, SEEDS
 * (1,000 if not told) of each kind and length, and prints how often in a
 * hundred they got which verdict as a Markdown table. Ends with status 1 if a
 * rate that is promised is missed, by more than one series if there are fewer
 * than a thousand. The same seeds give the same table.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "reader/check/trend.h"

#define INTERVAL_SECONDS 0.1 /* as `heaptally check` samples */
#define POINTS_MAX 18001
#define SEEDS_DEFAULT 1000
#define BASE_BYTES       (64.0 * (1 << 20))
#define TOLERANCE        (0.02 * BASE_BYTES) /* of what is in use: "tol" */
#define NOISE            0.1 /* tolerances, of each sample, deviation */
#define JUDGED_SHARE     (0.75 * 20 / 21)    /* of a run, at its end but one bin */
#define JUDGED_FROM      0.25

/* ---- chance ---- */

static uint64_t chance;

/* splitmix64 (Steele, Lea and Flood 2014). */
static uint64_t next(void)
{
	uint64_t z = chance += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static double uniform(double low, double high)
{
	return low + (high - low) * ((double)(next() >> 11) * 0x1p-53);
}

/* Box and Muller (1958). */
static double normal(void)
{
	double radius = sqrt(-2 * log(1 - uniform(0, 1)));

	return radius * cos(2 * M_PI * uniform(0, 1));
}

/* ---- series ---- */

/* One run being made; a generator adds to y, in tolerances. */
struct run {
	size_t count;
	double seconds;
	double y[POINTS_MAX];
};

static double at(size_t i)
{
	return (double)i * INTERVAL_SECONDS;
}

/* Where in the judged part a moment lies: 0 to 1, beyond it outside. */
static double judged(const struct run *r, size_t i)
{
	return (at(i) / r->seconds - JUDGED_FROM) / JUDGED_SHARE;
}

static void flat(struct run *r, double size)
{
	(void)r;
	(void)size;
}

static void autoregressive(struct run *r, double deviation)
{
	double level = deviation * normal();

	for (size_t i = 0; i < r->count; i++) {
		level = 0.9 * level + sqrt(1 - 0.81) * deviation * normal();
		r->y[i] += level;
	}
}

/* `deviation`: of where it is at the end of the judged part. */
static void walk(struct run *r, double deviation)
{
	double step = deviation / sqrt((double)r->count * JUDGED_SHARE);
	double level = 0;

	for (size_t i = 0; i < r->count; i++) {
		level += step * normal();
		r->y[i] += level;
	}
}

static void saw(struct run *r, double height, double period)
{
	double phase = uniform(0, 1);

	for (size_t i = 0; i < r->count; i++)
		r->y[i] += height * fmod(at(i) / period + phase, 1);
}

/* Fits neither the samples nor the bins, and several times into a bin. */
static void sawtooth(struct run *r, double height)
{
	saw(r, height, r->seconds * JUDGED_SHARE / 20 / uniform(2, 6));
}

/* Up to a sixth of the run: the floor of a bin is not that of a cycle. */
static void slow_sawtooth(struct run *r, double height)
{
	saw(r, height, r->seconds * uniform(0.03, 1 / 6.0));
}

static void step(struct run *r, double height)
{
	double when = uniform(0.1, 0.9);

	for (size_t i = 0; i < r->count; i++)
		r->y[i] += judged(r, i) >= when ? height : 0;
}

static void two_steps(struct run *r, double height)
{
	step(r, height);
	step(r, height);
}

/* More than half of it in the first tenth of the run. */
static void logarithm(struct run *r, double size)
{
	for (size_t i = 0; i < r->count; i++)
		r->y[i] += size * log1p(100 * at(i) / r->seconds) / log(101);
}

static void saturating(struct run *r, double size, double taus)
{
	for (size_t i = 0; i < r->count; i++)
		r->y[i] -= size * expm1(-taus * fmax(judged(r, i), 0));
}

static void tau_1(struct run *r, double size)
{
	saturating(r, size, 1);
}

static void tau_1_5(struct run *r, double size)
{
	saturating(r, size, 1.5);
}

static void tau_2(struct run *r, double size)
{
	saturating(r, size, 2);
}

static void tau_3(struct run *r, double size)
{
	saturating(r, size, 3);
}

static void leak(struct run *r, double size)
{
	for (size_t i = 0; i < r->count; i++)
		r->y[i] += size * judged(r, i);
}

static void leak_under_sawtooth(struct run *r, double size)
{
	leak(r, size);
	sawtooth(r, 4);
}

static void late_leak(struct run *r, double size)
{
	for (size_t i = 0; i < r->count; i++)
		r->y[i] += 2 * size * fmax(judged(r, i) - 0.5, 0);
}

/* Five times the noise of the others. */
static void noisy_leak(struct run *r, double size)
{
	leak(r, size);
	for (size_t i = 0; i < r->count; i++)
		r->y[i] += sqrt(25 - 1) * NOISE * normal();
}

/* A block every ten bins. */
static void staircase(struct run *r, double height)
{
	double phase = uniform(0, 1);

	for (size_t i = 0; i < r->count; i++)
		r->y[i] += height * floor(2 * judged(r, i) + phase);
}

/* ---- what is promised ---- */

enum promise {
	NO_GROWTH,  /* GROWTH below 1 % */
	WARNS,      /* the same, and PASS below 1 % */
	DETECTED,   /* GROWTH above 95 % */
	DETECTED_LATER, /* the same, in runs longer than the shortest */
	NO_PROMISE,
	PROMISES
};

struct kind {
	const char *name;
	void (*add)(struct run *r, double size);
	double size;
	enum promise promise;
};

/* To add a kind: a generator above and a row here. */
static const struct kind kinds[] = {
	{ "flat", flat, 0, NO_GROWTH },
	{ "AR(1), rho 0.9, deviation 0.5 tol", autoregressive, 0.5, NO_GROWTH },
	{ "AR(1), rho 0.9, deviation 2 tol", autoregressive, 2, NO_GROWTH },
	{ "random walk to 2 tol", walk, 2, NO_GROWTH },
	{ "random walk to 20 tol", walk, 20, NO_GROWTH },
	{ "sawtooth of 20 tol, incommensurate", sawtooth, 20, NO_GROWTH },
	{ "sawtooth of 20 tol, longer than a bin", slow_sawtooth, 20,
	  NO_GROWTH },
	{ "one step of 3 tol", step, 3, WARNS },
	{ "two steps of 2 tol", two_steps, 2, WARNS },
	{ "two steps of 20 tol", two_steps, 20, WARNS },
	{ "logarithm to 10 tol", logarithm, 10, NO_GROWTH },
	{ "logarithm to 100 tol", logarithm, 100, WARNS },
	{ "1-exp, 3 tau, to 10 tol", tau_3, 10, WARNS },
	{ "1-exp, 2 tau, to 10 tol", tau_2, 10, WARNS },
	{ "1-exp, 1.5 tau, to 10 tol", tau_1_5, 10, NO_PROMISE },
	{ "1-exp, 1 tau, to 10 tol", tau_1, 10, NO_PROMISE },
	{ "staircase, 2 tol every ten bins", staircase, 2, WARNS },
	{ "leak from half-time, 4 tol", late_leak, 4, WARNS },
	{ "leak of 0.5 tol", leak, 0.5, NO_PROMISE },
	{ "leak of 1 tol", leak, 1, NO_PROMISE },
	{ "leak of 2 tol", leak, 2, DETECTED },
	{ "leak of 2 tol under a sawtooth of 4 tol", leak_under_sawtooth, 2,
	  DETECTED_LATER },
	{ "leak of 2 tol, five times the noise", noisy_leak, 2, NO_PROMISE },
	{ "leak of 20 tol", leak, 20, DETECTED },
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static const double lengths_seconds[] = { 90, 180, 1800 };

#define LENGTHS (sizeof(lengths_seconds) / sizeof(lengths_seconds[0]))

static enum trend_verdict judge(const struct run *r)
{
	static struct trend_point points[POINTS_MAX];
	struct trend_rules rules = trend_rules(TREND_BYTES, false);
	struct trend_result result;

	for (size_t i = 0; i < r->count; i++) {
		double y = BASE_BYTES +
			   TOLERANCE * (r->y[i] + NOISE * normal());

		points[i].x = at(i);
		points[i].y = y > 0 ? (uint64_t)y : 0;
	}
	trend_judge(&rules, points, r->count, &result);
	return result.verdict;
}

static void judge_all(const struct kind *kind, double seconds,
		      unsigned long seeds, unsigned long *verdicts)
{
	static struct run r;

	for (unsigned long seed = 0; seed < seeds; seed++) {
		chance = seed << 16 | (uint64_t)(kind - kinds) << 8;
		r.seconds = seconds;
		r.count = (size_t)(seconds / INTERVAL_SECONDS) + 1;
		for (size_t i = 0; i < r.count; i++)
			r.y[i] = 0;
		kind->add(&r, kind->size);
		verdicts[judge(&r)]++;
	}
}

/* Of few series one may be odd: rates so small cannot be told from them. */
static unsigned long slack(unsigned long seeds)
{
	return seeds < SEEDS_DEFAULT ? 1 : 0;
}

/* Below 1 %? */
static bool is_rare(unsigned long count, unsigned long seeds)
{
	return count <= slack(seeds) || count * 100 < seeds;
}

static bool is_kept(enum promise promise, const unsigned long *verdicts,
		    unsigned long seeds)
{
	unsigned long growth = verdicts[TREND_GROWTH];

	switch (promise) {
	case NO_GROWTH:
		return is_rare(growth, seeds);
	case WARNS:
		return is_rare(growth, seeds) &&
		       is_rare(verdicts[TREND_PASS], seeds);
	case DETECTED:
		return (growth + slack(seeds)) * 100 > 95 * seeds;
	default:
		return true;
	}
}

static enum promise promise_of(const struct kind *kind, double seconds)
{
	if (kind->promise != DETECTED_LATER)
		return kind->promise;
	return seconds > lengths_seconds[0] ? DETECTED : NO_PROMISE;
}

/* "PASS 98.2, STEP 1.8": what occurred, and whether a promise is broken. */
static void print_cell(const unsigned long *verdicts, unsigned long seeds,
		       bool kept)
{
	const char *before = " ";

	for (int v = 0; v < TREND_VERDICTS; v++) {
		if (!verdicts[v])
			continue;
		printf("%s%s", before, trend_verdict_name(v));
		if (verdicts[v] < seeds)
			printf(" %.1f",
			       100.0 * (double)verdicts[v] / (double)seeds);
		before = ", ";
	}
	printf("%s |", kept ? "" : " (MISSED)");
}

/* Prints a row; false when it breaks a promise. */
static bool print_row(const struct kind *kind, unsigned long seeds)
{
	static const char *const promises[PROMISES] = {
		[NO_GROWTH] = "GROWTH < 1",
		[WARNS] = "GROWTH < 1, PASS < 1",
		[DETECTED] = "GROWTH > 95",
		[DETECTED_LATER] = "GROWTH > 95 from 180 s on",
		[NO_PROMISE] = "",
	};
	bool all_kept = true;

	printf("| %s |", kind->name);
	for (size_t i = 0; i < LENGTHS; i++) {
		double seconds = lengths_seconds[i];
		unsigned long verdicts[TREND_VERDICTS] = { 0 };
		bool kept;

		judge_all(kind, seconds, seeds, verdicts);
		kept = is_kept(promise_of(kind, seconds), verdicts, seeds);
		all_kept &= kept;
		print_cell(verdicts, seeds, kept);
	}
	printf(" %s |\n", promises[kind->promise]);
	return all_kept;
}

int main(int argc, char **argv)
{
	unsigned long seeds = argc > 1 ? strtoul(argv[1], NULL, 10) :
					 SEEDS_DEFAULT;
	bool kept = true;

	printf("| %lu series each |", seeds);
	for (size_t i = 0; i < LENGTHS; i++)
		printf(" %.0f s |", lengths_seconds[i]);
	puts(" promised |\n|---|---|---|---|---|");
	for (size_t i = 0; i < KINDS; i++)
		kept &= print_row(&kinds[i], seeds);
	return !kept;
}
