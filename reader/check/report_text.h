/* SPDX-License-Identifier: MIT */
#ifndef READER_CHECK_REPORT_TEXT_H
#define READER_CHECK_REPORT_TEXT_H
/*
 * Parts of the report for a person, for outputs that hold text. Safe in
 * separate threads on separate streams.
 */
#include "reader/check/report_outcome.h"

/* All there is to say about one outcome: lines, with a chart of a series. */
void report_text_outcome(const struct check_outcome *o,
			 const struct check_text_style *style, FILE *out);

/* The same as check_report_text() for an 80-column log, to be freed. */
char *report_text_plain(const struct check_report *r);

#endif /* READER_CHECK_REPORT_TEXT_H */
