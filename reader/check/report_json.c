/* SPDX-License-Identifier: MIT */
/*
 * All of a report. A member that is absent is not known: there is no false
 * zero. To add one, append it: consumers skip what they do not know.
 */
#include <math.h>
#include <stdlib.h>

#include "reader/check/report_chart.h"
#include "reader/check/report_outcome.h"
#include "reader/check/report_wording.h"
#include "reader/json.h"
#include "reader/report.h"

#define SAMPLE_COLUMNS 100 /* of a series; the recording has all samples */

/* JSON has no infinity, and nothing else that is not a number. */
static void put_number(struct json *object, const char *key, double value)
{
	if (isfinite(value))
		json_put_f64(object, key, value);
}

static void put_known(struct json *object, const char *key, const char *value)
{
	if (value && *value)
		json_put_string(object, key, value);
}

static void put_verdict(struct json *object, enum check_verdict verdict,
			const char *reason)
{
	json_put_string(object, "verdict", check_verdict_name(verdict));
	put_known(object, "reason", reason);
}

/* ---- series ---- */

static void put_rates(struct json *object, const struct check_series *s)
{
	struct json *rates = json_put_object(object, "slope");

	for (int i = 0; i < CHECK_PERS; i++) {
		struct json *rate;

		if (!s->rates[i].present)
			continue;
		rate = json_put_object(rates,
				       check_per_name((enum check_per)i));
		put_number(rate, "median", s->rates[i].median);
		put_number(rate, "lower", s->rates[i].lower);
		put_number(rate, "upper", s->rates[i].upper);
	}
}

static void put_projected(struct json *object, const struct check_series *s)
{
	struct json *projected;

	if (!report_projects(s))
		return;
	projected = json_put_object(object, "projected_growth");
	put_number(projected, "hour", s->rates[CHECK_PER_HOUR].median);
	put_number(projected, "day", s->rates[CHECK_PER_DAY].median);
}

static void put_floors(struct json *object, const struct trend_result *t)
{
	struct json *floors = json_put_array(object, "floors");

	for (size_t i = 0; i < t->bins; i++) {
		struct json *floor = json_append_object(floors);

		put_number(floor, "x", t->floor_x[i]);
		json_put_u64(floor, "y", t->floor_y[i]);
	}
}

static void put_result(struct json *object, const struct check_series *s)
{
	const struct trend_result *t = &s->result;
	struct json *judged = json_put_object(object, "judged");

	put_number(judged, "from", t->start);
	put_number(judged, "to", t->start + t->span);
	json_put_u64(judged, "samples", t->samples);
	json_put_u64(judged, "median_floor", t->median_floor);
	put_number(judged, "excess", t->excess);
	put_number(judged, "tolerance", t->tolerance);
	put_number(judged, "change", t->change);
	put_number(judged, "largest_jump", t->jump);
	put_number(judged, "random_walk", t->wander);
	put_number(judged, "weakest_ratio", t->weakest_ratio);
	put_number(judged, "halves_ratio", t->halves_ratio);
	put_number(judged, "trend_z", t->test.z);
	put_number(judged, "variance_inflation", t->test.inflation);
	put_floors(judged, t);
	put_rates(object, s);
	put_projected(object, s);
}

/* The samples, a column of them at a time. */
static void put_columns(struct json *object, const struct check_series *s)
{
	struct chart_column *columns =
		report_oom(calloc(SAMPLE_COLUMNS, sizeof(*columns)));
	struct json *list = json_put_array(object, "columns");

	chart_reduce(s->points, s->count, columns, SAMPLE_COLUMNS);
	for (size_t i = 0; i < SAMPLE_COLUMNS; i++) {
		struct json *column;

		if (!columns[i].is_used)
			continue;
		column = json_append_object(list);
		put_number(column, "x", columns[i].x);
		json_put_u64(column, "lowest", columns[i].low);
		json_put_u64(column, "highest", columns[i].high);
	}
	free(columns);
}

static void put_series(struct json *all, const struct check_series *s)
{
	struct json *object = json_put_object(all, s->key);

	json_put_string(object, "unit", s->unit);
	if (s->is_judged)
		put_verdict(object, s->verdict, s->reason);
	if (s->is_accepted)
		json_put_bool(object, "accepted", true);
	json_put_u64(object, "samples", s->count);
	if (!s->count)
		return;
	json_put_u64(object, "first", s->first);
	json_put_u64(object, "last", s->last);
	json_put_u64(object, "lowest", s->lowest);
	json_put_u64(object, "highest", s->highest);
	if (s->is_judged && s->result.bins)
		put_result(object, s);
	put_columns(object, s);
}

/* ---- limits, processes, runs ---- */

static void put_limit(struct json *limits, const struct check_limit *l)
{
	struct json *object = json_append_object(limits);

	json_put_string(object, "name", l->name);
	json_put_string(object, "key", l->key);
	json_put_string(object, "unit", l->unit);
	json_put_string(object, "state", wording_limit_state(l->state));
	put_known(object, "reason", l->reason);
	put_number(object, "limit", l->limit);
	put_number(object, "value", l->value);
}

static void put_identity(struct json *object, const struct check_process *p)
{
	json_put_i64(object, "pid", p->pid);
	json_put_string(object, "command", p->command);
	put_known(object, "exe", p->exe);
	put_known(object, "instance", p->instance);
	put_known(object, "provider", p->provider);
	json_put_string(object, "coverage", p->coverage);
	json_put_string(object, "coverage_reason", p->coverage_reason);
	put_known(object, "start_time", p->start_time);
	json_put_string(object, "state", p->state);
	put_number(object, "from_seconds", p->from_seconds);
	put_number(object, "to_seconds", p->to_seconds);
	json_put_bool(object, "main", p->is_main);
	json_put_bool(object, "brief", p->is_brief);
}

static void put_totals(struct json *object, const struct check_totals *t)
{
	if (t->has_peak)
		json_put_u64(object, "peak_bytes", t->peak_bytes);
	if (t->has_exited)
		json_put_u64(object, "unfreed_bytes", t->unfreed_bytes);
	json_put_u64(object, "frees_objects", t->frees_objects);
	json_put_u64(object, "foreign_objects", t->foreign_objects);
	put_number(object, "unseen_seconds", t->unseen_seconds);
}

static void put_process(struct json *processes, const struct check_process *p)
{
	struct json *object = json_append_object(processes);
	struct json *series, *limits;

	put_identity(object, p);
	put_totals(object, &p->totals);
	put_verdict(object, p->verdict, p->reason);
	series = json_put_object(object, "series");
	for (int i = 0; i < CHECK_SERIES; i++)
		put_series(series, &p->series[i]);
	limits = json_put_array(object, "limits");
	for (size_t i = 0; i < p->limit_count; i++)
		put_limit(limits, &p->limits[i]);
}

static void put_marks(struct json *object, const struct check_run *run)
{
	struct json *marks = json_put_array(object, "marks");

	for (size_t i = 0; i < run->mark_count; i++) {
		struct json *mark = json_append_object(marks);

		put_number(mark, "seconds", run->marks[i].seconds);
		json_put_u64(mark, "count", run->marks[i].count);
		json_put_u64(mark, "total", run->marks[i].total);
		put_known(mark, "name", run->marks[i].name);
	}
}

static void put_source(struct json *object, const struct check_run *run)
{
	put_known(object, "file", run->file);
	if (run->command) {
		struct json *command = json_put_array(object, "command");

		for (size_t i = 0; run->command[i]; i++)
			json_append_string(command, run->command[i]);
	}
	put_known(object, "host", run->host);
	put_known(object, "architecture", run->architecture);
	put_known(object, "libc", run->libc);
	put_known(object, "start_time", run->start_time);
	put_known(object, "ending", run->ending);
	put_known(object, "not_observed", run->not_observed);
}

static void put_run(struct json *runs, const struct check_run *run)
{
	struct json *object = json_append_object(runs);
	struct json *processes;

	put_verdict(object, run->verdict, run->reason);
	put_source(object, run);
	put_number(object, "interval_seconds", run->interval_seconds);
	put_number(object, "seconds", run->seconds);
	json_put_i64(object, "command_status", run->command_status);
	json_put_u64(object, "samples", run->samples);
	json_put_u64(object, "iterations", run->iterations);
	put_marks(object, run);
	processes = json_put_array(object, "processes");
	for (size_t i = 0; i < run->process_count; i++)
		put_process(processes, &run->processes[i]);
}

static void put_check(struct json *object, const struct check_report *r)
{
	struct json *runs;

	put_verdict(object, r->verdict, r->reason);
	json_put_i64(object, "status", r->status);
	json_put_string(object, "subject", r->subject);
	json_put_bool(object, "live", r->is_live);
	json_put_string(object, "x", r->by_iterations ? "iterations" :
							"seconds");
	json_put_bool(object, "strict", r->is_strict);
	put_number(object, "confidence", r->confidence);
	put_known(object, "baseline", r->baseline);
	json_put_u64(object, "confirm_runs", r->confirm_runs);
	runs = json_put_array(object, "runs");
	for (size_t i = 0; i < r->run_count; i++)
		put_run(runs, &r->runs[i]);
}

void check_report_json(const struct check_report *r, FILE *out)
{
	struct json *document = json_new();

	json_put_u64(document, "schema", 1);
	json_put_string(document, "heaptally", r->version);
	put_check(json_put_object(document, "check"), r);
	json_write(document, out, false);
	json_free(document);
}
