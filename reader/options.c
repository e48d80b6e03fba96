/* SPDX-License-Identifier: MIT */
#include "reader/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "reader/quantity.h"
#include "reader/report.h"
#include "reader/suggest.h"

#define OPTIONS_MAX 40  /* rows of one command, --help included */
#define HELP_COLUMNS 79
#define LONG_BASE   256 /* getopt's value of row i: above every letter */

#define HELP_ROW { 'h', "help", NULL, OPTION_FLAG, NULL, "show this help" }

/* Copies the rows and the common last one; returns how many. */
static size_t all_rows(const struct syntax *syntax,
		       struct option_row rows[OPTIONS_MAX])
{
	static const struct option_row help = HELP_ROW;
	const struct option_row *row = syntax->options;
	size_t count = 0;

	while (row && row->name && count < OPTIONS_MAX - 1)
		rows[count++] = *row++;
	rows[count++] = help;
	return count;
}

/* Begins a new line before what would reach beyond it. */
static void print_wrapped(FILE *out, int *column, const char *item)
{
	int length = (int)strlen(item);

	if (*column + 1 + length > HELP_COLUMNS)
		*column = fprintf(out, "\n          ") - 1;
	*column += fprintf(out, " %s", item);
}

static void print_synopsis(const struct syntax *syntax, FILE *out)
{
	const struct option_row *row = syntax->options;
	int column = fprintf(out, "usage: heaptally %s", syntax->name);
	char item[96];

	for (; row && row->name; row++) {
		snprintf(item, sizeof(item), "[%s%s%s%s]%s",
			 row->letter ? "-" : "--",
			 row->letter ? (char[]){ row->letter, 0 } : row->name,
			 row->argument ? " " : "",
			 row->argument ? row->argument : "",
			 row->type == OPTION_STRINGS ? "..." : "");
		print_wrapped(out, &column, item);
	}
	if (*syntax->operands)
		print_wrapped(out, &column, syntax->operands);
	fputc('\n', out);
}

void options_help(const struct syntax *syntax, FILE *out)
{
	struct option_row rows[OPTIONS_MAX];
	size_t count = all_rows(syntax, rows);

	print_synopsis(syntax, out);
	fprintf(out, "\n%s\n\noptions:\n", syntax->summary);
	for (size_t i = 0; i < count; i++) {
		const struct option_row *row = &rows[i];
		char letter[] = { '-', row->letter, ',', '\0' };
		int width = fprintf(out, "  %3s --%s%s%s",
				    row->letter ? letter : "", row->name,
				    row->argument ? " " : "",
				    row->argument ? row->argument : "");

		fprintf(out, "%*s%s\n", width < 26 ? 26 - width : 2, "",
			row->help);
	}
}

static bool read_count(const char *text, unsigned long *ret)
{
	char *end;
	unsigned long count;

	errno = 0;
	count = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || count == 0)
		return false;
	*ret = count;
	return true;
}

static void append(struct string_list *list, const char *text)
{
	list->items = report_oom(reallocarray(list->items, list->count + 1,
					      sizeof(*list->items)));
	list->items[list->count++] = text;
}

/* Returns NULL, or what the argument should have been. */
static const char *store(const struct option_row *row, const char *argument)
{
	switch (row->type) {
	case OPTION_FLAG:
		*(bool *)row->value = true;
		return NULL;
	case OPTION_STRING:
		*(const char **)row->value = argument;
		return NULL;
	case OPTION_STRINGS:
		append(row->value, argument);
		return NULL;
	case OPTION_INTERVAL:
		return quantity_seconds(argument, row->value) &&
		       *(double *)row->value >= 0.01 ? NULL :
			"a number of seconds, at least 0.01";
	case OPTION_SECONDS:
		return quantity_seconds(argument, row->value) ? NULL :
			"a number of seconds";
	case OPTION_COUNT:
		return read_count(argument, row->value) ? NULL :
			"a number, at least 1";
	case OPTION_BYTES:
		return quantity_bytes(argument, row->value) ? NULL :
			"a size such as 64MiB";
	case OPTION_PERCENT:
		return quantity_percent(argument, row->value) ? NULL :
			"a percentage above 0";
	}
	return NULL;
}

/* Rows in the shape that getopt_long() wants. */
struct getopt_tables {
	char letters[3 + 2 * OPTIONS_MAX];
	struct option names[OPTIONS_MAX + 1];
};

static void fill_tables(const struct syntax *syntax, size_t count,
			const struct option_row *rows, struct getopt_tables *t)
{
	char *letter = t->letters;

	memset(t, 0, sizeof(*t));
	if (syntax->stops_early)
		*letter++ = '+';
	*letter++ = ':';
	for (size_t i = 0; i < count; i++) {
		t->names[i] = (struct option){
			.name = rows[i].name,
			.has_arg = rows[i].argument ? required_argument :
						      no_argument,
			.val = LONG_BASE + (int)i,
		};
		if (!rows[i].letter)
			continue;
		*letter++ = rows[i].letter;
		if (rows[i].argument)
			*letter++ = ':';
	}
}

static const struct option_row *row_of(int found, size_t count,
				       const struct option_row *rows)
{
	for (size_t i = 0; i < count; i++)
		if (found == LONG_BASE + (int)i || found == rows[i].letter)
			return &rows[i];
	return NULL;
}

/* Says what is wrong with an option that getopt_long() did not accept. */
static int refuse(const struct syntax *syntax, size_t count,
		  const struct option_row *rows, const char *argument)
{
	struct suggestion s = { .word = argument };
	char name[64];

	/* optopt is 0 for an unknown long one, else a letter or known name. */
	if (optopt > 0 && optopt < LONG_BASE)
		return report_usage(syntax->name, "unknown option '-%c'",
				    optopt);
	if (optopt >= LONG_BASE)
		return report_usage(syntax->name,
				    "option '--%s' takes no argument",
				    rows[optopt - LONG_BASE].name);
	snprintf(name, sizeof(name), "%s", argument + 2);
	name[strcspn(name, "=")] = '\0';
	s.word = name;
	for (size_t i = 0; i < count; i++)
		suggest_offer(&s, rows[i].name);
	if (s.best)
		return report_usage(syntax->name,
				    "unknown option '--%s', did you mean '--%s'?",
				    name, s.best);
	return report_usage(syntax->name, "unknown option '--%s'", name);
}

static int parse_one(const struct syntax *syntax, int found, size_t count,
		     const struct option_row *rows, const char *argument)
{
	const struct option_row *row;
	const char *wanted;

	if (found == '?')
		return refuse(syntax, count, rows, argument);
	row = row_of(found == ':' ? optopt : found, count, rows);
	/* A "--" is the end of the options that somebody forgot to finish. */
	if (found == ':' || (optarg && strcmp(optarg, "--") == 0))
		return report_usage(syntax->name, "option '--%s' needs %s",
				    row->name, row->argument);
	wanted = store(row, optarg);
	if (wanted)
		return report_usage(syntax->name, "--%s: '%s' is not %s",
				    row->name, optarg, wanted);
	return STATUS_OK;
}

bool options_is_pid(char *const *operands)
{
	const char *word = operands[0];

	return word && *word && strspn(word, "0123456789") == strlen(word) &&
	       strcmp(operands[-1], "--") != 0;
}

bool options_parse(const struct syntax *syntax, int *argc, char ***argv,
		   int *ret_status)
{
	struct option_row rows[OPTIONS_MAX];
	size_t count = all_rows(syntax, rows);
	struct getopt_tables tables;
	bool help = false;
	int found;

	rows[count - 1].value = &help;
	fill_tables(syntax, count, rows, &tables);
	opterr = 0;
	while ((found = getopt_long(*argc, *argv, tables.letters, tables.names,
				    NULL)) != -1) {
		*ret_status = parse_one(syntax, found, count, rows,
					(*argv)[optind - 1]);
		if (*ret_status != STATUS_OK)
			return false;
	}
	*ret_status = STATUS_OK;
	if (help) {
		options_help(syntax, stdout);
		return false;
	}
	*argc -= optind;
	*argv += optind;
	if ((size_t)*argc <= syntax->operands_max)
		return true;
	*ret_status = report_usage(syntax->name, "unexpected argument '%s'",
				   (*argv)[syntax->operands_max]);
	return false;
}
