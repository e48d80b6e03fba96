/* SPDX-License-Identifier: MIT */
#include "reader/quantity.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MONTH_SECONDS (31 * 86400.0) /* longer than anybody watches */

struct unit {
	const char *name;
	double factor;
};

/* To add a unit: a row. Compared without regard to case. */
static const struct unit byte_units[] = {
	{ "", 1 }, { "B", 1 },
	{ "K", 0x1p10 }, { "KiB", 0x1p10 }, { "kB", 1e3 },
	{ "M", 0x1p20 }, { "MiB", 0x1p20 }, { "MB", 1e6 },
	{ "G", 0x1p30 }, { "GiB", 0x1p30 }, { "GB", 1e9 },
	{ "T", 0x1p40 }, { "TiB", 0x1p40 }, { "TB", 1e12 },
	{ NULL, 0 }
};
static const struct unit time_units[] = {
	{ "", 1 }, { "s", 1 }, { "m", 60 }, { "h", 3600 }, { "d", 86400 },
	{ NULL, 0 }
};
static const struct unit percent_units[] = {
	{ "", 1 }, { "%", 1 }, { NULL, 0 }
};

/* The number at the front; *ret_end is behind it and any spaces. */
static bool read_number(const char *text, const char **ret_end, double *ret)
{
	char *end;
	double number;

	/* Neither "inf", "0x1p3" nor a sign. */
	if (!strchr("0123456789.", *text) || !*text)
		return false;
	if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
		return false;
	errno = 0;
	number = strtod(text, &end);
	if (end == text || errno || !isfinite(number))
		return false;
	while (*end == ' ')
		end++;
	*ret_end = end;
	*ret = number;
	return true;
}

static const struct unit *find_unit(const struct unit *units, const char *name,
				    size_t length)
{
	for (; units->name; units++)
		if (strlen(units->name) == length &&
		    strncasecmp(units->name, name, length) == 0)
			return units;
	return NULL;
}

static bool read_amount(const char *text, const struct unit *units,
			double *ret)
{
	const struct unit *unit;
	const char *end;
	double number;

	if (!read_number(text, &end, &number))
		return false;
	unit = find_unit(units, end, strlen(end));
	if (!unit)
		return false;
	*ret = number * unit->factor;
	return true;
}

bool quantity_bytes(const char *text, uint64_t *ret)
{
	double bytes;

	if (!read_amount(text, byte_units, &bytes) || bytes >= 0x1p63)
		return false;
	*ret = (uint64_t)bytes;
	return true;
}

bool quantity_seconds(const char *text, double *ret)
{
	double seconds;

	if (!read_amount(text, time_units, &seconds) ||
	    seconds > MONTH_SECONDS)
		return false;
	*ret = seconds;
	return true;
}

bool quantity_percent(const char *text, double *ret)
{
	double percent;

	if (!read_amount(text, percent_units, &percent) || !(percent > 0))
		return false;
	*ret = percent;
	return true;
}

/* ---- growth ---- */

struct word {
	const char *name;
	int value;
};

static const struct word counted[] = {
	{ "objects", CHECK_LIVE_OBJECTS }, { "object", CHECK_LIVE_OBJECTS },
	{ "threads", CHECK_THREADS }, { "thread", CHECK_THREADS },
	{ NULL, 0 }
};
static const struct word pers[] = {
	{ "s", CHECK_PER_SECOND }, { "second", CHECK_PER_SECOND },
	{ "h", CHECK_PER_HOUR }, { "hour", CHECK_PER_HOUR },
	{ "d", CHECK_PER_DAY }, { "day", CHECK_PER_DAY },
	{ "iteration", CHECK_PER_ITERATION }, { NULL, 0 }
};

static const struct word *find_word(const struct word *words, const char *name,
				    size_t length)
{
	for (; words->name; words++)
		if (strlen(words->name) == length &&
		    strncasecmp(words->name, name, length) == 0)
			return words;
	return NULL;
}

bool quantity_rate(const char *text, struct check_max_growth *ret,
		   enum check_series_id *ret_series)
{
	const char *end, *slash = strchr(text, '/');
	const struct word *per, *series;
	const struct unit *unit;
	double number;

	if (!slash || !read_number(text, &end, &number) || end > slash)
		return false;
	per = find_word(pers, slash + 1, strlen(slash + 1));
	series = find_word(counted, end, (size_t)(slash - end));
	unit = find_unit(byte_units, end, (size_t)(slash - end));
	if (!per || (!series && !unit))
		return false;
	*ret_series = series ? (enum check_series_id)series->value :
			       CHECK_LIVE_BYTES;
	*ret = (struct check_max_growth){
		.is_set = true, .per = (enum check_per)per->value,
		.amount = number * (unit ? unit->factor : 1),
	};
	return true;
}
