/* SPDX-License-Identifier: MIT */
/*
 * The rank statistics against values from elsewhere: the literature, or
 * exact fractions worked out in Python by the plain definitions,
 *
 *	s = sum((b > a) - (b < a) for a, b in combinations(y, 2))
 *	var = Fraction(n*(n-1)*(2*n+5) - sum(t*(t-1)*(2*t+5) for t in ties), 18)
 *	slopes = sorted(Fraction(y[j]-y[i], x[j]-x[i]) for all i < j)
 *	median = statistics.median(slopes)
 *
 * and quantiles by statistics.NormalDist().inv_cdf(p).
 */
#include <math.h>

#include "reader/check/rank.h"
#include "tests/unit/tap.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void is_near(double got, double want, const char *what)
{
	double off = fabs(got - want);

	if (!ok(off <= 1e-9 * fmax(1, fabs(want)), "%s", what))
		diag("got %.17g, want %.17g", got, want);
}

static void test_quantile(void)
{
	is_near(rank_normal_quantile(0.5), 0, "half");
	is_near(rank_normal_quantile(0.9), 1.2815515655446008, "0.9");
	is_near(rank_normal_quantile(0.95), 1.6448536269514715, "0.95");
	is_near(rank_normal_quantile(0.99), 2.3263478740408408, "0.99");
	is_near(rank_normal_quantile(0.999), 3.090232306167813, "0.999");
	is_near(rank_normal_quantile(0.01), -2.3263478740408408, "0.01");
}

static void test_median(void)
{
	double odd[] = { 5, -1, 3 }, even[] = { 4, 1, 3, 2 };
	double huge[] = { 1.5e308, 1.7e308 };

	is_near(rank_median(odd, 3), 3, "of three");
	is_near(rank_median(even, 4), 2.5, "of four");
	is_near(rank_median(huge, 2), 1.6e308, "their sum would overflow");
	is_near(rank_median(odd, 0), 0, "of none");
}

/*
 * Hollander and Wolfe (1973), p. 185f, lightness of tuna and quality, as in
 * the examples of R's cor.test(): T = 26 concordant pairs of 36, tau 0.4444,
 * which is S = 26 - 10.
 */
static void test_tuna(void)
{
	static const double y[] = { 2.5, 4.0, 2.6, 3.6, 2.8,
				    3.1, 5.2, 5.0, 3.8 };
	static const double x[] = { 41.9, 44.1, 44.4, 44.7, 45.2,
				    45.9, 50.7, 53.3, 60.1 };
	struct rank_test t = rank_trend(y, COUNT(y), 0);

	is_near(t.s, 16, "S");
	is_near(t.variance, 92, "variance: 9 * 8 * 23 / 18");
	is_near(rank_slope(x, y, COUNT(y), 0).median, 119 / 920.0, "slope");
}

/* The same book, section 9.1: cloud seeding; C = -6, slope -0.056. */
static void test_cloud_seeding(void)
{
	static const double x[] = { 1, 2, 3, 4, 5 };
	static const double y[] = { 1.26, 1.27, 1.12, 1.16, 1.03 };
	struct rank_test t = rank_trend(y, COUNT(y), 0);
	struct rank_slope s = rank_slope(x, y, COUNT(y), 8);

	is_near(t.s, -6, "S");
	is_near(t.variance, 50 / 3.0, "variance");
	is_near(s.median, -0.05625, "slope");
	ok(s.pairs == 10, "ten pairs");
	/* Ranks (10 - 8) / 2 = 1 and (10 + 8) / 2 + 1 = 10: the extremes. */
	is_near(s.lower, -0.15, "lower bound");
	is_near(s.upper, 0.04, "upper bound");
}

/* C = 33.685 at 99 %: slopes 16 and 51 of 66, 6/13 and 10/11. */
static void test_ties(void)
{
	static const double x[] = { 0, 1, 2, 4, 5, 7, 8, 9, 11, 12, 14, 15 };
	static const double y[] = { 3, 5, 4, 4, 6, 9, 9, 8, 12, 11, 11, 14 };
	static const double groups[] = { 1, 2, 2, 3, 3, 3 };
	struct rank_test t = rank_trend(y, COUNT(y), 1);
	struct rank_slope s = rank_slope(x, y, COUNT(y),
					 rank_normal_quantile(0.99) *
					 sqrt(t.variance));

	is_near(t.s, 51, "S");
	is_near(t.variance, 629 / 3.0, "variance with three ties");
	is_near(s.median, 2 / 3.0, "slope");
	is_near(s.lower, 6 / 13.0, "lower bound");
	is_near(s.upper, 10 / 11.0, "upper bound");
	is_near(rank_trend(groups, COUNT(groups), 0).variance, 71 / 3.0,
		"groups of one, two and three");
}

static void test_equal_values(void)
{
	static const double x[] = { 1, 2, 3, 4, 5, 6, 7 };
	static const double y[] = { 10, 10, 10, 10, 10, 10, 10 };
	struct rank_test t = rank_trend(y, COUNT(y), 0);
	struct rank_slope s = rank_slope(x, y, COUNT(y), 0);

	is_near(t.s, 0, "S");
	is_near(t.variance, 0, "variance");
	is_near(t.z, 0, "z is no NaN");
	is_near(t.inflation, 1, "nothing to inflate");
	is_near(s.median, 0, "slope");
	s = rank_slope(y, x, COUNT(y), 0);
	ok(s.pairs == 0 && s.median == 0 && s.lower == 0 && s.upper == 0,
	   "equal x: no slope");
}

static void test_empty(void)
{
	static const double one[] = { 3 };
	struct rank_test t = rank_trend(one, 0, 0);

	ok(t.s == 0 && t.variance == 0 && t.z == 0, "none");
	t = rank_trend(one, 1, 0);
	ok(t.s == 0 && t.variance == 0 && t.z == 0, "one");
	ok(rank_slope(one, one, 1, 0).pairs == 0, "no pair");
	is_near(rank_wander(one, 1, 0), 0, "goes nowhere");
}

/*
 * A lone step half-way and a quarter in: S 100 and 75, variance 700 and 525,
 * z 3.74 and 3.23: both significant, and their slopes next to nothing.
 */
static void test_steps(void)
{
	double x[20], half[20], quarter[20];
	struct rank_test t;
	struct rank_slope s;

	for (int i = 0; i < 20; i++) {
		x[i] = i;
		half[i] = i >= 10;
		quarter[i] = i >= 5;
	}
	t = rank_trend(half, 20, 0);
	is_near(t.s, 100, "S half-way");
	is_near(t.variance, 700, "variance");
	is_near(99 / sqrt(700), 3.7418482827913495, "z without inflation");
	is_near(t.z, 99 / sqrt(700 * t.inflation), "z");
	s = rank_slope(x, half, 20,
		       rank_normal_quantile(0.99) * sqrt(t.variance));
	is_near(s.median, 1 / 17.0, "slope");
	is_near(s.lower, 0, "lower bound");
	t = rank_trend(quarter, 20, 0);
	is_near(t.s, 75, "S a quarter in");
	is_near(t.variance, 525, "variance");
	is_near(rank_slope(x, quarter, 20, 0).median, 0, "slope");
}

/*
 * Waves: ranks have correlation 9/22 at lag 1, with the bias taken off
 * 9/22 + (1 + 36/22) / 12, and 1 + 2 / 1320 * sum((12-l) (11-l) (10-l) r^l)
 * is 2.690999. Against each other: -7/8, never deflated.
 */
static void test_inflation(void)
{
	static const double waves[] = { 0, 1, 2, 3, 2, 1, 0, 1, 2, 3, 2, 1 };
	static const double turns[] = { 0, 5, 0, 5, 0, 5, 0, 5 };
	double rising[12];

	is_near(rank_trend(waves, COUNT(waves), 0).inflation,
		2.690999002245605, "waves");
	is_near(rank_trend(turns, COUNT(turns), 0).inflation, 1, "turns");
	for (int i = 0; i < 12; i++)
		rising[i] = waves[i] + 64 * i;
	is_near(rank_trend(rising, 12, 64).inflation, 2.690999002245605,
		"the trend is taken off");
}

/* sqrt(sum((y[i] - y[i-3] - 3 slope)^2) / 9 / 3 * 12 / (1 - 3/12)). */
static void test_wander(void)
{
	static const double waves[] = { 0, 1, 2, 3, 2, 1, 0, 1, 2, 3, 2, 1 };
	static const double ties[] = { 3, 5, 4, 4, 6, 9, 9, 8, 12, 11, 11, 14 };
	static const double line[] = { 0, 2, 4, 6, 8, 10, 12, 14, 16, 18 };

	is_near(rank_wander(waves, COUNT(waves), 0), 4.422166387140534,
		"waves");
	is_near(rank_wander(ties, COUNT(ties), 2 / 3.0), 3.61068373539376,
		"a rising series");
	is_near(rank_wander(line, COUNT(line), 2), 0, "a straight line");
}

int main(void)
{
	RUN(test_quantile());
	RUN(test_median());
	RUN(test_tuna());
	RUN(test_cloud_seeding());
	RUN(test_ties());
	RUN(test_equal_values());
	RUN(test_empty());
	RUN(test_steps());
	RUN(test_inflation());
	RUN(test_wander());
	return done();
}
