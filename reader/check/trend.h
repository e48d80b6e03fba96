/* SPDX-License-Identifier: MIT */
#ifndef READER_CHECK_TREND_H
#define READER_CHECK_TREND_H
/*
 * Does a series grow without end? Series in, verdict out. Pure: no clock, no
 * input or output, no allocation, no state. Depends on libc and libm only.
 * Safe in any thread.
 *
 * The method, in order:
 * 1. The start (warm-up) is dropped, the rest cut into equal bins, and the
 *    last bin dropped too, as frees at shutdown would hide growth.
 * 2. Each bin stands for its lowest value, the floor: what a workload takes
 *    and gives back does not show in it.
 * 3. The slope of the floors is the median of all pairwise slopes (Theil
 *    1950, Sen 1968). Its lower bound, which allows for ties and for serial
 *    correlation (rank.h), times the judged span is the excess: growth there
 *    is at least, at the confidence asked for.
 * 4. Without an excess the verdict is PASS, unless the lowest of the last
 *    tenth of the floors is above the lowest of the first tenth by more than
 *    the tolerance: a lone step has a slope of 0 almost anywhere.
 * 5. What is left has grown. It is GROWTH only if there is an excess and the
 *    shape agrees with growth without end:
 *    - the slope of the second half of the floors is at least TREND_HALVES
 *      of the first half's, else PLATEAU; or STEP where one jump between two
 *      floors makes up TREND_JUMP of the change;
 *    - the floor rises throughout: of the four rises between five levels, the
 *      medians of five consecutive groups of floors, the weakest is at least
 *      TREND_WEAKEST of their mean, else STEP;
 *    - it goes straight: the growth is at least TREND_DRIFT times as far as a
 *      random walk of the same steps would get, else STEP.
 *
 * The rises are those between medians of groups, not those within segments:
 * they have half the noise, and no step falls between two of them. The halves
 * take equally many floors each; of an odd number the middle one is in
 * neither. By iterations x is to be sampled at least once an iteration, at
 * its end, which then is the floor by itself.
 *
 * How often which verdict comes out right is measured by scripts/calibrate.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reader/check/rank.h"

#define TREND_BINS_MIN    12
#define TREND_BINS        20   /* unless the series is too short */
#define TREND_BIN_SAMPLES 5    /* at least, by time; 1 by iterations */
#define TREND_HALVES      0.7
#define TREND_JUMP        0.3
#define TREND_LEVELS      5
#define TREND_WEAKEST     0.25
#define TREND_DRIFT       4.5  /* standard deviations; few are independent */

_Static_assert(TREND_BINS <= RANK_POINTS_MAX, "the floors are one series");

/* One value. A whole number, so that none is rounded up to 2^64. */
struct trend_point {
	double x;   /* seconds, or iterations done; never falls */
	uint64_t y;
};

/* What is judged; each has tolerances of its own. */
enum trend_kind {
	TREND_BYTES,   /* 256 KiB or 2 %; 16 bytes an iteration */
	TREND_OBJECTS, /* 200 or 2 %; 0.02 an iteration */
	TREND_THREADS, /* 1 */
	TREND_KINDS
};

struct trend_rules {
	bool by_iterations;       /* what x counts; else seconds */
	double confidence;        /* of each bound, one-sided: 0.5 to 1 */
	double warmup;            /* in x; negative: the larger of a quarter of
				     the run and 10 s, or 3 iterations */
	double cycle;             /* least length of a bin in x; 0: any */
	double span_min;          /* judged, in x */
	size_t samples_min;       /* judged; also all bins taken together */
	double tolerance;         /* in y, over the judged span */
	double tolerance_rel;     /* of the median floor; the larger counts */
	double per_iteration_min; /* the slope to exceed by iterations */
};

enum trend_verdict {
	TREND_PASS,         /* no growth beyond the tolerance */
	TREND_PLATEAU,      /* grew, ever more slowly */
	TREND_STEP,         /* grew, but not throughout */
	TREND_GROWTH,       /* grows steadily */
	TREND_INCONCLUSIVE, /* too little to tell */
	TREND_VERDICTS
};

struct trend_result {
	enum trend_verdict verdict;
	const char *reason;    /* a clause in lower case, static */
	/* From here on all 0 if INCONCLUSIVE. */
	size_t samples;        /* judged: without start and end */
	size_t bins;
	double floor_x[RANK_POINTS_MAX]; /* middle of each bin */
	uint64_t floor_y[RANK_POINTS_MAX];
	uint64_t median_floor;
	double start, span;    /* judged, in x */
	struct rank_test test;
	struct rank_slope slope; /* y per x: per second or iteration */
	double excess;         /* the lower bound over the judged span */
	double tolerance;      /* that it was compared with */
	double change;         /* from the first tenth to the last */
	double jump;           /* largest between neighbouring floors */
	double wander;         /* of a random walk: rank_wander() */
	double halves_ratio;   /* second half's rise by the first's; 1 where
				  the first has none */
	double weakest_ratio;  /* weakest rise by the mean one; 0 where the
				  mean is not positive */
};

/* The default rules: 99 % confidence, 60 s and 60 samples or 12 iterations. */
struct trend_rules trend_rules(enum trend_kind kind, bool by_iterations);

/*
 * Judges `count` points. A series that is too short, has too few samples in
 * some bin, an x that falls or is not finite, or no extent is INCONCLUSIVE,
 * never PASS.
 */
void trend_judge(const struct trend_rules *rules,
		 const struct trend_point *points, size_t count,
		 struct trend_result *ret);

/*
 * Growth over that many seconds or iterations more at the median slope; 0
 * if it does not grow.
 */
double trend_projected(const struct trend_result *r, double more);

/* "PASS", "GROWTH" and so on. */
const char *trend_verdict_name(enum trend_verdict verdict);

#endif /* READER_CHECK_TREND_H */
