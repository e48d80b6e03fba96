/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_TAP_H
#define TESTS_UNIT_TAP_H
/*
 * The Test Anything Protocol, as much of it as unit tests need: one line a
 * check, diagnostics as comments, the plan at the end. Each program ends in
 * `return done();`, which is non-zero when a check failed. A program that
 * dies half-way prints no plan, so a harness sees that too.
 *
 * Every line is flushed at once: tests fork, and a child must not inherit
 * half a buffer. Only the main thread of the main process may report.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define TAP_FORMAT(at) __attribute__((format(printf, at, (at) + 1)))

/* One per program: this header is included by a test's only source. */
static struct {
	unsigned run;
	unsigned failed;
} tap;

static inline void tap_line(bool good, const char *format, va_list arguments)
{
	tap.run++;
	tap.failed += !good;
	printf("%sok %u - ", good ? "" : "not ", tap.run);
	vprintf(format, arguments);
	putchar('\n');
	fflush(stdout);
}

/* A comment line. */
TAP_FORMAT(1) static inline void diag(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	fputs("# ", stdout);
	vprintf(format, arguments);
	putchar('\n');
	fflush(stdout);
	va_end(arguments);
}

/* Reports one check and returns whether it passed. */
TAP_FORMAT(2) static inline bool ok(bool good, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	tap_line(good, format, arguments);
	va_end(arguments);
	return good;
}

TAP_FORMAT(3)
static inline bool is_u64(uint64_t got, uint64_t want, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	tap_line(got == want, format, arguments);
	va_end(arguments);
	if (got != want)
		diag("got %" PRIu64 ", want %" PRIu64, got, want);
	return got == want;
}

TAP_FORMAT(3)
static inline bool is_str(const char *got, const char *want,
			  const char *format, ...)
{
	bool same = got && want ? strcmp(got, want) == 0 : got == want;
	va_list arguments;

	va_start(arguments, format);
	tap_line(same, format, arguments);
	va_end(arguments);
	if (!same)
		diag("got '%s', want '%s'", got ? got : "(null)",
		     want ? want : "(null)");
	return same;
}

/* One check that cannot be made here, with the reason. */
TAP_FORMAT(2)
static inline void skip(const char *reason, const char *format, ...)
{
	va_list arguments;

	tap.run++;
	printf("ok %u - ", tap.run);
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	printf(" # SKIP %s\n", reason);
	fflush(stdout);
}

/* Prints the plan; returns the exit status of the program. */
static inline int done(void)
{
	printf("1..%u\n", tap.run);
	if (tap.failed)
		diag("%u of %u failed", tap.failed, tap.run);
	fflush(stdout);
	return tap.failed || !tap.run;
}

#endif /* TESTS_UNIT_TAP_H */
