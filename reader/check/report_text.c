/* SPDX-License-Identifier: MIT */
#include "reader/check/report_text.h"

#include <stdlib.h>
#include <string.h>

#include "reader/check/report_chart.h"
#include "reader/check/report_escape.h"
#include "reader/check/report_next_step.h"
#include "reader/check/report_wording.h"
#include "reader/report.h"

#define RUNS_MAX      3 /* shown with their processes */
#define PROCESSES_MAX 5 /* shown of a run, the worst first */
#define CHART_ROWS    6
#define SPARK_WIDTH   24
#define LOG_WIDTH     80

/* Where it goes and how. */
struct page {
	const struct check_report *r;
	const struct check_text_style *style;
	FILE *out;
};

#define ROW "  %-14s  "

/* ---- verdicts ---- */

static void put_verdict(const struct page *p, enum check_verdict verdict,
			int width)
{
	static const char *const colors[CHECK_VERDICTS] = {
		[CHECK_PASS] = "\033[1;32m",
		[CHECK_PLATEAU] = "\033[1;33m",
		[CHECK_STEP] = "\033[1;33m",
		[CHECK_GROWTH] = "\033[1;31m",
		[CHECK_LIMIT] = "\033[1;31m",
		[CHECK_INCONCLUSIVE] = "\033[1;33m",
		[CHECK_NOT_OBSERVED] = "\033[1;31m",
	};
	bool color = p->style->color;

	fprintf(p->out, "%s%-*s%s", color ? colors[verdict] : "", width,
		check_verdict_name(verdict), color ? "\033[0m" : "");
}

/* Cut at a whole character, to about that many columns. */
static struct escaped_text cut(struct escaped_text text, size_t columns)
{
	size_t length = columns > 20 ? columns : 20;

	if (strlen(text.s) <= length || length + 4 > sizeof(text.s))
		return text;
	while (length > 0 && (text.s[length] & 0xc0) == 0x80)
		length--;
	memcpy(text.s + length, "...", 4);
	return text;
}

static const char *plural(uint64_t count)
{
	return count == 1 ? "" : "s";
}

/* A text of ours that may quote what was made visible. */
static void print_own(const struct page *p, const char *label,
		      const char *text)
{
	fprintf(p->out, ROW, label);
	escape_own(p->out, ESCAPE_TERMINAL, text);
	fputc('\n', p->out);
}

/* ---- one series ---- */

static void print_slopes(const struct page *p, const struct check_series *s)
{
	char label[48];

	snprintf(label, sizeof(label), "slope (%.12s)",
		 wording_confidence(p->r->confidence).s);
	fprintf(p->out, "    %-14s  %14s  %14s  %14s\n", label,
		"most likely", "at least", "at most");
	for (int i = 0; i < CHECK_PERS; i++) {
		const struct check_rate *rate = &s->rates[i];

		if (!rate->present)
			continue;
		snprintf(label, sizeof(label), "per %s",
			 check_per_name((enum check_per)i));
		fprintf(p->out, "      %-12s  %14s  %14s  %14s\n", label,
			wording_short(rate->median, s->unit, true).s,
			wording_short(rate->lower, s->unit, true).s,
			wording_short(rate->upper, s->unit, true).s);
	}
}

static void print_ahead(const struct page *p, const struct check_series *s)
{
	const struct check_rate *hour = &s->rates[CHECK_PER_HOUR];
	const struct check_rate *day = &s->rates[CHECK_PER_DAY];

	if (!report_projects(s))
		return;
	fprintf(p->out, "    %-14s  %s in an hour, %s in a day: %s then\n",
		"ahead", wording_short(hour->median, s->unit, true).s,
		wording_short(day->median, s->unit, true).s,
		wording_short((double)s->last + day->median, s->unit,
			      false).s);
}

static void print_evidence(const struct page *p, const struct check_series *s)
{
	const struct trend_result *t = &s->result;
	bool by_iterations = p->r->by_iterations;

	fprintf(p->out, "    %-14s  %s to %s: %zu samples, %zu floors\n",
		"judged", wording_place(t->start, by_iterations).s,
		wording_place(t->start + t->span, by_iterations).s,
		t->samples, t->bins);
	fprintf(p->out, "    %-14s  %s\n", "growth",
		report_growth(s).s);
	fprintf(p->out, "    %-14s  weakest rise %s of the mean one, %.2f "
		"at least is steady\n    %-14s  second half %s of the "
		"first, %.2f at least does not slow down\n", "shape",
		wording_ratio(t->weakest_ratio).s, TREND_WEAKEST, "",
		wording_ratio(t->halves_ratio).s, TREND_HALVES);
}

/* A few words for those who meet these verdicts for the first time. */
static void print_warning(const struct page *p, enum check_verdict verdict)
{
	if (!check_is_warning(verdict))
		return;
	fprintf(p->out, "    %-14s  %s\n", "note", verdict == CHECK_PLATEAU ?
		"as a cache that fills: a longer run tells whether it ends" :
		"as a table that doubles: a longer run tells whether it goes on");
	fprintf(p->out, "    %-14s  %s\n", "", p->r->is_strict ?
		"a failure, as --strict was given" :
		"a warning only; --strict makes it a failure");
}

static void print_details(const struct page *p, const struct check_series *s)
{
	chart_text(s, p->r->by_iterations, p->style, 4, CHART_ROWS, p->out);
	print_slopes(p, s);
	print_ahead(p, s);
	print_evidence(p, s);
	print_warning(p, s->verdict);
}

/* Of a series that is in order, or that could not be judged, one line. */
static void print_brief(const struct page *p, const struct check_series *s)
{
	const struct check_rate *hour = &s->rates[CHECK_PER_HOUR];
	struct text low = wording_short((double)s->lowest, s->unit, false);
	struct text high = wording_short((double)s->highest, s->unit, false);

	fprintf(p->out, "    ");
	if (p->style->utf8 && s->count > 1) {
		chart_spark(s, SPARK_WIDTH, p->out);
		fprintf(p->out, "  ");
	}
	if (strcmp(low.s, high.s) == 0)
		fprintf(p->out, "%s throughout", low.s);
	else
		fprintf(p->out, "%s to %s", low.s, high.s);
	if (hour->present)
		fprintf(p->out, ", slope %s/hour at most",
			wording_short(hour->upper, s->unit, false).s);
	fputc('\n', p->out);
}

static void print_series(const struct page *p, const struct check_series *s,
			 enum check_series_id id)
{
	fprintf(p->out, ROW, wording_series(id));
	if (!s->count) {
		fputs("not seen\n", p->out);
		return;
	}
	if (s->is_judged) {
		put_verdict(p, s->verdict, 12);
		fprintf(p->out, "  %s\n", s->reason);
	} else {
		fputs("not judged\n", p->out);
	}
	if (s->verdict == CHECK_PASS || !s->result.bins)
		print_brief(p, s);
	else
		print_details(p, s);
}

/* ---- one process ---- */

static void print_limit(const struct page *p, const struct check_limit *l)
{
	fprintf(p->out, "  --%-18s  %-7s  %s\n", l->name,
		wording_limit_state(l->state), wording_limit(l).s);
}

static void print_identity(const struct page *p,
			   const struct check_process *process)
{
	if (*process->exe)
		fprintf(p->out, ROW "%s\n", "program",
			cut(format_escaped(process->exe), LOG_WIDTH).s);
	fprintf(p->out, ROW "%s", "coverage",
		format_escaped(process->coverage).s);
	if (*process->provider)
		fprintf(p->out, " (%s)", format_escaped(process->provider).s);
	if (*process->coverage_reason)
		fprintf(p->out, ": %s",
			format_escaped(process->coverage_reason).s);
	fprintf(p->out, "\n" ROW "%s to %s of the run, then %s\n", "seen",
		wording_place(process->from_seconds, false).s,
		wording_place(process->to_seconds, false).s, process->state);
}

/* What the rules of trend_rules() and its warm-up come to. */
static void print_needed(const struct page *p,
			 const struct check_process *process)
{
	const struct check_series *s = &process->series[CHECK_LIVE_BYTES];

	if (s->is_judged && s->count && !s->result.bins)
		fprintf(p->out, ROW "%s\n", "by default", p->r->by_iterations ?
			"it takes 16 iterations, each marked as it ends" :
			"it takes 84 s, or with --iterations 16 marked ones");
}

static void print_process(const struct page *p,
			  const struct check_process *process)
{
	fputc('\n', p->out);
	put_verdict(p, process->verdict, 0);
	fprintf(p->out, "  %s\n", wording_process(process).s);
	/* The other verdicts follow from what stands below. */
	if (process->verdict == CHECK_NOT_OBSERVED ||
	    process->verdict == CHECK_INCONCLUSIVE)
		print_own(p, "because", process->reason);
	if (process->verdict == CHECK_INCONCLUSIVE)
		print_needed(p, process);
	print_identity(p, process);
	for (int i = 0; i < CHECK_SERIES; i++)
		if (process->verdict != CHECK_NOT_OBSERVED)
			print_series(p, &process->series[i],
				     (enum check_series_id)i);
	for (size_t i = 0; i < process->limit_count; i++)
		print_limit(p, &process->limits[i]);
}

/* A brief process has its say only where it broke a limit. */
static bool is_shown(const struct check_process *process)
{
	for (size_t i = 0; i < process->limit_count; i++)
		if (process->limits[i].state == CHECK_BROKEN)
			return true;
	return !process->is_brief;
}

static void print_rest(const struct page *p, const struct check_run *run,
		       size_t shown)
{
	size_t rest = 0, brief = 0;

	for (size_t i = 0; i < run->process_count; i++) {
		rest += is_shown(&run->processes[i]);
		brief += !is_shown(&run->processes[i]);
	}
	if (rest > shown)
		fprintf(p->out, "\nand %zu more process%s, none worse\n",
			rest - shown, rest - shown == 1 ? "" : "es");
	if (brief)
		fprintf(p->out, "\n%zu process%s ended before %s could be "
			"judged\n", brief, brief == 1 ? "" : "es",
			brief == 1 ? "it" : "they");
}

static void print_processes(const struct page *p, const struct check_run *run)
{
	size_t shown = 0;

	for (int v = 0; v < CHECK_VERDICTS; v++)
		for (size_t i = 0; i < run->process_count; i++) {
			const struct check_process *process =
				&run->processes[i];

			if (process->verdict != wording_worst_first[v] ||
			    !is_shown(process) || shown == PROCESSES_MAX)
				continue;
			print_process(p, process);
			shown++;
		}
	print_rest(p, run, shown);
}

/* ---- one run, and all ---- */

static void print_run_line(const struct page *p, size_t index)
{
	const struct check_run *run = &p->r->runs[index];

	fprintf(p->out, "  run %-3zu  ", index + 1);
	put_verdict(p, run->verdict, 12);
	fprintf(p->out, "  %s: ", format_duration(run->seconds).s);
	escape_own(p->out, ESCAPE_TERMINAL, run->reason);
	if (run->file)
		fprintf(p->out, " (%s)", format_escaped(run->file).s);
	fputc('\n', p->out);
}

static void print_run(const struct page *p, size_t index)
{
	const struct check_run *run = &p->r->runs[index];

	if (p->r->run_count > 1) {
		fprintf(p->out, "\nof run %zu\n", index + 1);
		print_processes(p, run);
		return;
	}
	fprintf(p->out, "  %s samples in %s, one each %s, %zu process%s",
		format_count(run->samples).s,
		format_duration(run->seconds).s,
		format_duration(run->interval_seconds).s, run->process_count,
		run->process_count == 1 ? "" : "es");
	if (run->iterations)
		fprintf(p->out, ", %s iteration%s",
			format_count(run->iterations).s,
			plural(run->iterations));
	if (*run->ending)
		fprintf(p->out, "; the command %s",
			format_escaped(run->ending).s);
	fputc('\n', p->out);
	if (run->file && p->r->is_live)
		fprintf(p->out, "  the samples are in '%s'\n",
			format_escaped(run->file).s);
	print_processes(p, run);
}

/* Of several attempts the one that decided, of several files the worst. */
static void print_runs(const struct page *p)
{
	const struct check_report *r = p->r;
	size_t shown = 0;

	for (size_t i = 0; r->run_count > 1 && i < r->run_count; i++)
		print_run_line(p, i);
	if (r->confirm_runs > 1) {
		print_run(p, (size_t)(next_steps_run(r) - r->runs));
		return;
	}
	for (int v = 0; v < CHECK_VERDICTS; v++)
		for (size_t i = 0; i < r->run_count; i++)
			if (r->runs[i].verdict == wording_worst_first[v] &&
			    shown < RUNS_MAX) {
				print_run(p, i);
				shown++;
			}
}

static void print_head(const struct page *p)
{
	char *headline = check_headline(p->r);

	put_verdict(p, p->r->verdict, 0);
	fprintf(p->out, ": %s\n", headline);
	free(headline);
	fprintf(p->out, "  %s%s\n", p->r->is_live ? "" : "recorded: ",
		cut(format_escaped(p->r->subject), p->style->width - 12).s);
	if (p->r->baseline)
		fprintf(p->out, "  against the baseline '%s'\n",
			format_escaped(p->r->baseline).s);
	if (p->r->status)
		fprintf(p->out, "  exit status %d%s\n", p->r->status,
			p->r->verdict == CHECK_PASS ||
			(check_is_warning(p->r->verdict) &&
			 !p->r->is_strict) ? ", which is the command's" : "");
}

static void print_next(const struct page *p)
{
	struct next_steps next;

	next_steps_find(&next, p->r, false);
	if (next.count)
		fprintf(p->out, "\nnext\n");
	for (size_t i = 0; i < next.count; i++)
		fprintf(p->out, "  %s\n      %s\n", next.items[i].command,
			next.items[i].why);
	next_steps_release(&next);
}

void check_report_text(const struct check_report *r,
		       const struct check_text_style *style, FILE *out)
{
	const struct page page = { r, style, out };

	print_head(&page);
	print_runs(&page);
	print_next(&page);
}

void report_text_outcome(const struct check_outcome *o,
			 const struct check_text_style *style, FILE *out)
{
	const struct page page = { o->report, style, out };

	check_outcome_write(o, out);
	fputc('\n', out);
	if (o->series && o->series->result.bins)
		print_details(&page, o->series);
}

char *report_text_plain(const struct check_report *r)
{
	const struct check_text_style style = { LOG_WIDTH, true, false };
	char *text = NULL;
	size_t length;
	FILE *stream = report_oom(open_memstream(&text, &length));

	check_report_text(r, &style, stream);
	fclose(stream);
	return report_oom(text);
}
