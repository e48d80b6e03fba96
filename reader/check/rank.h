/* SPDX-License-Identifier: MIT */
#ifndef READER_CHECK_RANK_H
#define READER_CHECK_RANK_H
/*
 * Rank statistics of a short series: whether it trends and how steeply,
 * without an assumption on how its noise is distributed. Pure: no clock, no
 * input or output, no allocation, no state. Depends on libc and libm only.
 * Safe in any thread. All values must be finite.
 */
#include <stddef.h>

#define RANK_POINTS_MAX 40 /* of one series */

/*
 * Middle value, or the mean of the two middle ones; 0 for no values. The
 * values are reordered.
 */
double rank_median(double *values, size_t count);

/*
 * The z with P(Z < z) = p for a standard normal Z; 0 < p < 1. Good to about
 * ten digits for p between 1e-9 and 1 - 1e-9.
 */
double rank_normal_quantile(double p);

/* Mann (1945) and Kendall (1975): does y rise more often than it falls? */
struct rank_test {
	double s;         /* rising pairs minus falling pairs */
	double variance;  /* of s without a trend, corrected for ties in y */
	double inflation; /* factor for serial correlation, at least 1 */
	double z;         /* s in its standard deviations; 0 if those are 0 */
};

/*
 * Tests count <= RANK_POINTS_MAX values in their order of time. `slope` is
 * the trend by point that is taken off before the correlation is measured.
 *
 * The variance is inflated as by Hamed and Rao (1998, J. Hydrology 204,
 * equation 16), with one change: they sum the rank autocorrelations of all
 * lags that are significant, which are few and poor estimates in a series of
 * twenty. Here only that of lag 1 is estimated, its bias in short series
 * taken off (Marriott and Pope 1954, Biometrika 41), and the others are its
 * powers, as in a first-order process. It is never deflated.
 */
struct rank_test rank_trend(const double *y, size_t count, double slope);

/* Theil (1950) and Sen (1968): the median of the slopes of all pairs. */
struct rank_slope {
	double median;
	double lower, upper; /* one-sided bounds each */
	size_t pairs;        /* with different x; 0: there is no slope */
};

/*
 * `half_width` is C in Sen's bounds: the slopes at rank (N - C) / 2 and
 * (N + C) / 2 + 1 of N, both rounded outwards, and the extreme ones where
 * these ranks do not exist. It is the quantile of the normal distribution
 * times the standard deviation of struct rank_test's s.
 */
struct rank_slope rank_slope(const double *x, const double *y, size_t count,
			     double half_width);

/*
 * How far a random walk with the same long-run variance would get in `count`
 * steps, as a standard deviation: from the differences of values a quarter
 * of the series apart, the trend taken off (the variance ratio of Cochrane
 * 1988, J. Political Economy 96, with its correction for short series).
 * Noise about a line cancels in it; what is never given back does not.
 */
double rank_wander(const double *y, size_t count, double slope);

#endif /* READER_CHECK_RANK_H */
