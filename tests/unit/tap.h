/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_TAP_H
#define TESTS_UNIT_TAP_H
/*
 * The Test Anything Protocol, as much of it as unit tests need. A program
 * makes checks by the hundred in test functions; main() calls each of these
 * through RUN(), which prints one line for all the checks that passed in it.
 * A check that fails has a line of its own, with details as comments, and so
 * has one that is skipped. With TAP_VERBOSE in the environment all have.
 *
 * Each program ends in `return done();`, which prints the plan and is
 * non-zero when a check failed. A program that dies half-way prints no plan,
 * so a harness sees that too.
 *
 * Every line is flushed at once: tests fork, and a child must not inherit
 * half a buffer. Only the main thread of the main process may report.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TAP_FORMAT(at) __attribute__((format(printf, at, (at) + 1)))

/* One per program: this header is included by a test's only source. */
static struct {
	unsigned lines;         /* of the plan */
	unsigned checks;        /* made or skipped */
	unsigned failed;
	char function[80];      /* that runs now; empty = none */
	unsigned checks_before; /* it ran */
	unsigned failed_before;
} tap;

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

static inline bool tap_is_terse(void)
{
	return tap.function[0] && !getenv("TAP_VERBOSE");
}

static inline void tap_line(bool good, const char *format, va_list arguments)
{
	tap.checks++;
	tap.failed += !good;
	if (good && tap_is_terse())
		return;
	printf("%sok %u - ", good ? "" : "not ", ++tap.lines);
	vprintf(format, arguments);
	putchar('\n');
	fflush(stdout);
	if (!good && tap.function[0])
		diag("in %s", tap.function);
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

	tap.checks++;
	printf("ok %u - ", ++tap.lines);
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	printf(" # SKIP %s\n", reason);
	fflush(stdout);
}

/* "test_mode(0600, 0)" is shown as "mode(0600, 0)", "test_fork()" as "fork". */
static inline void tap_begin(const char *call)
{
	size_t length;

	if (strncmp(call, "test_", 5) == 0)
		call += 5;
	snprintf(tap.function, sizeof(tap.function), "%s", call);
	length = strlen(tap.function);
	if (length > 2 && strcmp(tap.function + length - 2, "()") == 0)
		tap.function[length - 2] = '\0';
	tap.checks_before = tap.checks;
	tap.failed_before = tap.failed;
}

/* Failures were counted, each with its line; no check at all is one, too. */
static inline void tap_end(void)
{
	unsigned checks = tap.checks - tap.checks_before;
	unsigned failed = tap.failed - tap.failed_before;

	tap.failed += checks == 0;
	if (failed)
		diag("%s: %u of %u checks failed", tap.function, failed, checks);
	else
		printf("%sok %u - %s: %u check%s\n", checks ? "" : "not ",
		       ++tap.lines, tap.function, checks,
		       checks == 1 ? "" : "s");
	fflush(stdout);
	tap.function[0] = '\0';
}

/* Runs one test function: RUN(test_mode(0600, 0)); */
#define RUN(call)                 \
	do {                      \
		tap_begin(#call); \
		call;             \
		tap_end();        \
	} while (0)

/* Prints the plan; returns the exit status of the program. */
static inline int done(void)
{
	printf("1..%u\n", tap.lines);
	if (tap.failed)
		diag("%u of %u checks failed", tap.failed, tap.checks);
	fflush(stdout);
	return tap.failed || !tap.checks;
}

#endif /* TESTS_UNIT_TAP_H */
