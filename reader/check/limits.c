/* SPDX-License-Identifier: MIT */
#include "reader/check/limits.h"

#include <math.h>
#include <string.h>

#define END_SHARE       20  /* of what is judged: where it begins and ends */
#define BASELINE_EXCESS 0.1 /* of the baseline's level, that is accepted */

/* "bytes/hour" and so on, for a limit on growth. */
static const char *const rate_units[CHECK_SERIES][CHECK_PERS] = {
	[CHECK_LIVE_BYTES] = { "bytes/second", "bytes/hour", "bytes/day",
			       "bytes/iteration" },
	[CHECK_LIVE_OBJECTS] = { "objects/second", "objects/hour",
				 "objects/day", "objects/iteration" },
	[CHECK_THREADS] = { "threads/second", "threads/hour", "threads/day",
			    "threads/iteration" },
	[CHECK_RESIDENT] = { "bytes/second", "bytes/hour", "bytes/day",
			     "bytes/iteration" },
};

void check_accept(struct check_series *s, const char *reason)
{
	s->is_accepted = true;
	s->verdict = CHECK_PASS;
	s->reason = reason;
}

/* Those of one process, as they are collected. */
struct limits {
	const struct check_rules *rules;
	struct check_process *process;
	struct check_limit *items;
	size_t count;
};

static void add(struct limits *l, struct check_limit limit)
{
	if (limit.state != CHECK_UNKNOWN)
		limit.state = limit.value > limit.limit ? CHECK_BROKEN :
							  CHECK_KEPT;
	else
		limit.value = NAN;
	if (l->count < CHECK_LIMITS_MAX)
		l->items[l->count++] = limit;
}

static void limit_live(struct limits *l)
{
	const struct check_series *s = &l->process->series[CHECK_LIVE_BYTES];

	if (l->rules->max_live_bytes == CHECK_NO_BYTES)
		return;
	add(l, (struct check_limit){
		.name = "max-live", .key = s->key, .unit = "bytes",
		.limit = (double)l->rules->max_live_bytes,
		.value = (double)s->highest,
		.state = s->count ? CHECK_KEPT : CHECK_UNKNOWN,
		.reason = s->count ? "most live bytes of a sample" :
				     "there is no sample",
	});
}

static void limit_peak(struct limits *l)
{
	const struct check_totals *t = &l->process->totals;

	if (l->rules->max_peak_bytes == CHECK_NO_BYTES)
		return;
	add(l, (struct check_limit){
		.name = "max-peak", .key = "/heap/peak:bytes", .unit = "bytes",
		.limit = (double)l->rules->max_peak_bytes,
		.value = (double)t->peak_bytes,
		.state = t->has_peak ? CHECK_KEPT : CHECK_UNKNOWN,
		.reason = t->has_peak ? "most live bytes at any moment" :
					"the peak is not known",
	});
}

static void limit_highest(struct limits *l, enum check_series_id id,
			  const char *name, unsigned long most,
			  const char *reason)
{
	const struct check_series *s = &l->process->series[id];

	if (!most)
		return;
	add(l, (struct check_limit){
		.name = name, .key = s->key, .unit = s->unit,
		.limit = (double)most, .value = (double)s->highest,
		.state = s->count ? CHECK_KEPT : CHECK_UNKNOWN,
		.reason = s->count ? reason : "there is no sample",
	});
}

static void limit_unfreed(struct limits *l)
{
	const struct check_totals *t = &l->process->totals;

	if (l->rules->max_unfreed_bytes == CHECK_NO_BYTES)
		return;
	add(l, (struct check_limit){
		.name = "max-unfreed-at-exit", .key = "/heap/live:bytes",
		.unit = "bytes", .limit = (double)l->rules->max_unfreed_bytes,
		.value = (double)t->unfreed_bytes,
		.state = t->has_exited ? CHECK_KEPT : CHECK_UNKNOWN,
		.reason = t->has_exited ? "live bytes when it exited" :
			"it did not exit in order while it was watched",
	});
}

static uint64_t lowest_between(const struct check_series *s, double from,
			       double to, bool *ret_found)
{
	uint64_t lowest = 0;

	*ret_found = false;
	for (size_t i = 0; i < s->count; i++) {
		if (s->points[i].x < from || s->points[i].x > to)
			continue;
		if (!*ret_found || s->points[i].y < lowest)
			lowest = s->points[i].y;
		*ret_found = true;
	}
	return lowest;
}

/* As trend.c has it, but for all that is left, the last bin included. */
static double warmup_end(const struct check_rules *rules,
			 const struct check_series *s)
{
	double first = s->points[0].x, last = s->points[s->count - 1].x;

	if (rules->warmup >= 0)
		return first + rules->warmup;
	return s->result.bins ? s->result.start : first + (last - first) / 4;
}

static void limit_return(struct limits *l)
{
	const struct check_series *s = &l->process->series[CHECK_LIVE_BYTES];
	bool has_start = false, has_end = false;
	uint64_t start = 0, end = 0;

	if (!(l->rules->return_to_percent > 0))
		return;
	if (s->count) {
		double from = warmup_end(l->rules, s);
		double to = s->points[s->count - 1].x;
		double part = (to - from) / END_SHARE;

		start = lowest_between(s, from, from + part, &has_start);
		end = lowest_between(s, to - part, to, &has_end);
	}
	add(l, (struct check_limit){
		.name = "return-to", .key = check_series_key(CHECK_LIVE_BYTES),
		.unit = "%", .limit = l->rules->return_to_percent,
		.value = start ? 100.0 * (double)end / (double)start : 0,
		.state = has_start && has_end && start ? CHECK_KEPT :
							 CHECK_UNKNOWN,
		.reason = has_start && has_end && start ?
			"live bytes at the end, of those after the warm-up" :
			"there are too few samples",
	});
}

static void limit_growth(struct limits *l, enum check_series_id id)
{
	const struct check_max_growth *max = &l->rules->max_growth[id];
	const struct check_series *s = &l->process->series[id];
	const struct check_rate *rate = &s->rates[max->per];

	if (!max->is_set)
		return;
	add(l, (struct check_limit){
		.name = "max-growth", .key = s->key,
		.unit = rate_units[id][max->per], .limit = max->amount,
		.value = rate->lower,
		.state = rate->present ? CHECK_KEPT : CHECK_UNKNOWN,
		.reason = rate->present ? "growth, at least" :
			s->result.bins ? "no iteration was marked" :
					 "there is too little to tell",
	});
}

static const struct check_baseline_entry *
find_entry(const struct check_baseline *b, const char *command)
{
	for (size_t i = 0; b && i < b->count; i++)
		if (strcmp(b->entries[i].command, command) == 0)
			return &b->entries[i];
	return NULL;
}

/* Growth as it was in the baseline is what this work needs. */
static void compare_slope(struct limits *l, enum check_series_id id,
			  const struct check_baseline_entry *entry)
{
	struct check_series *s = &l->process->series[id];
	enum check_per per = l->rules->by_iterations ? CHECK_PER_ITERATION :
						       CHECK_PER_SECOND;
	double slack = s->result.tolerance / s->result.span;
	double limit = fmax(entry->slope_upper[id], 0) + slack;

	add(l, (struct check_limit){
		.name = "baseline", .key = s->key,
		.unit = rate_units[id][per], .limit = limit,
		.value = s->result.slope.lower, .state = CHECK_KEPT,
		.reason = "growth, at least, against the baseline's",
	});
	/* Its own slack alone, which no growth exceeds, accepts nothing. */
	if (s->verdict == CHECK_GROWTH && s->result.slope.lower <= limit &&
	    entry->slope_upper[id] >= s->result.slope.lower)
		check_accept(s, "grows no faster than the baseline");
}

static void compare_level(struct limits *l, enum check_series_id id,
			  const struct check_baseline_entry *entry)
{
	const struct check_series *s = &l->process->series[id];
	struct trend_rules t = check_trend_rules(l->rules, id);
	double level = (double)entry->median_floor[id];

	add(l, (struct check_limit){
		.name = "baseline", .key = s->key, .unit = s->unit,
		.limit = level + fmax(BASELINE_EXCESS * level, t.tolerance),
		.value = (double)s->result.median_floor, .state = CHECK_KEPT,
		.reason = "median level, against the baseline's",
	});
}

static void compare_baseline(struct limits *l)
{
	const struct check_baseline_entry *entry =
		find_entry(l->rules->baseline, l->process->command);

	for (int id = 0; entry && id < CHECK_SERIES; id++) {
		if (!entry->present[id] ||
		    !l->process->series[id].result.bins)
			continue;
		compare_slope(l, (enum check_series_id)id, entry);
		compare_level(l, (enum check_series_id)id, entry);
	}
}

void check_apply_limits(const struct check_rules *rules,
			struct check_process *p, struct check_limit *room)
{
	struct limits l = { .rules = rules, .process = p, .items = room };

	limit_live(&l);
	limit_peak(&l);
	limit_highest(&l, CHECK_LIVE_OBJECTS, "max-objects",
		      rules->max_objects, "most live objects of a sample");
	limit_highest(&l, CHECK_THREADS, "max-threads", rules->max_threads,
		      "most threads of a sample");
	limit_unfreed(&l);
	limit_return(&l);
	for (int id = 0; id < CHECK_SERIES; id++)
		limit_growth(&l, (enum check_series_id)id);
	compare_baseline(&l);
	p->limits = room;
	p->limit_count = l.count;
}
