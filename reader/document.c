/* SPDX-License-Identifier: MIT */
#include "reader/document.h"

#include <time.h>

#include "reader/format.h"
#include "reader/histogram.h"
#include "shm/control.h"

#define SCHEMA 1

struct json *document_new(void)
{
	struct json *document = json_new();

	json_put_u64(document, "schema", SCHEMA);
	json_put_string(document, "heaptally", HEAPTALLY_VERSION);
	return document;
}

void document_stamp(struct json *document)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	json_put_string(document, "time",
			format_time((uint64_t)now.tv_sec * 1000000000u +
				    (uint64_t)now.tv_nsec, true).s);
}

struct json *document_processes(struct json *document)
{
	document_stamp(document);
	return json_put_array(document, "processes");
}

void document_put_identity(struct json *process, const struct target *t)
{
	const struct target_identity *id = &t->id;

	json_put_i64(process, "pid", id->pid);
	if (t->pid_here && !t->is_here)
		json_put_i64(process, "host_pid", t->pid_here);
	json_put_string(process, "instance", id->instance);
	json_put_string(process, "command", id->comm);
	if (t->exe[0])
		json_put_string(process, "exe", t->exe);
	json_put_i64(process, "parent_pid", id->parent_pid);
	json_put_u64(process, "uid", id->uid);
	json_put_u64(process, "exec_count", id->exec_count);
	if (t->started_realtime_ns)
		json_put_string(process, "start_time",
				format_time(t->started_realtime_ns, false).s);
	json_put_string(process, "state",
			target_state_name(t->snapshot.state));
	json_put_string(process, "provider", id->provider);
	json_put_string(process, "coverage", id->coverage);
	json_put_string(process, "coverage_reason", id->coverage_reason);
	json_put_bool(process, "approximate", t->snapshot.approximate);
	json_put_u64(process, "skew_objects", t->snapshot.skew_objects);
}

static void add_extras(struct json *process, const struct snapshot *s)
{
	struct json *extras = json_put_array(process, "extras");
	size_t count;
	const struct control_row *rows = control_all(&count);

	for (size_t i = 0; i < count; i++)
		if (s->extras_on & rows[i].extra)
			json_append_string(extras, rows[i].name);
}

/* Only where somebody asked, or it is known that asking is in vain. */
static void add_figures(struct json *process, const struct snapshot *s)
{
	struct json *figures;

	if (!s->figures_missing && !s->figures_monotonic_ns)
		return;
	figures = json_put_object(process, "allocator_figures");
	if (s->figures_monotonic_ns)
		json_put_f64(figures, "age_seconds", snapshot_figures_age(s));
	if (s->figures_missing)
		json_put_string(figures, "missing", s->figures_missing);
}

static void add_value(struct json *metrics, const struct snapshot *s,
		      const struct metric_value *v)
{
	const struct size_histogram *histogram = snapshot_histogram(s, v);
	/* It came with the segment: who knows what it holds. */
	struct escaped_text key = format_escaped(v->key);

	if (histogram)
		histogram_put_json(metrics, key.s, histogram);
	else if (metric_unit_is_real((enum metric_unit)v->unit))
		json_put_f64(metrics, key.s, v->value.f64);
	else
		json_put_u64(metrics, key.s, v->value.u64);
}

void document_put_metrics(struct json *process, const struct target *t)
{
	struct json *metrics = json_put_object(process, "metrics");

	for (size_t i = 0; i < t->snapshot.count; i++)
		add_value(metrics, &t->snapshot, &t->snapshot.values[i]);
}

struct json *document_add(struct json *processes, const struct target *t)
{
	struct json *process = json_append_object(processes);

	document_put_identity(process, t);
	add_extras(process, &t->snapshot);
	add_figures(process, &t->snapshot);
	document_put_metrics(process, t);
	return process;
}
