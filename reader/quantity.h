/* SPDX-License-Identifier: MIT */
#ifndef READER_QUANTITY_H
#define READER_QUANTITY_H
/*
 * Amounts with units as people write them on a command line. Pure; safe in
 * any thread. False, and *ret untouched, for what is no such amount.
 */
#include <stdbool.h>
#include <stdint.h>

#include "reader/check/judge.h"

/*
 * Bytes: "4096", "64K", "64KiB", "1.5G" by powers of 1024, "64kB", "64MB" by
 * powers of 1000. Not negative, below 2^63.
 */
bool quantity_bytes(const char *text, uint64_t *ret);

/* Seconds: "90", "0.5s", "10m", "8h", "1d". At most a month of 31 days. */
bool quantity_seconds(const char *text, double *ret);

/* Per cent, above 0: "99", "99.5%". */
bool quantity_percent(const char *text, double *ret);

/*
 * Growth: "1MiB/h", "100objects/iteration", "0.5 threads/day"; without a word
 * before the slash it is bytes. Per s, second, h, hour, d, day, iteration.
 */
bool quantity_rate(const char *text, struct check_max_growth *ret,
		   enum check_series_id *ret_series);

#endif /* READER_QUANTITY_H */
