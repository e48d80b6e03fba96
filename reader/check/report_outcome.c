/* SPDX-License-Identifier: MIT */
#include "reader/check/report_outcome.h"

#include <stdlib.h>
#include <string.h>

#include "reader/check/report_escape.h"
#include "reader/check/report_wording.h"
#include "reader/report.h"

/* ---- the list ---- */

static void add(struct check_outcomes *list, struct check_outcome outcome)
{
	if (list->count == list->room) {
		list->room = list->room ? list->room * 2 : 32;
		list->items = report_oom(reallocarray(
			list->items, list->room, sizeof(*list->items)));
	}
	list->items[list->count++] = outcome;
}

static bool is_within(enum check_verdict part, enum check_verdict whole)
{
	return check_worse(part, whole) == whole;
}

/* The verdict that follows from the outcomes that were added since. */
static enum check_verdict following(const struct check_outcomes *list,
				    size_t since)
{
	enum check_verdict worst = CHECK_PASS;

	for (size_t i = since; i < list->count; i++)
		if (list->items[i].decides)
			worst = check_worse(worst, list->items[i].verdict);
	return worst;
}

/* Parts that are worse than the whole did not decide it. */
static void overrule(struct check_outcomes *list, size_t since,
		     enum check_verdict whole)
{
	for (size_t i = since; i < list->count; i++)
		if (!is_within(list->items[i].verdict, whole))
			list->items[i].decides = false;
}

static enum check_verdict limit_verdict(const struct check_limit *l)
{
	static const enum check_verdict verdicts[] = {
		[CHECK_KEPT] = CHECK_PASS,
		[CHECK_BROKEN] = CHECK_LIMIT,
		[CHECK_UNKNOWN] = CHECK_INCONCLUSIVE,
	};

	return verdicts[l->state];
}

static void add_limits(struct check_outcomes *list, struct check_outcome o)
{
	const struct check_process *p = o.process;

	for (size_t i = 0; i < p->limit_count; i++) {
		o.limit = &p->limits[i];
		o.verdict = limit_verdict(o.limit);
		o.reason = o.limit->reason;
		if (!p->is_brief || o.limit->state == CHECK_BROKEN)
			add(list, o);
	}
}

static void add_series(struct check_outcomes *list, struct check_outcome o)
{
	for (int i = 0; i < CHECK_SERIES; i++) {
		o.series = &o.process->series[i];
		o.series_id = (enum check_series_id)i;
		o.verdict = o.series->verdict;
		o.reason = o.series->reason;
		/* Of what was not seen nothing may be called good. */
		if (o.series->is_judged && o.series->count)
			add(list, o);
	}
}

static void add_process(struct check_outcomes *list, struct check_outcome o)
{
	const struct check_process *p = o.process;
	size_t since = list->count;

	if (p->is_brief) {
		add_limits(list, o);
		return;
	}
	o.verdict = p->verdict;
	o.reason = p->reason;
	if (p->verdict == CHECK_NOT_OBSERVED) {
		add(list, o);
		return;
	}
	add_series(list, o);
	add_limits(list, o);
	overrule(list, since, p->verdict);
	if (following(list, since) != p->verdict)
		add(list, o);
}

static size_t count_twins(const struct check_run *run, size_t index)
{
	size_t twins = 1;

	for (size_t i = 0; i < index; i++)
		if (!run->processes[i].is_brief &&
		    strcmp(run->processes[i].command,
			   run->processes[index].command) == 0)
			twins++;
	return twins;
}

static void add_run(struct check_outcomes *list, struct check_outcome o)
{
	const struct check_run *run = o.run;
	size_t since = list->count;

	for (size_t i = 0; i < run->process_count; i++) {
		struct check_outcome of_process = o;

		of_process.process = &run->processes[i];
		if (!run->processes[i].is_brief)
			of_process.twin = count_twins(run, i);
		add_process(list, of_process);
	}
	overrule(list, since, run->verdict);
	o.verdict = run->verdict;
	o.reason = run->reason;
	if (list->count == since || following(list, since) != run->verdict)
		add(list, o);
}

void check_outcomes_list(struct check_outcomes *ret,
			 const struct check_report *r)
{
	struct check_outcome o = { .report = r, .decides = true, .twin = 1 };

	*ret = (struct check_outcomes){ 0 };
	for (size_t i = 0; i < r->run_count; i++) {
		o.run = &r->runs[i];
		add_run(ret, o);
	}
	overrule(ret, 0, r->verdict);
	o.run = NULL;
	o.verdict = r->verdict;
	o.reason = r->reason;
	if (following(ret, 0) != r->verdict)
		add(ret, o);
}

void check_outcomes_release(struct check_outcomes *o)
{
	free(o->items);
	*o = (struct check_outcomes){ 0 };
}

/* ---- what it says ---- */

static void write_growth(const struct check_outcome *o, FILE *out)
{
	const struct check_series *s = o->series;
	enum check_per per = o->report->by_iterations ? CHECK_PER_ITERATION :
							CHECK_PER_HOUR;
	const struct check_rate *rate = &s->rates[per];

	if (rate->present)
		fprintf(out, "by %s, %s sure of at least %s",
			wording_slope(rate->median, s->unit, per).s,
			wording_confidence(o->report->confidence).s,
			wording_slope(rate->lower, s->unit, per).s);
	else
		fprintf(out, "from %s to %s",
			wording_amount((double)s->first, s->unit).s,
			wording_amount((double)s->last, s->unit).s);
}

static void write_series(const struct check_outcome *o, FILE *out)
{
	const struct check_series *s = o->series;

	fprintf(out, "%s of %s ", wording_series(o->series_id),
		wording_process(o->process).s);
	switch (s->verdict) {
	case CHECK_GROWTH:
		fputs("grow ", out);
		write_growth(o, out);
		return;
	case CHECK_PLATEAU:
	case CHECK_STEP:
		fprintf(out, "rose by %s",
			wording_amount(s->result.change, s->unit).s);
		break;
	case CHECK_PASS:
		fputs(s->is_accepted ? "grow as slowly as is allowed" :
				       "do not grow", out);
		break;
	default:
		fputs("cannot be judged", out);
	}
	fputs(": ", out);
	escape_own(out, ESCAPE_TERMINAL, o->reason);
}

static void write_limit(const struct check_outcome *o, FILE *out)
{
	static const char *const words[] = {
		[CHECK_KEPT] = "is kept",
		[CHECK_BROKEN] = "is broken",
		[CHECK_UNKNOWN] = "cannot be judged",
	};

	fprintf(out, "--%s of %s %s: %s", o->limit->name,
		wording_process(o->process).s, words[o->limit->state],
		wording_limit(o->limit).s);
}

static void write_reason(const struct check_outcome *o, FILE *out)
{
	if (o->process)
		fprintf(out, "%s: ", wording_process(o->process).s);
	escape_own(out, ESCAPE_TERMINAL, o->reason);
}

void check_outcome_write(const struct check_outcome *o, FILE *out)
{
	if (o->series)
		write_series(o, out);
	else if (o->limit)
		write_limit(o, out);
	else
		write_reason(o, out);
	if (!o->decides)
		fputs(" (does not decide the check)", out);
}

char *check_outcome_text(const struct check_outcome *o)
{
	char *text = NULL;
	size_t length;
	FILE *stream = report_oom(open_memstream(&text, &length));

	check_outcome_write(o, stream);
	fclose(stream);
	return report_oom(text);
}

static void write_headline(const struct check_outcomes *list,
			   const struct check_report *r, FILE *out)
{
	size_t same = 0;

	for (size_t i = 0; i < list->count; i++) {
		const struct check_outcome *o = &list->items[i];

		if (o->decides && o->verdict == r->verdict && same++ == 0)
			check_outcome_write(o, out);
	}
	if (same > 1)
		fprintf(out, "; and %zu more like it", same - 1);
}

char *check_headline(const struct check_report *r)
{
	struct check_outcomes list;
	char *text = NULL;
	size_t length;
	FILE *stream = report_oom(open_memstream(&text, &length));

	check_outcomes_list(&list, r);
	if (r->verdict == CHECK_PASS)
		escape_own(stream, ESCAPE_TERMINAL, r->reason);
	else
		write_headline(&list, r, stream);
	check_outcomes_release(&list);
	fclose(stream);
	return report_oom(text);
}

bool report_projects(const struct check_series *s)
{
	return (s->verdict == CHECK_GROWTH || s->is_accepted) &&
	       s->rates[CHECK_PER_HOUR].present &&
	       s->rates[CHECK_PER_DAY].present &&
	       s->rates[CHECK_PER_HOUR].median > 0;
}

struct escaped_text report_growth(const struct check_series *s)
{
	const struct trend_result *t = &s->result;
	bool steady = s->verdict == CHECK_GROWTH || s->is_accepted;
	struct escaped_text text;

	snprintf(text.s, sizeof(text.s), steady ?
		 "at least %s in the judged part, %s is tolerated" :
		 "%s from the first floors to the last, %s is tolerated",
		 wording_short(steady ? t->excess : t->change, s->unit,
			       true).s,
		 wording_short(t->tolerance, s->unit, false).s);
	return text;
}

static const char *key_name(const struct check_process *p, const char *key)
{
	for (int i = 0; i < CHECK_SERIES; i++)
		if (strcmp(p->series[i].key, key) == 0)
			return wording_series((enum check_series_id)i);
	return key;
}

/* An option may set limits to several series, and several to one. */
static struct text limit_subject(const struct check_process *p,
				 const struct check_limit *l)
{
	bool has_name_twin = false, has_key_twin = false;
	struct text text;

	for (size_t i = 0; i < p->limit_count; i++) {
		const struct check_limit *other = &p->limits[i];

		if (other == l || strcmp(other->name, l->name) != 0)
			continue;
		has_name_twin = true;
		has_key_twin |= strcmp(other->key, l->key) == 0;
	}
	snprintf(text.s, sizeof(text.s), "--%s%s%s%s%s", l->name,
		 has_name_twin ? ", " : "",
		 has_name_twin ? key_name(p, l->key) : "",
		 has_key_twin ? ", " : "", has_key_twin ? l->unit : "");
	return text;
}

struct text check_outcome_subject(const struct check_outcome *o)
{
	struct text text = { "" };

	if (o->limit)
		text = limit_subject(o->process, o->limit);
	else if (o->series)
		snprintf(text.s, sizeof(text.s), "%s",
			 wording_series(o->series_id));
	else
		snprintf(text.s, sizeof(text.s), "%s",
			 o->run ? "observation" : "the check as a whole");
	return text;
}

bool check_outcome_fails(const struct check_outcome *o)
{
	if (!o->decides)
		return false;
	if (check_is_warning(o->verdict))
		return o->report->is_strict;
	return o->verdict == CHECK_GROWTH || o->verdict == CHECK_LIMIT ||
	       o->verdict == CHECK_NOT_OBSERVED;
}

bool check_outcome_warns(const struct check_outcome *o)
{
	if (!o->decides || check_outcome_fails(o))
		return false;
	return check_is_warning(o->verdict) ||
	       o->verdict == CHECK_INCONCLUSIVE;
}
