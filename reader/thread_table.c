/* SPDX-License-Identifier: MIT */
#include "reader/thread_table.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "reader/format.h"
#include "reader/table.h"

static const struct column columns[] = {
	{ "TID", true }, { "AGE", true }, { "ALLOCS", true }, { "FREES", true },
	{ "NET", true }, { "STACK", true }, { "RESERVED", true },
	{ "NAME", false },
};

#define COLUMN_COUNT (sizeof(columns) / sizeof(columns[0]))

int thread_table_read(struct thread_table *ret, struct ht *h)
{
	int error;

	*ret = (struct thread_table){
		.is_observed = ht_identity(h)->coverage != HT_COVERAGE_NONE,
	};
	error = ht_threads(h, &ret->rows, &ret->count, &ret->rest);
	ret->is_told = !error;
	return error == -ENOTSUP ? 0 : error;
}

void thread_table_release(struct thread_table *t)
{
	free(t->rows);
	t->rows = NULL;
}

static void add_number(struct table *table, int number)
{
	if (number > 0)
		table_cell(table, "%d", number);
	else
		table_cell(table, "-");
}

static void add_age(struct table *table, double seconds, bool raw)
{
	if (seconds < 0)
		table_cell(table, "-");
	else if (raw)
		table_cell(table, "%.3f", seconds);
	else
		table_cell(table, "%s", format_duration(seconds).s);
}

static void add_counts(struct table *table, const struct ht_thread_counts *c,
		       bool known, bool raw)
{
	if (!known) {
		for (int i = 0; i < 3; i++)
			table_cell(table, "-");
		return;
	}
	table_cell(table, "%s", format_short_count(c->allocs_objects, raw).s);
	table_cell(table, "%s", format_short_count(c->frees_objects, raw).s);
	table_cell(table, "%s", format_bytes_change(c->frees_bytes,
						    c->allocs_bytes, raw).s);
}

static void add_bytes(struct table *table, uint64_t bytes, bool known, bool raw)
{
	table_cell(table, "%s", known ? format_bytes(bytes, raw).s : "-");
}

static void add_row(struct table *table, const struct ht_thread *thread,
		    bool is_observed, bool raw)
{
	table_row(table, STYLE_PLAIN);
	add_number(table, thread->host_tid ? thread->host_tid : thread->tid);
	add_age(table, thread->age_seconds, raw);
	add_counts(table, &thread->counts, is_observed, raw);
	add_bytes(table, thread->stack_resident_bytes,
		  thread->has_stack_resident, raw);
	add_bytes(table, thread->stack_reserved_bytes,
		  thread->has_stack_reserved, raw);
	table_cell(table, "%s", thread->name[0] ?
				format_escaped(thread->name).s : "-");
}

static bool is_nothing(const struct ht_thread_counts *c)
{
	return !c->allocs_objects && !c->frees_objects;
}

static const char *plural(uint64_t count)
{
	return count == 1 ? "" : "s";
}

static void print_others(const struct ht_threads_rest *rest, bool raw)
{
	const struct ht_thread_counts *c = &rest->counts;

	if (is_nothing(c))
		return;
	printf("  note: %s allocs, %s frees, %s net by threads that %s\n",
	       format_short_count(c->allocs_objects, raw).s,
	       format_short_count(c->frees_objects, raw).s,
	       format_bytes_change(c->frees_bytes, c->allocs_bytes, raw).s,
	       rest->overflow_threads ? "ended or have no row" : "have ended");
}

static void print_notes(const struct thread_table *t, bool raw)
{
	const struct ht_threads_rest *rest = &t->rest;

	if (rest->without_row)
		printf("  note: %" PRIu64 " thread%s more without a row, as all "
		       "were taken, see HEAPTALLY_SLOTS\n", rest->without_row,
		       plural(rest->without_row));
	if (rest->unknown_rows)
		printf("  note: %" PRIu64 " row%s left out: half written\n",
		       rest->unknown_rows, plural(rest->unknown_rows));
	if (t->is_observed)
		print_others(rest, raw);
}

void thread_table_print(const struct thread_table *t, bool raw)
{
	struct table *table;

	if (!t->is_told) {
		puts("  note: no rows: the library of that process is older");
		return;
	}
	table = table_new(columns, COLUMN_COUNT);
	for (size_t i = 0; i < t->count; i++)
		add_row(table, &t->rows[i], t->is_observed, raw);
	if (t->count)
		table_print(table, stdout, 2);
	table_free(table);
	print_notes(t, raw);
}

/* ---- JSON ---- */

static void put_counts(struct json *to, const struct ht_thread_counts *c)
{
	json_put_u64(to, "allocs_objects", c->allocs_objects);
	json_put_u64(to, "allocs_bytes", c->allocs_bytes);
	json_put_u64(to, "frees_objects", c->frees_objects);
	json_put_u64(to, "frees_bytes", c->frees_bytes);
	json_put_i64(to, "net_objects",
		     (int64_t)(c->allocs_objects - c->frees_objects));
	json_put_i64(to, "net_bytes",
		     (int64_t)(c->allocs_bytes - c->frees_bytes));
}

static void put_identity(struct json *to, const struct ht_thread *thread)
{
	if (thread->tid > 0)
		json_put_i64(to, "tid", thread->tid);
	if (thread->host_tid && thread->host_tid != thread->tid)
		json_put_i64(to, "host_tid", thread->host_tid);
	if (thread->name[0])
		json_put_string(to, "name", thread->name);
	if (thread->age_seconds >= 0)
		json_put_f64(to, "age_seconds", thread->age_seconds);
	if (thread->start_realtime_ns)
		json_put_string(to, "start_time",
				format_time(thread->start_realtime_ns, true).s);
}

static void put_stack(struct json *to, const struct ht_thread *thread)
{
	if (thread->has_stack_reserved)
		json_put_u64(to, "stack_reserved_bytes",
			     thread->stack_reserved_bytes);
	if (thread->has_stack_resident)
		json_put_u64(to, "stack_resident_bytes",
			     thread->stack_resident_bytes);
}

static void put_rows(struct json *process, const struct thread_table *t)
{
	struct json *list = json_put_array(process, "threads");

	for (size_t i = 0; i < t->count; i++) {
		struct json *one = json_append_object(list);

		put_identity(one, &t->rows[i]);
		if (t->is_observed)
			put_counts(one, &t->rows[i].counts);
		put_stack(one, &t->rows[i]);
	}
}

void thread_table_put_json(struct json *process, const struct thread_table *t)
{
	struct json *other;

	if (!t->is_told)
		return;
	put_rows(process, t);
	other = json_put_object(process, "threads_other");
	if (t->is_observed)
		put_counts(other, &t->rest.counts);
	json_put_u64(other, "without_row", t->rest.without_row);
	json_put_u64(other, "unknown_rows", t->rest.unknown_rows);
	json_put_u64(other, "overflow_threads", t->rest.overflow_threads);
}
