/* SPDX-License-Identifier: MIT */
#ifndef READER_FORMAT_H
#define READER_FORMAT_H
/*
 * Numbers, times and foreign text as a person reads them. Pure functions:
 * results are returned by value, so that format_bytes(n).s can stand among
 * the arguments of printf. Safe in any thread.
 */
#include <stdbool.h>
#include <stdint.h>

#include "reader/view.h"

struct text {
	char s[48];
};

/* Room for the longest string of a segment with every byte escaped. */
struct escaped_text {
	char s[1024];
};

/* "0 B", "512 B", "1.5 KiB"; raw: "1536". */
struct text format_bytes(uint64_t bytes, bool raw);

/* The same with a sign: "+1.5 KiB", "-12 B", "0 B". */
struct text format_bytes_change(uint64_t before, uint64_t after, bool raw);

/* "1,234,567"; independent of the locale. */
struct text format_count(uint64_t count);

/* At most six characters up to 10^15: "9999", "12.3k", "4.5M"; raw: exact. */
struct text format_short_count(uint64_t count, bool raw);

/* "2.5 ms", "59.30 s", "2m 05s", "3h 04m", "5d 06h"; negative counts as 0. */
struct text format_duration(double seconds);

/* ISO 8601 in UTC: "2026-01-31T12:00:00Z", or with milliseconds. */
struct text format_time(uint64_t realtime_ns, bool milliseconds);

/* A number by its metric's unit, no histogram; raw: a bare number. */
struct text format_value(const struct ht_metric *metric,
			 const struct ht_sample *value, bool raw);

/* For a narrow column: the number of that key, or "-" where it has none. */
struct text format_metric(const struct view *v, const char *key, bool raw);

/*
 * Returns `untrusted` without anything that could move a cursor, change
 * colours or turn the reading direction: control characters, backslashes and
 * bytes that are not UTF-8 become \xNN. Cut at the end of the buffer.
 */
struct escaped_text format_escaped(const char *untrusted);

/*
 * Returns the length of the valid UTF-8 character at s, which ends in NUL,
 * and stores it in *ret_code; 0 for NUL or an invalid sequence.
 */
unsigned format_utf8(const char *s, uint32_t *ret_code);

#endif /* READER_FORMAT_H */
