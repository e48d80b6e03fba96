/* SPDX-License-Identifier: MIT */
#include "reader/report.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void report_list(const char *format, va_list arguments)
{
	int saved_errno = errno;
	char *message = NULL;

	/* One call, one write: lines of parallel commands do not mix. */
	if (vasprintf(&message, format, arguments) >= 0)
		fprintf(stderr, "heaptally: %s\n", message);
	free(message);
	errno = saved_errno;
}

void report(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	report_list(format, arguments);
	va_end(arguments);
}

int report_usage(const char *command, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	report_list(format, arguments);
	va_end(arguments);
	fprintf(stderr, "try 'heaptally %s%s--help'\n",
		command ? command : "", command ? " " : "");
	return STATUS_USAGE;
}

const char *report_errno(int error)
{
	static char text[128];

	snprintf(text, sizeof(text), "%s", strerror(error));
	/* "RPC struct is bad" keeps its capitals. */
	if (!isupper((unsigned char)text[1]))
		text[0] = (char)tolower((unsigned char)text[0]);
	return text;
}

int report_output(int status)
{
	errno = 0;
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	if (errno != EPIPE)
		report("cannot write to standard output: %s",
		       errno ? report_errno(errno) : "an earlier write failed");
	return status == STATUS_OK ? STATUS_FAILED : status;
}

const char *report_clause(char **slot, const char *format, ...)
{
	va_list arguments;

	free(*slot);
	va_start(arguments, format);
	if (vasprintf(slot, format, arguments) < 0)
		*slot = NULL;
	va_end(arguments);
	return report_oom(*slot);
}

void *report_oom(void *allocated)
{
	if (!allocated) {
		report("out of memory");
		exit(STATUS_FAILED);
	}
	return allocated;
}
