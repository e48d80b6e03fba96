/* SPDX-License-Identifier: MIT */
#include "reader/check/report_wording.h"

#include <math.h>
#include <string.h>

#define SMALLEST 1e-4 /* that is shown */
#define EXACT    99.95 /* below it a fraction is shown */

const enum check_verdict wording_worst_first[CHECK_VERDICTS] = {
	CHECK_GROWTH, CHECK_LIMIT,   CHECK_NOT_OBSERVED, CHECK_INCONCLUSIVE,
	CHECK_STEP,   CHECK_PLATEAU, CHECK_PASS,
};

const char *wording_series(enum check_series_id id)
{
	static const char *const names[CHECK_SERIES] = {
		[CHECK_LIVE_BYTES] = "live bytes",
		[CHECK_LIVE_OBJECTS] = "live objects",
		[CHECK_THREADS] = "threads",
		[CHECK_RESIDENT] = "resident bytes",
	};

	return names[id];
}

static uint64_t rounded(double amount)
{
	return amount < 0x1p64 ? (uint64_t)(amount + 0.5) : UINT64_MAX;
}

/* A number of things, never with an exponent. */
static struct text number(double amount)
{
	struct text text;

	if (amount >= EXACT)
		return format_count(rounded(amount));
	snprintf(text.s, sizeof(text.s), "%.3g", amount);
	return text;
}

static struct text bytes(double amount)
{
	struct text text, plain;

	if (amount >= 1023.5)
		return format_bytes(rounded(amount), false);
	plain = number(amount);
	snprintf(text.s, sizeof(text.s), "%.16s B", plain.s);
	return text;
}

/* The first `length` bytes of `unit` say what is counted. */
static struct text counted(double amount, const char *unit, int length)
{
	struct text plain = number(amount);
	struct text text;

	if (strcmp(plain.s, "1") == 0 && length > 1 && unit[length - 1] == 's')
		length--;
	snprintf(text.s, sizeof(text.s), "%.27s %.*s", plain.s, length, unit);
	return text;
}

static struct text signed_amount(double amount, const char *unit,
				 const char *plus)
{
	const char *per = strchrnul(unit, '/');
	int length = (int)(per - unit);
	double size = fabs(amount) < SMALLEST ? 0 : fabs(amount);
	const char *sign = size == 0 ? "" : amount < 0 ? "-" : plus;
	struct text plain, text;

	if (length == 5 && strncmp(unit, "bytes", 5) == 0)
		plain = bytes(size);
	else
		plain = counted(size, unit, length);
	snprintf(text.s, sizeof(text.s), "%s%.35s%.11s", sign, plain.s, per);
	return text;
}

struct text wording_amount(double amount, const char *unit)
{
	return signed_amount(amount, unit, "");
}

struct text wording_change(double change, const char *unit)
{
	return signed_amount(change, unit, "+");
}

struct text wording_short(double amount, const char *unit, bool plus)
{
	const char *sign = amount <= -SMALLEST ? "-" :
			   amount >= SMALLEST && plus ? "+" : "";
	double size = fabs(amount) < SMALLEST ? 0 : fabs(amount);
	struct text plain, text;

	if (strcmp(unit, "bytes") == 0)
		plain = bytes(size);
	else if (size >= 9999.5)
		plain = format_short_count(rounded(size), false);
	else
		plain = number(size);
	snprintf(text.s, sizeof(text.s), "%s%.40s", sign, plain.s);
	return text;
}

struct text wording_slope(double slope, const char *unit, enum check_per per)
{
	char whole[48];

	snprintf(whole, sizeof(whole), "%s/%s", unit, check_per_name(per));
	return wording_amount(slope, whole);
}

struct text wording_place(double x, bool by_iterations)
{
	struct text text;

	if (by_iterations)
		snprintf(text.s, sizeof(text.s), "iteration %.0f", x);
	else if (x < 59.5)
		snprintf(text.s, sizeof(text.s), "%.3g s",
			 x < 0.001 ? 0 : x);
	else
		text = format_duration(x);
	return text;
}

struct text wording_ratio(double ratio)
{
	struct text text;

	snprintf(text.s, sizeof(text.s), "%.2f",
		 fabs(ratio) < 0.005 ? 0 : ratio);
	return text;
}

struct text wording_confidence(double confidence)
{
	struct text text;

	snprintf(text.s, sizeof(text.s), "%.6g %%", confidence * 100);
	return text;
}

struct escaped_text wording_process(const struct check_process *p)
{
	struct escaped_text command = format_escaped(p->command);
	struct escaped_text text;

	snprintf(text.s, sizeof(text.s), "%.900s (pid %d)",
		 *command.s ? command.s : "unnamed", p->pid);
	return text;
}

const char *wording_limit_state(enum check_limit_state state)
{
	static const char *const names[] = {
		[CHECK_KEPT] = "kept",
		[CHECK_BROKEN] = "broken",
		[CHECK_UNKNOWN] = "unknown",
	};

	return names[state];
}

struct escaped_text wording_limit(const struct check_limit *l)
{
	struct escaped_text text;

	if (l->state == CHECK_UNKNOWN || !isfinite(l->value))
		snprintf(text.s, sizeof(text.s), "%.500s", l->reason);
	else
		snprintf(text.s, sizeof(text.s),
			 "%.500s %s, at most %s allowed", l->reason,
			 wording_amount(l->value, l->unit).s,
			 wording_amount(l->limit, l->unit).s);
	return text;
}
