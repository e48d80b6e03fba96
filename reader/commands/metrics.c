/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "reader/commands/commands.h"
#include "reader/document.h"
#include "reader/json.h"
#include "reader/report.h"
#include "reader/table.h"
#include "shm/metrics.h"

static bool json, markdown, man;

const struct option_row metrics_options[] = {
	{ 0, "json", NULL, OPTION_FLAG, &json, "as JSON" },
	{ 0, "markdown", NULL, OPTION_FLAG, &markdown,
	  "as a Markdown table, for the README" },
	{ 0, "man", NULL, OPTION_FLAG, &man, "as manual page source" },
	{ 0 }
};

/*
 * The kernel's figures need a living process in our pid namespace, those of
 * control groups their controller as well.
 */
static const char *availability(const struct metric *m)
{
	static const struct {
		const char *head; /* of the key */
		const char *where;
	} others[] = {
		{ "/cgroup/", "cgroup" },
		{ "/gc/", "libgc" },
		{ "/heap/allocs/requested:", "switched on" },
		{ "/heap/stall:", "switched on" },
		{ "/cpu/allocator:", "switched on" },
		{ "/sync/", "switched on" },
		{ "/heap/trims:", "glibc" },
		{ "/heap/sys:", "asked: glibc jemalloc tcmalloc mimalloc" },
		{ "/heap/in-use:", "asked: glibc jemalloc tcmalloc" },
		{ "/heap/idle:", "asked: glibc jemalloc tcmalloc" },
		{ "/heap/released:", "asked: jemalloc tcmalloc" },
		{ "/heap/metadata:", "asked: jemalloc tcmalloc" },
		{ "/heap/purges:", "asked: jemalloc tcmalloc" },
		{ "/heaptally/", "always" },
	};

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (strncmp(m->key, others[i].head, strlen(others[i].head)) == 0)
			return others[i].where;
	return m->scope == SCOPE_KERNEL ? "/proc" : "always";
}

static const char *unit_name(const struct metric *m)
{
	return metric_unit_name(metric_unit_of_key(m->key));
}

static void print_table(const struct metric *all, size_t count)
{
	static const struct column columns[] = {
		{ "KEY", false }, { "KIND", false }, { "UNIT", false },
		{ "AVAILABILITY", false }, { "DESCRIPTION", false },
	};
	struct table *t = table_new(columns, 5);

	for (size_t i = 0; i < count; i++) {
		table_row(t, STYLE_PLAIN);
		table_cell(t, "%s", all[i].key);
		table_cell(t, "%s", metric_kind_name(all[i].kind));
		table_cell(t, "%s", unit_name(&all[i]));
		table_cell(t, "%s", availability(&all[i]));
		table_cell(t, "%s", all[i].brief);
	}
	table_print(t, stdout, 0);
	table_free(t);
}

static void print_json(const struct metric *all, size_t count)
{
	struct json *document = document_new();
	struct json *list = json_put_array(document, "metrics");

	for (size_t i = 0; i < count; i++) {
		struct json *row = json_append_object(list);

		json_put_string(row, "key", all[i].key);
		json_put_string(row, "kind", metric_kind_name(all[i].kind));
		json_put_string(row, "unit", unit_name(&all[i]));
		json_put_string(row, "availability", availability(&all[i]));
		json_put_string(row, "description", all[i].help);
	}
	json_write(document, stdout, false);
	json_free(document);
}

static void print_markdown(const struct metric *all, size_t count)
{
	puts("| key | kind | availability | description |\n"
	     "|---|---|---|---|");
	for (size_t i = 0; i < count; i++)
		printf("| `%s` | %s | %s | %s |\n", all[i].key,
		       metric_kind_name(all[i].kind), availability(&all[i]),
		       all[i].help);
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

static void print_man(const struct metric *all, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		fputs(".TP\n.B ", stdout);
		print_troff(all[i].key);
		/* In parentheses, as a leading '.' or quote is a request. */
		printf("\n(%s, %s)\n\\&", metric_kind_name(all[i].kind),
		       availability(&all[i]));
		print_troff(all[i].help);
		putchar('\n');
	}
}

int cmd_metrics(int argc, char **argv)
{
	size_t count;
	const struct metric *all = metrics_all(&count);

	(void)argc;
	(void)argv;
	if (json + markdown + man > 1)
		return report_usage("metrics", "--json, --markdown and --man "
				    "exclude each other");
	if (json)
		print_json(all, count);
	else if (markdown)
		print_markdown(all, count);
	else if (man)
		print_man(all, count);
	else
		print_table(all, count);
	return STATUS_OK;
}
