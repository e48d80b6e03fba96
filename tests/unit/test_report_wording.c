/* SPDX-License-Identifier: MIT */
#include <math.h>

#include "reader/check/report_wording.h"
#include "tests/unit/tap.h"

static void amount(double value, const char *unit, const char *want)
{
	is_str(wording_amount(value, unit).s, want, "%g %s", value, unit);
}

static void test_amount(void)
{
	amount(0, "bytes", "0 B");
	amount(0.00001, "bytes", "0 B");
	amount(-0.00001, "bytes", "0 B");
	amount(0.0351, "bytes", "0.0351 B");
	amount(12, "bytes", "12 B");
	amount(352.4, "bytes", "352 B");
	amount(1023.4, "bytes", "1,023 B");
	amount(1023.6, "bytes", "1.0 KiB");
	amount(-1536, "bytes", "-1.5 KiB");
	amount(1.5 * 1048576, "bytes/hour", "1.5 MiB/hour");
	amount(1, "threads", "1 thread");
	amount(1, "threads/day", "1 thread/day");
	amount(2.5, "threads", "2.5 threads");
	amount(1234567, "objects/iteration", "1,234,567 objects/iteration");
	amount(12.5, "%", "12.5 %");
	amount(1e300, "bytes", "16.0 EiB");
	amount(-1e300, "objects", "-18,446,744,073,709,551,615 objects");
}

static void test_change(void)
{
	is_str(wording_change(1536, "bytes").s, "+1.5 KiB", "more");
	is_str(wording_change(-12, "bytes").s, "-12 B", "less");
	is_str(wording_change(0, "objects").s, "0 objects", "the same");
	is_str(wording_slope(1048576, "bytes", CHECK_PER_HOUR).s,
	       "1.0 MiB/hour", "slope");
	is_str(wording_slope(-3, "threads", CHECK_PER_ITERATION).s,
	       "-3 threads/iteration", "falling");
}

static void test_short(void)
{
	is_str(wording_short(1536, "bytes", false).s, "1.5 KiB", "bytes");
	is_str(wording_short(9999, "objects", true).s, "+9,999", "in full");
	is_str(wording_short(12345, "objects", true).s, "+12.3k", "cut");
	is_str(wording_short(-2.5e6, "threads", true).s, "-2.5M", "falling");
	is_str(wording_short(0, "threads", true).s, "0", "no sign");
	is_str(wording_short(1e300, "objects", false).s, "18.4E", "too large");
}

static void test_place(void)
{
	is_str(wording_place(0, false).s, "0 s", "start");
	is_str(wording_place(-1, false).s, "0 s", "before the start");
	is_str(wording_place(9e-5, false).s, "0 s", "just behind it");
	is_str(wording_place(24.04, false).s, "24 s", "seconds");
	is_str(wording_place(1.25, false).s, "1.25 s", "parts of a second");
	is_str(wording_place(91, false).s, "1m 31s", "minutes");
	is_str(wording_place(12, true).s, "iteration 12", "iterations");
}

static void test_confidence(void)
{
	is_str(wording_confidence(0.99).s, "99 %", "two digits");
	is_str(wording_confidence(0.999).s, "99.9 %", "three digits");
	is_str(wording_ratio(-0.004).s, "0.00", "no sign of nothing");
	is_str(wording_ratio(-0.25).s, "-0.25", "a ratio");
}

static void test_limit(void)
{
	struct check_limit l = {
		.name = "max-live", .key = "/heap/live:bytes", .unit = "bytes",
		.limit = 64 << 20, .value = 70 << 20, .state = CHECK_BROKEN,
		.reason = "most live bytes",
	};

	is_str(wording_limit(&l).s, "most live bytes 70.0 MiB, at most "
	       "64.0 MiB allowed", "broken");
	l.state = CHECK_UNKNOWN;
	l.value = NAN;
	l.reason = "there is no sample";
	is_str(wording_limit(&l).s, "there is no sample", "unknown");
}

static void test_process(void)
{
	const struct check_process p = { .pid = 7, .command = "a\033b" };
	const struct check_process unnamed = { .pid = 8, .command = "" };

	is_str(wording_process(&p).s, "a\\x1bb (pid 7)", "made visible");
	is_str(wording_process(&unnamed).s, "unnamed (pid 8)", "no name");
}

/* The table and the function that decides agree. */
static void test_order(void)
{
	for (int i = 0; i < CHECK_VERDICTS; i++)
		for (int j = i; j < CHECK_VERDICTS; j++) {
			enum check_verdict worse = wording_worst_first[i];
			enum check_verdict better = wording_worst_first[j];

			ok(check_worse(worse, better) == worse &&
			   check_worse(better, worse) == worse,
			   "%s before %s", check_verdict_name(worse),
			   check_verdict_name(better));
		}
}

int main(void)
{
	RUN(test_amount());
	RUN(test_change());
	RUN(test_short());
	RUN(test_place());
	RUN(test_confidence());
	RUN(test_limit());
	RUN(test_process());
	RUN(test_order());
	return done();
}
