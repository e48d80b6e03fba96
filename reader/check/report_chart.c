/* SPDX-License-Identifier: MIT */
#include "reader/check/report_chart.h"

#include <math.h>
#include <string.h>

#define SHOWN_SHARE 0.1 /* least range, of the highest value */
#define BELOW_SHARE 0.4 /* of the least range, below what is flat */

static size_t column_of(double share, size_t columns)
{
	size_t column = share > 0 ? (size_t)(share * (double)columns) : 0;

	return column < columns ? column : columns - 1;
}

void chart_reduce(const struct trend_point *points, size_t count,
		  struct chart_column *ret, size_t columns)
{
	double length = count ? points[count - 1].x - points[0].x : 0;

	memset(ret, 0, columns * sizeof(*ret));
	for (size_t i = 0; i < count; i++) {
		const struct trend_point *p = &points[i];
		double share = length > 0 ? (p->x - points[0].x) / length : 0;
		struct chart_column *c = &ret[column_of(share, columns)];

		if (!c->is_used || p->y < c->low)
			c->low = p->y;
		if (!c->is_used || p->y > c->high)
			c->high = p->y;
		c->is_used = true;
		c->last = p->y;
		c->x = p->x;
	}
}

struct chart_range chart_range(const struct check_series *s)
{
	double low = (double)s->lowest, high = (double)s->highest;
	double least = fmax(high * SHOWN_SHARE, 1);
	double middle = (low + high) / 2;

	if (high - low < least) {
		/* Off the middle, where two rows of a small chart meet. */
		low = fmax(middle - least * BELOW_SHARE, 0);
		high = low + least;
	}
	return (struct chart_range){ low, high };
}
