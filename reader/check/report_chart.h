/* SPDX-License-Identifier: MIT */
#ifndef READER_CHECK_REPORT_CHART_H
#define READER_CHECK_REPORT_CHART_H
/*
 * Charts of one series: x as it was judged, from its first to its last
 * sample. However many samples there are, a chart takes no more room than its
 * columns: each shows the lowest and the highest value that falls into it.
 * Safe in separate threads on separate streams.
 */
#include "reader/check/report.h"

struct chart_column {
	bool is_used;              /* else there is no sample in it */
	double x;                  /* of its last sample */
	uint64_t low, high, last;
};

/*
 * Sorts `count` points into columns of equal width. All go into the first
 * one where x does not change.
 */
void chart_reduce(const struct trend_point *points, size_t count,
		  struct chart_column *ret, size_t columns);

/*
 * The values that a chart shows: lowest to highest, but at least a tenth of
 * the highest, that noise does not look like a mountain.
 */
struct chart_range {
	double low, high; /* high > low */
};

struct chart_range chart_range(const struct check_series *s);

/*
 * Draws with characters, `height` rows and the x axis, each line after
 * `indent` spaces. It takes the width of the style at most, but 16 columns
 * and the labels at least. Of fewer than two samples nothing is drawn.
 */
void chart_text(const struct check_series *s, bool by_iterations,
		const struct check_text_style *style, unsigned indent,
		unsigned height, FILE *out);

/* One line of `width` characters without axes or newline; UTF-8. */
void chart_spark(const struct check_series *s, unsigned width, FILE *out);

/*
 * Writes an <svg> element with its title and description, which are named
 * by `title`, a text of ours, and made unique by `number`. Its colours come
 * from the CSS classes and variables of the page.
 */
void chart_svg(const struct check_series *s, const struct check_run *run,
	       bool by_iterations, const char *title, unsigned number,
	       FILE *out);

#endif /* READER_CHECK_REPORT_CHART_H */
