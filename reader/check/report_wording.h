/* SPDX-License-Identifier: MIT */
#ifndef READER_CHECK_REPORT_WORDING_H
#define READER_CHECK_REPORT_WORDING_H
/*
 * Names and numbers as all reports of a check write them. Results are
 * returned by value. Pure functions, safe in any thread.
 */
#include "reader/check/report.h"
#include "reader/format.h"

/* All verdicts in the order of check_worse(): who decides, comes first. */
extern const enum check_verdict wording_worst_first[CHECK_VERDICTS];

/* "live bytes", "live objects", "threads", "resident bytes". */
const char *wording_series(enum check_series_id id);

/*
 * A number with its unit, as in struct check_limit: "1.5 MiB", "1 thread",
 * "12.5 %", "1.2 MiB/hour". Less than 0.0001 counts as 0.
 */
struct text wording_amount(double amount, const char *unit);

/* The same with a sign: "+1.5 MiB", "-12 B", "0 B". */
struct text wording_change(double change, const char *unit);

/*
 * The same for a column or an axis, without what is counted: "1.5 MiB",
 * "2.5M"; `plus`: with the sign of a change.
 */
struct text wording_short(double amount, const char *unit, bool plus);

/* A slope: "1.2 MiB/hour", "-12 B/hour"; `unit` is that of the series. */
struct text wording_slope(double slope, const char *unit, enum check_per per);

/* A place on the x axis: "1m 05s" or "iteration 12". */
struct text wording_place(double x, bool by_iterations);

/* "0.25"; no "-0.00". */
struct text wording_ratio(double ratio);

/* "99 %" of 0.99. */
struct text wording_confidence(double confidence);

/* "srv (pid 4242)", the name made visible. */
struct escaped_text wording_process(const struct check_process *p);

/* "kept", "broken", "unknown". */
const char *wording_limit_state(enum check_limit_state state);

/* "peak live bytes 70.0 MiB, at most 64.0 MiB allowed"; or why unknown. */
struct escaped_text wording_limit(const struct check_limit *l);

#endif /* READER_CHECK_REPORT_WORDING_H */
