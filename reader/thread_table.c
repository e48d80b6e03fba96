/* SPDX-License-Identifier: MIT */
#include "reader/thread_table.h"

#include <stdio.h>

#include "reader/format.h"
#include "reader/table.h"

static const struct column columns[] = {
	{ "TID", true }, { "AGE", true }, { "ALLOCS", true }, { "FREES", true },
	{ "NET", true }, { "STACK", true }, { "RESERVED", true },
	{ "NAME", false },
};

#define COLUMN_COUNT (sizeof(columns) / sizeof(columns[0]))

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

static void add_counts(struct table *table, const struct thread_counts *c,
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

static void add_row(struct table *table, const struct thread *thread,
		    const struct target *t, bool raw)
{
	const struct stack *stack = &thread->stack;

	table_row(table, STYLE_PLAIN);
	add_number(table, thread->tid_here ? thread->tid_here : thread->tid);
	add_age(table, thread->age_seconds, raw);
	add_counts(table, &thread->counts, target_is_observed(t), raw);
	add_bytes(table, stack->resident_bytes, stack->is_resident_known, raw);
	add_bytes(table, stack->reserved_bytes, stack->is_known, raw);
	table_cell(table, "%s", thread->name[0] ?
				format_escaped(thread->name).s : "-");
}

static bool is_nothing(const struct thread_counts *c)
{
	return !c->allocs_objects && !c->frees_objects;
}

static const char *plural(uint64_t count)
{
	return count == 1 ? "" : "s";
}

static void print_others(const struct thread_rows *rows, bool raw)
{
	const struct thread_counts *c = &rows->others;

	if (is_nothing(c))
		return;
	printf("  note: %s allocs, %s frees, %s net by threads that %s\n",
	       format_short_count(c->allocs_objects, raw).s,
	       format_short_count(c->frees_objects, raw).s,
	       format_bytes_change(c->frees_bytes, c->allocs_bytes, raw).s,
	       rows->overflow_threads ? "ended or have no row" : "have ended");
}

static void print_notes(const struct threads *threads, const struct target *t,
			bool raw)
{
	const struct thread_rows *rows = &threads->rows;

	if (!rows->is_told) {
		puts("  note: no rows: the library of that process is older");
		return;
	}
	if (rows->without_row)
		printf("  note: %zu thread%s more without a row, as all were "
		       "taken, see HEAPTALLY_SLOTS\n", rows->without_row,
		       plural(rows->without_row));
	if (rows->unknown)
		printf("  note: %zu row%s left out: half written\n",
		       rows->unknown, plural(rows->unknown));
	if (target_is_observed(t))
		print_others(rows, raw);
}

void thread_table_print(const struct threads *threads, const struct target *t,
			bool raw)
{
	struct table *table = table_new(columns, COLUMN_COUNT);

	for (size_t i = 0; i < threads->count; i++)
		add_row(table, &threads->all[i], t, raw);
	if (threads->count)
		table_print(table, stdout, 2);
	table_free(table);
	print_notes(threads, t, raw);
}

/* ---- JSON ---- */

static void put_counts(struct json *to, const struct thread_counts *c)
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

static void put_identity(struct json *to, const struct thread *thread)
{
	if (thread->tid > 0)
		json_put_i64(to, "tid", thread->tid);
	if (thread->tid_here && thread->tid_here != thread->tid)
		json_put_i64(to, "host_tid", thread->tid_here);
	if (thread->name[0])
		json_put_string(to, "name", thread->name);
	if (thread->age_seconds >= 0)
		json_put_f64(to, "age_seconds", thread->age_seconds);
	if (thread->started_realtime_ns)
		json_put_string(to, "start_time",
				format_time(thread->started_realtime_ns, true).s);
}

static void put_stack(struct json *to, const struct stack *stack)
{
	if (stack->is_known)
		json_put_u64(to, "stack_reserved_bytes", stack->reserved_bytes);
	if (stack->is_resident_known)
		json_put_u64(to, "stack_resident_bytes", stack->resident_bytes);
}

void thread_table_put_json(struct json *process, const struct threads *threads,
			   const struct target *t)
{
	const struct thread_rows *rows = &threads->rows;
	struct json *list, *other;

	if (!rows->is_told)
		return;
	list = json_put_array(process, "threads");
	for (size_t i = 0; i < threads->count; i++) {
		struct json *one = json_append_object(list);

		put_identity(one, &threads->all[i]);
		if (target_is_observed(t))
			put_counts(one, &threads->all[i].counts);
		put_stack(one, &threads->all[i].stack);
	}
	other = json_put_object(process, "threads_other");
	if (target_is_observed(t))
		put_counts(other, &rows->others);
	json_put_u64(other, "without_row", rows->without_row);
	json_put_u64(other, "unknown_rows", rows->unknown);
	json_put_u64(other, "overflow_threads", rows->overflow_threads);
}
