/* SPDX-License-Identifier: MIT */
#include <fnmatch.h>

#include "reader/commands/commands.h"
#include "reader/discover.h"
#include "reader/document.h"
#include "reader/format.h"
#include "reader/report.h"
#include "reader/select.h"
#include "reader/table.h"

static bool json, raw, everywhere;
static const char *glob;

const struct option_row list_options[] = {
	{ 'a', "all-containers", NULL, OPTION_FLAG, &everywhere,
	  "also in the directories of other processes, those of containers "
	  "included" },
	{ 0, "name", "GLOB", OPTION_STRING, &glob,
	  "only processes whose command matches" },
	{ 0, "raw", NULL, OPTION_FLAG, &raw, "exact numbers, without units" },
	{ 0, "json", NULL, OPTION_FLAG, &json, "as JSON, with every metric" },
	{ 0 }
};

static const struct column columns[] = {
	{ "PID", true },     { "STATE", false },   { "UPTIME", true },
	{ "THREADS", true }, { "LIVE", true },     { "OBJECTS", true },
	{ "PEAK", true },    { "ALLOCS", true },   { "COVERAGE", false },
	{ "COMMAND", false },
};

#define COLUMN_COUNT (sizeof(columns) / sizeof(columns[0]))

static void add_uptime(struct table *table, const struct target *t)
{
	if (t->uptime_seconds < 0)
		table_cell(table, "-");
	else if (raw)
		table_cell(table, "%.2f", t->uptime_seconds);
	else
		table_cell(table, "%s", format_duration(t->uptime_seconds).s);
}

static void add_metric(struct table *table, const struct target *t,
		       enum metric_id id)
{
	table_cell(table, "%s", format_metric(&t->snapshot, id, raw).s);
}

static void add_row(struct table *table, const struct target *t)
{
	bool live = t->snapshot.state == TARGET_LIVE;

	table_row(table, live ? STYLE_PLAIN : STYLE_DIM);
	table_cell(table, "%d", t->pid_here ? t->pid_here : t->id.pid);
	table_cell(table, "%s", target_state_name(t->snapshot.state));
	add_uptime(table, t);
	add_metric(table, t, METRIC_THREADS_LIVE_THREADS);
	add_metric(table, t, METRIC_HEAP_LIVE_BYTES);
	add_metric(table, t, METRIC_HEAP_LIVE_OBJECTS);
	add_metric(table, t, METRIC_HEAP_PEAK_BYTES);
	add_metric(table, t, METRIC_HEAP_ALLOCS_OBJECTS);
	table_cell(table, "%s", t->id.coverage);
	table_cell(table, "%s", format_escaped(t->id.comm).s);
}

/* What the segments are shown in: one of the two. */
struct listing {
	struct table *table;
	struct json *processes;
	size_t count;
};

/* One segment after another: a single descriptor does for any number. */
static void add_place(struct listing *l, const struct discovery *d,
		      const struct place *p, struct discover_troubles *troubles)
{
	struct attachment *a = NULL;
	enum attach_error error = discover_attach(d, p, &a);
	struct target t;

	if (!error && glob && fnmatch(glob, attach_identity(a)->comm, 0) != 0) {
		attach_close(a);
		return;
	}
	if (!error)
		error = target_read(&t, a);
	attach_close(a);
	if (error) {
		discover_trouble(troubles, d, p, error);
		return;
	}
	if (l->processes)
		document_add(l->processes, &t);
	else
		add_row(l->table, &t);
	l->count++;
}

static void add_all(struct listing *l, const struct discovery *d)
{
	struct discover_troubles troubles = { 0 };

	for (size_t i = 0; i < d->count; i++)
		add_place(l, d, &d->places[i], &troubles);
	discover_trouble_notes(&troubles);
}

static void list_json(const struct discovery *d)
{
	struct json *document = document_new();
	struct listing l = { .processes = document_processes(document) };

	add_all(&l, d);
	json_write(document, stdout, false);
	json_free(document);
}

static void list_table(const struct discovery *d)
{
	struct listing l = { .table = table_new(columns, COLUMN_COUNT) };

	add_all(&l, d);
	if (l.count)
		table_print(l.table, stdout, 0);
	else if (glob)
		report("no tallied process is named '%s'", glob);
	else
		select_hint(d);
	table_free(l.table);
}

int cmd_list(int argc, char **argv)
{
	struct discovery d;
	int status = select_scan(&d);

	(void)argc;
	(void)argv;
	if (status != STATUS_OK)
		return status;
	if (everywhere)
		discover_scan_everywhere(&d);
	if (json)
		list_json(&d);
	else
		list_table(&d);
	discover_release(&d);
	return STATUS_OK;
}
