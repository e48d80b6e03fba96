/* SPDX-License-Identifier: MIT */
#include <fnmatch.h>
#include <stdlib.h>

#include "reader/choose.h"
#include "reader/commands/commands.h"
#include "reader/document.h"
#include "reader/format.h"
#include "reader/report.h"
#include "reader/table.h"
#include "reader/troubles.h"
#include "reader/view_json.h"

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

static void add_uptime(struct table *table, double seconds)
{
	if (seconds < 0)
		table_cell(table, "-");
	else if (raw)
		table_cell(table, "%.2f", seconds);
	else
		table_cell(table, "%s", format_duration(seconds).s);
}

static void add_row(struct table *table, const struct view *v)
{
	static const char *const keys[] = {
		THREADS_LIVE_THREADS, HEAP_LIVE_BYTES, HEAP_LIVE_OBJECTS,
		HEAP_PEAK_BYTES, HEAP_ALLOCS_OBJECTS,
	};
	bool live = v->snapshot.state == HT_STATE_LIVE;

	table_row(table, live ? STYLE_PLAIN : STYLE_DIM);
	table_cell(table, "%d", view_pid(v));
	table_cell(table, "%s", ht_state_name(v->snapshot.state));
	add_uptime(table, v->snapshot.uptime_seconds);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		table_cell(table, "%s", format_metric(v, keys[i], raw).s);
	table_cell(table, "%s", ht_coverage_name(v->id.coverage));
	table_cell(table, "%s", format_escaped(v->id.command).s);
}

/* What the segments are shown in: one of the two. */
struct listing {
	struct table *table;
	struct json *processes;
	size_t count;
};

/* One segment after another: a single descriptor does for any number. */
static int add_place(struct listing *l, struct ht *h, const struct ht_place *p)
{
	int error = ht_open_place(h, NULL, p);
	struct view v;

	if (!error && glob &&
	    fnmatch(glob, ht_identity(h)->command, 0) != 0)
		return 0;
	if (!error)
		error = view_read(&v, h, VIEW_TALLY);
	if (error)
		return error;
	if (l->processes)
		view_append_json(l->processes, &v);
	else
		add_row(l->table, &v);
	l->count++;
	return 0;
}

static void add_all(struct listing *l, struct ht *h,
		    const struct ht_place *places, size_t count)
{
	struct troubles troubles = { 0 };

	for (size_t i = 0; i < count; i++) {
		int error = add_place(l, h, &places[i]);

		if (error)
			trouble_note(&troubles, h, &places[i], error);
	}
	troubles_print(&troubles);
}

static void list_json(struct ht *h, const struct ht_place *places, size_t count)
{
	struct json *document = document_new();
	struct listing l = { .processes = document_processes(document) };

	add_all(&l, h, places, count);
	json_write(document, stdout, false);
	json_free(document);
}

static void list_table(struct ht *h, const struct ht_place *places,
		       size_t count)
{
	struct listing l = { .table = table_new(columns, COLUMN_COUNT) };

	add_all(&l, h, places, count);
	if (l.count)
		table_print(l.table, stdout, 0);
	else if (glob)
		report("no tallied process is named '%s'", glob);
	else
		choose_hint();
	table_free(l.table);
}

int cmd_list(int argc, char **argv)
{
	struct ht *h = view_handle();
	struct ht_place *places = NULL;
	size_t count;
	int status = choose_list(h, everywhere ? HT_LIST_EVERYWHERE : 0,
				 &places, &count);

	(void)argc;
	(void)argv;
	if (status == STATUS_OK && json)
		list_json(h, places, count);
	else if (status == STATUS_OK)
		list_table(h, places, count);
	free(places);
	ht_free(h);
	return status;
}
