/* SPDX-License-Identifier: MIT */
#include "reader/check/judge.h"

#include <math.h>
#include <string.h>

#include "reader/check/limits.h"

#define BRIEF_SHARE     0.25 /* of a run: what is there for less is brief */
#define FOREIGN_SHARE   0.01 /* of all frees or samples, at most */

/* To add a series: a row here, an id in verdict.h, its key in recorder.c. */
static const struct {
	const char *key, *unit;
	bool is_judged;
	enum trend_kind kind;
} rows[CHECK_SERIES] = {
	[CHECK_LIVE_BYTES] = { "/heap/live:bytes", "bytes", true,
			       TREND_BYTES },
	[CHECK_LIVE_OBJECTS] = { "/heap/live:objects", "objects", true,
				 TREND_OBJECTS },
	[CHECK_THREADS] = { "/threads/live:threads", "threads", true,
			    TREND_THREADS },
	[CHECK_RESIDENT] = { "/process/resident:bytes", "bytes", false,
			     TREND_BYTES },
};

const char *check_series_key(enum check_series_id id)
{
	return rows[id].key;
}

struct check_rules check_rules(void)
{
	return (struct check_rules){
		.confidence = 0.99, .warmup = -1,
		.max_live_bytes = CHECK_NO_BYTES,
		.max_peak_bytes = CHECK_NO_BYTES,
		.max_unfreed_bytes = CHECK_NO_BYTES,
	};
}

/* ---- a series ---- */

struct trend_rules check_trend_rules(const struct check_rules *rules,
				     enum check_series_id id)
{
	struct trend_rules t = trend_rules(rows[id].kind,
					   rules->by_iterations);

	t.confidence = rules->confidence;
	t.warmup = rules->warmup;
	t.cycle = rules->cycle;
	if (rules->samples_min)
		t.samples_min = rules->samples_min;
	return t;
}

static void describe(const struct check_rules *rules, struct check_series *s,
		     enum check_series_id id)
{
	s->key = rows[id].key;
	s->unit = rows[id].unit;
	s->is_judged = rows[id].is_judged && !rules->limits_only;
	s->verdict = CHECK_PASS;
	s->reason = s->count ? "shown only" : "not available";
	for (size_t i = 0; i < s->count; i++) {
		uint64_t y = s->points[i].y;

		if (i == 0)
			s->first = s->lowest = s->highest = y;
		s->last = y;
		if (y < s->lowest)
			s->lowest = y;
		if (y > s->highest)
			s->highest = y;
	}
}

static enum check_verdict verdict_of(enum trend_verdict verdict)
{
	static const enum check_verdict verdicts[TREND_VERDICTS] = {
		[TREND_PASS] = CHECK_PASS,
		[TREND_PLATEAU] = CHECK_PLATEAU,
		[TREND_STEP] = CHECK_STEP,
		[TREND_GROWTH] = CHECK_GROWTH,
		[TREND_INCONCLUSIVE] = CHECK_INCONCLUSIVE,
	};

	return verdicts[verdict];
}

static struct check_rate rate_of(const struct rank_slope *slope, double by)
{
	if (!(by > 0) || !isfinite(by))
		return (struct check_rate){ 0 };
	return (struct check_rate){
		.present = true, .median = slope->median * by,
		.lower = slope->lower * by, .upper = slope->upper * by,
	};
}

/* How many iterations a second were done in the judged part; 0: none. */
static double iterations_per_second(const struct check_run *run,
				    const struct check_series *s,
				    bool by_iterations)
{
	double from = INFINITY, to = 0, first = 0, last = 0;

	if (!by_iterations)
		return run->seconds > 0 ?
		       (double)run->iterations / run->seconds : 0;
	for (size_t i = 0; i < s->count; i++) {
		double x = s->points[i].x;

		if (x < s->result.start ||
		    x > s->result.start + s->result.span)
			continue;
		if (s->seconds[i] < from) {
			from = s->seconds[i];
			first = x;
		}
		to = s->seconds[i];
		last = x;
	}
	return to > from ? (last - first) / (to - from) : 0;
}

static void fill_rates(const struct check_rules *rules,
		       const struct check_run *run, struct check_series *s)
{
	double pace = iterations_per_second(run, s, rules->by_iterations);
	/* What one unit of the slope's x is, in seconds and iterations. */
	double per_second = rules->by_iterations ? pace : 1;
	double per_iteration = rules->by_iterations ? 1 :
			       pace > 0 ? 1 / pace : 0;
	const double by[CHECK_PERS] = {
		[CHECK_PER_SECOND] = per_second,
		[CHECK_PER_HOUR] = 3600 * per_second,
		[CHECK_PER_DAY] = 86400 * per_second,
		[CHECK_PER_ITERATION] = per_iteration,
	};

	for (int per = 0; per < CHECK_PERS; per++)
		s->rates[per] = rate_of(&s->result.slope, by[per]);
}

static void apply_max_growth(const struct check_max_growth *max,
			     struct check_series *s)
{
	const struct check_rate *rate = &s->rates[max->per];

	if (max->is_set && s->verdict != CHECK_PASS && s->result.bins &&
	    rate->present && rate->lower <= max->amount)
		check_accept(s, "grows no faster than --max-growth allows");
}

static void judge_series(const struct check_rules *rules,
			 const struct check_run *run, enum check_series_id id,
			 struct check_series *s)
{
	struct trend_rules t = check_trend_rules(rules, id);

	describe(rules, s, id);
	if (!s->is_judged || !s->count)
		return;
	if (rules->by_iterations && !run->iterations) {
		s->verdict = CHECK_INCONCLUSIVE;
		s->reason = "no iteration was marked";
		return;
	}
	trend_judge(&t, s->points, s->count, &s->result);
	s->verdict = verdict_of(s->result.verdict);
	s->reason = s->result.reason;
	if (!s->result.bins)
		return;
	fill_rates(rules, run, s);
	apply_max_growth(&rules->max_growth[id], s);
}

/* ---- a process ---- */

static void conclude(struct check_process *p, enum check_verdict verdict,
		     const char *reason)
{
	if (check_worse(p->verdict, verdict) == p->verdict && p->reason)
		return;
	p->verdict = verdict;
	p->reason = reason;
}

/* Counted as such, or seen in that more was freed than is known. */
static bool has_foreign_frees(const struct check_process *p)
{
	const struct check_totals *t = &p->totals;
	size_t samples = p->series[CHECK_LIVE_BYTES].count;

	return (double)t->foreign_objects >
	       FOREIGN_SHARE * (double)t->frees_objects ||
	       (double)t->torn_samples >
	       FOREIGN_SHARE * (double)(t->torn_samples + samples);
}

/* Why its figures say nothing, or NULL. */
static const char *unobserved(const struct check_rules *rules,
			      const struct check_run *run,
			      const struct check_process *p)
{
	if (!p->series[CHECK_LIVE_BYTES].count && !p->totals.torn_samples)
		return "its allocator cannot be seen";
	/* A limit may be about just that. */
	if (p->series[CHECK_LIVE_BYTES].count == 1 && !rules->limits_only &&
	    strcmp(p->state, "live") != 0)
		return "it ended at once";
	if (p->totals.unseen_seconds > BRIEF_SHARE * run->seconds)
		return "it went on as a program that was not tallied";
	return NULL;
}

static void conclude_limits(struct check_process *p)
{
	for (size_t i = 0; i < p->limit_count; i++) {
		const struct check_limit *limit = &p->limits[i];

		if (limit->state == CHECK_BROKEN)
			conclude(p, CHECK_LIMIT, "a limit is broken");
		else if (limit->state == CHECK_UNKNOWN)
			conclude(p, CHECK_INCONCLUSIVE,
				 "a limit could not be checked");
	}
}

static void judge_process(const struct check_rules *rules,
			  const struct check_run *run, struct check_process *p,
			  struct check_limit *room)
{
	const char *why = unobserved(rules, run, p);

	p->verdict = CHECK_PASS;
	p->reason = rules->limits_only ? "every limit is kept" : NULL;
	for (int id = 0; id < CHECK_SERIES; id++)
		judge_series(rules, run, (enum check_series_id)id,
			     &p->series[id]);
	check_apply_limits(rules, p, room);
	for (int id = 0; id < CHECK_SERIES; id++)
		if (p->series[id].is_judged && p->series[id].count)
			conclude(p, p->series[id].verdict,
				 p->series[id].reason);
	if (has_foreign_frees(p))
		conclude(p, CHECK_INCONCLUSIVE, "more than 1 % of its frees "
			 "are of blocks that are not known");
	conclude_limits(p);
	if (why)
		conclude(p, CHECK_NOT_OBSERVED, why);
}

/* Ended long ago, or hardly begun. */
static bool is_short(const struct check_run *run,
		     const struct check_process *p)
{
	double last_look = run->seconds - 2 * run->interval_seconds;

	return !p->is_main &&
	       p->to_seconds - p->from_seconds < BRIEF_SHARE * run->seconds &&
	       (p->to_seconds < last_look || p->totals.has_exited ||
		strcmp(p->state, "live") != 0) &&
	       p->totals.unseen_seconds <= BRIEF_SHARE * run->seconds;
}

/* ---- a run ---- */

/* As long as all are brief they are all there is to judge. */
static void find_brief(struct check_run *run)
{
	size_t brief = 0;

	for (size_t i = 0; i < run->process_count; i++) {
		run->processes[i].is_brief = is_short(run, &run->processes[i]);
		brief += run->processes[i].is_brief;
	}
	if (brief == run->process_count)
		brief = 0;
	for (size_t i = 0; i < run->process_count && !brief; i++)
		run->processes[i].is_brief = false;
	run->brief_count = brief;
}

static bool broke_a_limit(const struct check_process *p)
{
	for (size_t i = 0; i < p->limit_count; i++)
		if (p->limits[i].state == CHECK_BROKEN)
			return true;
	return false;
}

static void join_process(struct check_run *run, const struct check_process *p)
{
	/* What a brief one broke is broken, whatever it could not tell. */
	if (p->is_brief && !broke_a_limit(p))
		return;
	if (run->reason && check_worse(run->verdict, p->verdict) ==
			   run->verdict)
		return;
	run->verdict = p->verdict;
	run->reason = p->reason;
}

void check_judge_run(const struct check_rules *rules, struct check_run *run,
		     struct check_limit *room)
{
	run->verdict = CHECK_PASS;
	run->reason = NULL;
	find_brief(run);
	for (size_t i = 0; i < run->process_count; i++) {
		struct check_process *p = &run->processes[i];

		judge_process(rules, run, p, room + i * CHECK_LIMITS_MAX);
		join_process(run, p);
	}
	if (run->process_count && !run->not_observed)
		return;
	if (!run->reason ||
	    check_worse(run->verdict, CHECK_NOT_OBSERVED) != run->verdict) {
		run->verdict = CHECK_NOT_OBSERVED;
		run->reason = run->not_observed ? run->not_observed :
						  "nothing was recorded";
	}
}

/* ---- a report ---- */

static int status_of(enum check_verdict verdict, bool strict)
{
	static const int statuses[CHECK_VERDICTS] = {
		[CHECK_GROWTH] = 1,
		[CHECK_LIMIT] = 1,
		[CHECK_NOT_OBSERVED] = 3,
		[CHECK_INCONCLUSIVE] = 4,
	};

	if (strict && check_is_warning(verdict))
		return 1;
	return statuses[verdict];
}

static size_t count_growing(const struct check_report *r)
{
	size_t growing = 0;

	for (size_t i = 0; i < r->run_count; i++)
		growing += r->runs[i].verdict == CHECK_GROWTH;
	return growing;
}

/* Growth that does not come again is a warning; broken limits are broken. */
static void refute_growth(struct check_report *r)
{
	r->verdict = CHECK_STEP;
	r->reason = "it grew, but not in most of the runs";
	for (size_t i = 0; i < r->run_count; i++) {
		const struct check_run *run = &r->runs[i];

		if (run->verdict == CHECK_GROWTH ||
		    check_worse(r->verdict, run->verdict) == r->verdict)
			continue;
		r->verdict = run->verdict;
		r->reason = run->reason;
	}
}

void check_judge_report(struct check_report *r)
{
	int command_status = 0;

	r->verdict = r->runs[0].verdict;
	r->reason = r->runs[0].reason;
	for (size_t i = 0; i < r->run_count; i++) {
		const struct check_run *run = &r->runs[i];

		if (check_worse(r->verdict, run->verdict) != r->verdict) {
			r->verdict = run->verdict;
			r->reason = run->reason;
		}
		if (run->command_status)
			command_status = run->command_status;
	}
	if (r->confirm_runs > 1 &&
	    2 * count_growing(r) <= r->confirm_runs &&
	    r->verdict == CHECK_GROWTH)
		refute_growth(r);
	r->status = status_of(r->verdict, r->is_strict);
	if (r->is_live && !r->status)
		r->status = command_status;
}
