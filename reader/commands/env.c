/* SPDX-License-Identifier: MIT */
/*
 * Lines for a POSIX shell. The path stands in single quotes, in which only
 * the quote itself is special.
 */
#include "reader/commands/commands.h"
#include "reader/library.h"
#include "reader/report.h"

static bool unset;

const struct option_row env_options[] = {
	{ 0, "unset", NULL, OPTION_FLAG, &unset,
	  "print lines that take the library out again" },
	{ 0 }
};

static void print_quoted(const char *path)
{
	putchar('\'');
	for (; *path; path++)
		if (*path == '\'')
			fputs("'\\''", stdout);
		else
			putchar(*path);
	putchar('\'');
}

static void print_set(const char *path)
{
	fputs("export LD_PRELOAD=", stdout);
	print_quoted(path);
	puts("\"${LD_PRELOAD:+:$LD_PRELOAD}\"");
}

/* With colons around the list every entry looks alike: ':path:'. */
static void print_unset(const char *path)
{
	puts("LD_PRELOAD=\":${LD_PRELOAD-}:\"");
	fputs("while case \"$LD_PRELOAD\" in *:", stdout);
	print_quoted(path);
	fputs(":*) true ;; *) false ;; esac; do LD_PRELOAD=${LD_PRELOAD%%:",
	      stdout);
	print_quoted(path);
	fputs(":*}:${LD_PRELOAD#*:", stdout);
	print_quoted(path);
	puts(":}; done");
	puts("LD_PRELOAD=${LD_PRELOAD#:} LD_PRELOAD=${LD_PRELOAD%:}");
	puts("[ -n \"$LD_PRELOAD\" ] || unset LD_PRELOAD");
}

int cmd_env(int argc, char **argv)
{
	const char *why;
	const char *path = library_find(&why);

	(void)argc;
	(void)argv;
	if (!path) {
		report("%s", why);
		return STATUS_NOT_OBSERVED;
	}
	if (unset)
		print_unset(path);
	else
		print_set(path);
	return STATUS_OK;
}
