/* SPDX-License-Identifier: MIT */
#include "reader/check/rank.h"

#include <math.h>
#include <stdlib.h>

#define PAIRS_MAX       (RANK_POINTS_MAX * (RANK_POINTS_MAX - 1) / 2)
#define CORRELATION_MAX 0.95 /* beyond, the estimate says nothing any more */

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double middle(const double *sorted, size_t count)
{
	if (count == 0)
		return 0;
	if (count % 2)
		return sorted[count / 2];
	/* Half of each: the sum of both may be too large. */
	return sorted[count / 2 - 1] / 2 + sorted[count / 2] / 2;
}

double rank_median(double *values, size_t count)
{
	qsort(values, count, sizeof(*values), compare);
	return middle(values, count);
}

double rank_normal_quantile(double p)
{
	double low = -40, high = 40;

	/* erfc() falls throughout; 64 halvings exhaust a double. */
	for (int i = 0; i < 64; i++) {
		double z = (low + high) / 2;

		if (erfc(-z / M_SQRT2) / 2 < p)
			low = z;
		else
			high = z;
	}
	return (low + high) / 2;
}

static double sign(double difference)
{
	return (double)((difference > 0) - (difference < 0));
}

static double rising_pairs(const double *y, size_t count)
{
	double s = 0;

	for (size_t i = 0; i < count; i++)
		for (size_t j = i + 1; j < count; j++)
			s += sign(y[j] - y[i]);
	return s;
}

static double pairs_term(double n)
{
	return n * (n - 1) * (2 * n + 5);
}

/* Each group of t equal values takes its own term off. */
static double tied_variance(const double *y, size_t count)
{
	double sum = pairs_term((double)count);

	for (size_t i = 0; i < count; i++) {
		double equal = 0;

		for (size_t j = 0; j < count; j++)
			equal += y[j] == y[i];
		/* The group is met once for each of its members. */
		sum -= pairs_term(equal) / equal;
	}
	return sum > 0.5 ? sum / 18 : 0;
}

/* Ranks of what remains when the trend is taken off; equals share theirs. */
static void residual_ranks(const double *y, size_t count, double slope,
			   double *ranks)
{
	double rest[RANK_POINTS_MAX];

	for (size_t i = 0; i < count; i++)
		rest[i] = y[i] - slope * (double)i;
	for (size_t i = 0; i < count; i++) {
		ranks[i] = 0;
		for (size_t j = 0; j < count; j++)
			ranks[i] += sign(rest[i] - rest[j]) / 2;
	}
}

/* Ranks are centred on 0, so no mean is to be taken off. */
static double correlation(const double *ranks, size_t count)
{
	double products = 0, squares = 0;

	for (size_t i = 0; i < count; i++) {
		squares += ranks[i] * ranks[i];
		if (i > 0)
			products += ranks[i] * ranks[i - 1];
	}
	return squares > 0 ? products / squares : 0;
}

static double unbiased(double r, size_t count)
{
	r += (1 + 4 * r) / (double)count;
	return r > CORRELATION_MAX ? CORRELATION_MAX : r;
}

static double inflation(const double *y, size_t count, double slope)
{
	double n = (double)count;
	double ranks[RANK_POINTS_MAX];
	double r, power = 1, sum = 0;

	if (count < 4)
		return 1;
	residual_ranks(y, count, slope, ranks);
	r = correlation(ranks, count);
	if (r <= 0)
		return 1;
	r = unbiased(r, count);
	for (size_t lag = 1; lag < count; lag++) {
		double left = (double)(count - lag);

		power *= r;
		sum += left * (left - 1) * (left - 2) * power;
	}
	return 1 + 2 * sum / (n * (n - 1) * (n - 2));
}

struct rank_test rank_trend(const double *y, size_t count, double slope)
{
	struct rank_test t = {
		.s = rising_pairs(y, count),
		.variance = tied_variance(y, count),
		.inflation = inflation(y, count, slope),
	};

	/* One off towards 0: s moves in steps, the normal does not. */
	if (t.variance > 0)
		t.z = (t.s - sign(t.s)) / sqrt(t.variance * t.inflation);
	return t;
}

static size_t pair_slopes(const double *x, const double *y, size_t count,
			  double *slopes)
{
	size_t n = 0;

	for (size_t i = 0; i < count; i++)
		for (size_t j = i + 1; j < count; j++)
			if (x[j] != x[i])
				slopes[n++] = (y[j] - y[i]) / (x[j] - x[i]);
	qsort(slopes, n, sizeof(*slopes), compare);
	return n;
}

struct rank_slope rank_slope(const double *x, const double *y, size_t count,
			     double half_width)
{
	double slopes[PAIRS_MAX];
	size_t n = pair_slopes(x, y, count, slopes);
	struct rank_slope ret = { .pairs = n };
	double low = floor(((double)n - half_width) / 2) - 1;
	double high = ceil(((double)n + half_width) / 2);

	if (n == 0)
		return ret;
	ret.median = middle(slopes, n);
	ret.lower = slopes[low > 0 ? (size_t)low : 0];
	ret.upper = slopes[high < (double)n ? (size_t)high : n - 1];
	return ret;
}

double rank_wander(const double *y, size_t count, double slope)
{
	size_t lag = count / 4;
	double n = (double)count, k = (double)lag;
	double squares = 0;

	if (lag == 0)
		return 0;
	for (size_t i = lag; i < count; i++) {
		double rest = y[i] - y[i - lag] - slope * k;

		squares += rest * rest;
	}
	/* By step, times n steps; the trend has taken k / n of it. */
	return sqrt(squares / (n - k) / k * n / (1 - k / n));
}
