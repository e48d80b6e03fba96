/* SPDX-License-Identifier: MIT */
#include "reader/view_json.h"

#include <errno.h>

#include "reader/format.h"
#include "reader/histogram.h"

static void put_extras(struct json *process, unsigned extras_on)
{
	struct json *extras = json_put_array(process, "extras");

	for (unsigned bit = 1; bit && ht_extra_name(bit); bit <<= 1)
		if (extras_on & bit)
			json_append_string(extras, ht_extra_name(bit));
}

/* Only where somebody asked, or it is known that asking is in vain. */
static void put_figures(struct json *process, const struct ht_snapshot *s)
{
	struct json *figures;

	if (!s->figures_missing && s->figures_age_seconds < 0)
		return;
	figures = json_put_object(process, "allocator_figures");
	if (s->figures_age_seconds >= 0)
		json_put_f64(figures, "age_seconds", s->figures_age_seconds);
	if (s->figures_missing)
		json_put_string(figures, "missing", s->figures_missing);
}

void view_put_identity(struct json *process, const struct view *v)
{
	const struct ht_identity *id = &v->id;

	json_put_i64(process, "pid", id->pid);
	if (id->host_pid && !id->in_our_namespace)
		json_put_i64(process, "host_pid", id->host_pid);
	json_put_string(process, "instance", id->instance);
	json_put_string(process, "command", id->command);
	if (id->exe[0])
		json_put_string(process, "exe", id->exe);
	json_put_i64(process, "parent_pid", id->parent_pid);
	json_put_u64(process, "uid", id->uid);
	json_put_u64(process, "exec_count", id->exec_count);
	if (id->start_realtime_ns)
		json_put_string(process, "start_time",
				format_time(id->start_realtime_ns, false).s);
	json_put_string(process, "state", ht_state_name(v->snapshot.state));
	json_put_string(process, "provider", id->provider);
	json_put_string(process, "coverage", ht_coverage_name(id->coverage));
	json_put_string(process, "coverage_reason", id->coverage_reason);
	json_put_bool(process, "approximate", v->snapshot.approximate);
	json_put_u64(process, "skew_objects", v->snapshot.skew_objects);
	put_extras(process, v->snapshot.extras_on);
	put_figures(process, &v->snapshot);
}

static void put_value(struct json *metrics, const char *key,
		      const struct ht_sample *s)
{
	switch (s->kind) {
	case HT_KIND_U64:
		json_put_u64(metrics, key, s->value.u64);
		break;
	case HT_KIND_F64:
		json_put_f64(metrics, key, s->value.f64);
		break;
	case HT_KIND_HISTOGRAM:
		histogram_put_json(metrics, key, &s->value.histogram);
		break;
	}
}

void view_put_metrics(struct json *process, const struct view *v)
{
	struct json *metrics = json_put_object(process, "metrics");

	for (size_t i = 0; i < v->count; i++)
		/* A key may come with the segment: who knows what it holds. */
		put_value(metrics, format_escaped(v->metrics[i]->key).s,
			  &v->samples[i]);
}

/* Is that more than state and coverage tell anyway? */
static bool is_news(const struct ht_sample *s)
{
	return s->kind == HT_KIND_BAD && s->error != -ESRCH &&
	       s->error != -ENOTSUP;
}

void view_put_unavailable(struct json *process, const struct view *v)
{
	struct json *reasons = NULL;

	for (size_t i = 0; i < v->count; i++) {
		if (!is_news(&v->samples[i]))
			continue;
		if (!reasons)
			reasons = json_put_object(process, "unavailable");
		json_put_string(reasons, format_escaped(v->metrics[i]->key).s,
				v->samples[i].reason);
	}
}

struct json *view_append_json(struct json *processes, const struct view *v)
{
	struct json *process = json_append_object(processes);

	view_put_identity(process, v);
	view_put_metrics(process, v);
	view_put_unavailable(process, v);
	return process;
}
