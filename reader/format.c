/* SPDX-License-Identifier: MIT */
#include "reader/format.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define NS_PER_SECOND 1000000000ULL

/* Divides until the printed number is below `base`, rounding included. */
static struct text scaled(double value, double base, const char *const *units)
{
	struct text text;

	do {
		value /= base;
		units++;
	} while (value >= base - 0.05 && units[1]);
	snprintf(text.s, sizeof(text.s), "%.1f%s", value, *units);
	return text;
}

struct text format_bytes(uint64_t bytes, bool raw)
{
	static const char *const units[] = {
		" B", " KiB", " MiB", " GiB", " TiB", " PiB", " EiB", NULL
	};
	struct text text;

	if (bytes >= 1024 && !raw)
		return scaled((double)bytes, 1024, units);
	snprintf(text.s, sizeof(text.s), "%" PRIu64 "%s", bytes,
		 raw ? "" : " B");
	return text;
}

struct text format_bytes_change(uint64_t before, uint64_t after, bool raw)
{
	uint64_t size = after > before ? after - before : before - after;
	const char *sign = after > before ? "+" : after < before ? "-" : "";
	struct text plain = format_bytes(size, raw);
	struct text text;

	snprintf(text.s, sizeof(text.s), "%s%.40s", sign, plain.s);
	return text;
}

struct text format_count(uint64_t count)
{
	struct text text;
	char digits[24];
	int length = snprintf(digits, sizeof(digits), "%" PRIu64, count);
	char *out = text.s;

	for (int i = 0; i < length; i++) {
		if (i > 0 && (length - i) % 3 == 0)
			*out++ = ',';
		*out++ = digits[i];
	}
	*out = '\0';
	return text;
}

struct text format_short_count(uint64_t count, bool raw)
{
	static const char *const units[] = {
		"", "k", "M", "G", "T", "P", "E", NULL
	};
	struct text text;

	if (count >= 10000 && !raw)
		return scaled((double)count, 1000, units);
	snprintf(text.s, sizeof(text.s), "%" PRIu64, count);
	return text;
}

struct text format_duration(double seconds)
{
	struct text text;
	uint64_t whole;

	if (!(seconds > 0))
		seconds = 0;
	if (seconds > 1e15)
		seconds = 1e15;
	whole = (uint64_t)(seconds + 0.005); /* 59.999 is a minute */
	if (seconds > 0 && seconds < 99.5e-9)
		snprintf(text.s, sizeof(text.s), "%.0f ns", seconds * 1e9);
	else if (seconds > 0 && seconds < 99.5e-6)
		snprintf(text.s, sizeof(text.s), "%.1f us", seconds * 1e6);
	else if (seconds > 0 && seconds < 0.0995)
		snprintf(text.s, sizeof(text.s), "%.*f ms",
			 seconds < 0.00995, seconds * 1000);
	else if (seconds < 59.995)
		snprintf(text.s, sizeof(text.s), "%.2f s", seconds);
	else if (whole < 3600)
		snprintf(text.s, sizeof(text.s), "%um %02us",
			 (unsigned)(whole / 60), (unsigned)(whole % 60));
	else if (whole < 86400)
		snprintf(text.s, sizeof(text.s), "%uh %02um",
			 (unsigned)(whole / 3600),
			 (unsigned)(whole / 60 % 60));
	else
		snprintf(text.s, sizeof(text.s), "%" PRIu64 "d %02uh",
			 whole / 86400, (unsigned)(whole / 3600 % 24));
	return text;
}

struct text format_time(uint64_t realtime_ns, bool milliseconds)
{
	time_t seconds = (time_t)(realtime_ns / NS_PER_SECOND);
	unsigned ms = (unsigned)(realtime_ns % NS_PER_SECOND / 1000000);
	struct text text;
	struct tm tm;
	size_t length;

	/* 2^64 ns end in the year 2554: gmtime_r() cannot fail. */
	gmtime_r(&seconds, &tm);
	length = strftime(text.s, sizeof(text.s), "%Y-%m-%dT%H:%M:%S", &tm);
	if (milliseconds)
		snprintf(text.s + length, sizeof(text.s) - length,
			 ".%03uZ", ms);
	else
		snprintf(text.s + length, sizeof(text.s) - length, "Z");
	return text;
}

/* A moment, in a human's words; a duration is what all others are. */
static bool is_moment(const struct ht_metric *metric)
{
	static const char *const keys[] = {
		"/process/start-time:seconds",
		"/gc/last:seconds",
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (strcmp(metric->key, keys[i]) == 0)
			return true;
	return false;
}

static struct text real_value(const struct ht_metric *metric, double value,
			      bool raw)
{
	struct text text;

	if (raw)
		snprintf(text.s, sizeof(text.s), "%.15g", value);
	else if (is_moment(metric))
		text = format_time((uint64_t)(value * 1e9), false);
	else
		text = format_duration(value);
	return text;
}

struct text format_value(const struct ht_metric *metric,
			 const struct ht_sample *value, bool raw)
{
	if (value->kind == HT_KIND_F64)
		return real_value(metric, value->value.f64, raw);
	if (strcmp(metric->unit, "bytes") == 0)
		return format_bytes(value->value.u64, raw);
	return raw ? format_short_count(value->value.u64, true) :
		     format_count(value->value.u64);
}

struct text format_metric(const struct view *v, const char *key, bool raw)
{
	const struct ht_sample *s = view_sample(v, key);

	if (!s)
		return (struct text){ "-" };
	if (strstr(key, ":bytes"))
		return format_bytes(s->value.u64, raw);
	return format_short_count(s->value.u64, raw);
}

/* The least code that may take that many bytes: shorter forms exist below. */
static const uint32_t utf8_least[] = { 0, 0, 0x80, 0x800, 0x10000 };

static unsigned utf8_length(unsigned char first)
{
	if (first < 0x80)
		return 1;
	if (first >= 0xc2 && first < 0xe0)
		return 2;
	if (first >= 0xe0 && first < 0xf0)
		return 3;
	return first >= 0xf0 && first < 0xf5 ? 4 : 0;
}

unsigned format_utf8(const char *s, uint32_t *ret_code)
{
	unsigned char first = (unsigned char)*s;
	unsigned length = first ? utf8_length(first) : 0;
	uint32_t code = length == 1 ? first : first & (0x7fu >> length);

	for (unsigned i = 1; i < length; i++) {
		unsigned char next = (unsigned char)s[i];

		if ((next & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (next & 0x3f);
	}
	if (!length || code < utf8_least[length] || code > 0x10ffff ||
	    (code >= 0xd800 && code < 0xe000))
		return 0;
	*ret_code = code;
	return length;
}

/* Ranges that a terminal acts upon instead of showing a glyph. */
static bool is_unprintable(uint32_t code)
{
	static const uint32_t ranges[][2] = {
		{ 0x00, 0x1f },     { '\\', '\\' },     { 0x7f, 0x9f },
		{ 0x200e, 0x200f }, { 0x2028, 0x202e }, { 0x2066, 0x2069 },
	};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (code >= ranges[i][0] && code <= ranges[i][1])
			return true;
	return false;
}

struct escaped_text format_escaped(const char *untrusted)
{
	struct escaped_text text;
	size_t used = 0;

	/* 16: a whole character with each of its bytes as \xNN. */
	while (*untrusted && used + 16 < sizeof(text.s)) {
		uint32_t code = 0;
		unsigned length = format_utf8(untrusted, &code);
		unsigned taken = length ? length : 1;

		if (length && !is_unprintable(code)) {
			memcpy(text.s + used, untrusted, length);
			used += length;
		} else {
			for (unsigned i = 0; i < taken; i++)
				used += (size_t)snprintf(
					text.s + used, 5, "\\x%02x",
					(unsigned char)untrusted[i]);
		}
		untrusted += taken;
	}
	text.s[used] = '\0';
	return text;
}
