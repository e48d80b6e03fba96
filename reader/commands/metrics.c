/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "reader/api/heaptally.h"
#include "reader/commands/commands.h"
#include "reader/document.h"
#include "reader/json.h"
#include "reader/profile_go.h"
#include "reader/report.h"
#include "reader/table.h"

static bool json, markdown, man;
static const char *profile;

const struct option_row metrics_options[] = {
	{ 0, "json", NULL, OPTION_FLAG, &json, "as JSON" },
	{ 0, "markdown", NULL, OPTION_FLAG, &markdown,
	  "as a Markdown table, for the README" },
	{ 0, "man", NULL, OPTION_FLAG, &man, "as manual page source" },
	{ 0, "profile", "NAME", OPTION_STRING, &profile,
	  "'go': what stands under the names of Go, and why some are 0" },
	{ 0 }
};

/* In the order for people; freed by the caller. */
static const struct ht_metric **in_order(size_t *ret_count)
{
	const struct ht_metric *all = ht_all(ret_count);
	const struct ht_metric **ordered =
		report_oom(calloc(*ret_count, sizeof(*ordered)));

	for (size_t i = 0; i < *ret_count; i++)
		ordered[all[i].order] = &all[i];
	return ordered;
}

static void print_table(const struct ht_metric *const *all, size_t count)
{
	static const struct column columns[] = {
		{ "KEY", false }, { "KIND", false }, { "UNIT", false },
		{ "AVAILABILITY", false }, { "DESCRIPTION", false },
	};
	struct table *t = table_new(columns, 5);

	for (size_t i = 0; i < count; i++) {
		table_row(t, STYLE_PLAIN);
		table_cell(t, "%s", all[i]->key);
		table_cell(t, "%s", ht_type_name(all[i]->type));
		table_cell(t, "%s", all[i]->unit);
		table_cell(t, "%s", all[i]->availability);
		table_cell(t, "%s", all[i]->brief);
	}
	table_print(t, stdout, 0);
	table_free(t);
}

static void print_json(const struct ht_metric *const *all, size_t count)
{
	struct json *document = document_new();
	struct json *list = json_put_array(document, "metrics");

	for (size_t i = 0; i < count; i++) {
		struct json *row = json_append_object(list);

		json_put_string(row, "key", all[i]->key);
		json_put_string(row, "kind", ht_type_name(all[i]->type));
		json_put_string(row, "unit", all[i]->unit);
		json_put_string(row, "availability", all[i]->availability);
		json_put_string(row, "description", all[i]->description);
	}
	json_write(document, stdout, false);
	json_free(document);
}

static void print_markdown(const struct ht_metric *const *all, size_t count)
{
	puts("| key | kind | availability | description |\n"
	     "|---|---|---|---|");
	for (size_t i = 0; i < count; i++)
		printf("| `%s` | %s | %s | %s |\n", all[i]->key,
		       ht_type_name(all[i]->type), all[i]->availability,
		       all[i]->description);
}

/* To troff a bare '-' is a hyphen, which cannot be copied into a shell. */
static void print_troff(const char *text)
{
	for (; *text; text++)
		if (*text == '-')
			fputs("\\-", stdout);
		else if (*text == '\\')
			fputs("\\e", stdout);
		else
			putchar(*text);
}

static void print_man(const struct ht_metric *const *all, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		fputs(".TP\n.B ", stdout);
		print_troff(all[i]->key);
		/* In parentheses, as a leading '.' or quote is a request. */
		printf("\n(%s, %s)\n\\&", ht_type_name(all[i]->type),
		       all[i]->availability);
		print_troff(all[i]->description);
		putchar('\n');
	}
}

static void print_all(void)
{
	size_t count;
	const struct ht_metric **all = in_order(&count);

	if (json)
		print_json(all, count);
	else if (markdown)
		print_markdown(all, count);
	else if (man)
		print_man(all, count);
	else
		print_table(all, count);
	free(all);
}

static int print_go(void)
{
	struct json *document;

	if (markdown || man)
		return report_usage("metrics", "--profile=go and %s exclude "
				    "each other",
				    markdown ? "--markdown" : "--man");
	if (!json) {
		profile_go_print_table(stdout);
		return STATUS_OK;
	}
	document = document_new();
	profile_go_put_table_json(document);
	json_write(document, stdout, false);
	json_free(document);
	return STATUS_OK;
}

int cmd_metrics(int argc, char **argv)
{
	bool go;
	int status;

	(void)argc;
	(void)argv;
	if (json + markdown + man > 1)
		return report_usage("metrics", "--json, --markdown and --man "
				    "exclude each other");
	status = profile_go_option("metrics", profile, &go);
	if (status != STATUS_OK)
		return status;
	if (go)
		return print_go();
	print_all();
	return STATUS_OK;
}
