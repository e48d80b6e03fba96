/* SPDX-License-Identifier: MIT */
/*
 * One page that needs nothing but itself: no script, no font, no image, and
 * its own policy forbids all of them. Its size is bounded: by the columns of
 * a chart, and by how many processes have one.
 */
#include <stdlib.h>
#include <string.h>

#include "reader/check/report_chart.h"
#include "reader/check/report_escape.h"
#include "reader/check/report_next_step.h"
#include "reader/check/report_outcome.h"
#include "reader/check/report_wording.h"
#include "reader/report.h"

#define CHARTED_MAX 24   /* processes of a run, the worst first */
#define ROWS_MAX    1000 /* of the table of all processes */

/* What is counted up while the page is written. */
struct page {
	const struct check_report *r;
	unsigned charts;
	FILE *out;
};

static void put(const struct page *p, const char *markup)
{
	fputs(markup, p->out);
}

static void put_own(const struct page *p, const char *text)
{
	escape_own(p->out, ESCAPE_MARKUP, text);
}

static void put_foreign(const struct page *p, const char *text)
{
	escape_foreign(p->out, ESCAPE_MARKUP, text);
}

/* ---- head ---- */

static const char style[] =
	":root{color-scheme:light dark;--fg:#1b1f24;--dim:#59636e;--bg:#fff;"
	"--card:#f6f8fa;--edge:#d1d9e0;--line:#0969da;--floor:#bc4c00;"
	"--slope:#cf222e;--judged:#0969da14;--bounds:#cf222e26;"
	"--good:#1a7f37;--warn:#9a6700;--bad:#cf222e}\n"
	"@media(prefers-color-scheme:dark){:root{--fg:#e6edf3;--dim:#9198a1;"
	"--bg:#0d1117;--card:#151b23;--edge:#3d444d;--line:#4493f8;"
	"--floor:#f0883e;--slope:#ff7b72;--judged:#4493f81f;"
	"--bounds:#ff7b7233;--good:#3fb950;--warn:#d29922;--bad:#f85149}}\n"
	"*{box-sizing:border-box}"
	"body{margin:0;background:var(--bg);color:var(--fg);"
	"font:16px/1.5 system-ui,sans-serif}"
	"main{max-width:60rem;margin:0 auto;padding:1.5rem 1rem 4rem}"
	"h1{font-size:1.5rem;margin:0;overflow-wrap:anywhere}"
	"h2{font-size:1.25rem;margin:2.5rem 0 .5rem;"
	"border-bottom:1px solid var(--edge);overflow-wrap:anywhere}"
	"h3{font-size:1.1rem;margin:2rem 0 .5rem}"
	"h4{font-size:1rem;margin:1.5rem 0 .25rem}p{margin:.5rem 0}\n"
	".v{font-weight:700;white-space:nowrap}.good{color:var(--good)}"
	".warn{color:var(--warn)}.bad{color:var(--bad)}"
	".dim{color:var(--dim)}a{color:var(--line)}\n"
	"code,pre{font:.875em/1.5 ui-monospace,monospace;"
	"overflow-wrap:anywhere}"
	"pre{background:var(--card);border:1px solid var(--edge);"
	"border-radius:6px;padding:.75rem;margin:.25rem 0;"
	"white-space:pre-wrap}\n"
	".scroll{overflow-x:auto}"
	"table{border-collapse:collapse;margin:.5rem 0;font-size:.875rem}"
	"th,td{text-align:left;padding:.25rem .75rem;vertical-align:top;"
	"border-bottom:1px solid var(--edge)}"
	"caption{text-align:left;color:var(--dim)}"
	"td.n,th.n{text-align:right;white-space:nowrap;"
	"font-variant-numeric:tabular-nums}\n"
	"dl{display:grid;grid-template-columns:max-content 1fr;"
	"gap:.1rem 1rem;margin:.5rem 0;font-size:.875rem}"
	"dt{color:var(--dim)}dd{margin:0;overflow-wrap:anywhere}\n"
	"figure{margin:.5rem 0;padding:.5rem;background:var(--card);"
	"border:1px solid var(--edge);border-radius:6px}"
	"figcaption{font-size:.8rem;color:var(--dim)}"
	"svg{display:block;width:100%;height:auto}"
	"svg text{font:12px system-ui,sans-serif;fill:var(--dim)}"
	".y{text-anchor:end}.x{text-anchor:middle}"
	".grid{stroke:var(--edge);stroke-width:1;fill:none}"
	".axis{stroke:var(--dim);fill:none}"
	".line{stroke:var(--line);stroke-width:1.5;fill:none;"
	"stroke-linejoin:round}"
	".floor{fill:var(--floor)}"
	".mark{stroke:var(--fg);stroke-width:2;fill:none}"
	".slope{stroke:var(--slope);stroke-width:2;stroke-dasharray:6 4;"
	"fill:none}.bounds{fill:var(--bounds)}.judged{fill:var(--judged)}\n"
	"@media print{figure,tr{break-inside:avoid}}";

static void put_verdict(const struct page *p, enum check_verdict verdict)
{
	static const char *const classes[CHECK_VERDICTS] = {
		[CHECK_PASS] = "good",
		[CHECK_PLATEAU] = "warn",
		[CHECK_STEP] = "warn",
		[CHECK_GROWTH] = "bad",
		[CHECK_LIMIT] = "bad",
		[CHECK_INCONCLUSIVE] = "warn",
		[CHECK_NOT_OBSERVED] = "bad",
	};

	fprintf(p->out, "<span class=\"v %s\">%s</span>", classes[verdict],
		check_verdict_name(verdict));
}

/* Of a whole: the other verdicts follow from what stands below. */
static void put_reason(const struct page *p, enum check_verdict verdict,
		       const char *reason)
{
	if (verdict != CHECK_NOT_OBSERVED && verdict != CHECK_INCONCLUSIVE)
		return;
	put(p, "<p>");
	put_own(p, reason);
	put(p, "</p>\n");
}

static void put_head(const struct page *p)
{
	put(p, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
	       "<meta charset=\"utf-8\"/>\n"
	       "<meta http-equiv=\"Content-Security-Policy\" "
	       "content=\"default-src 'none'; style-src 'unsafe-inline'\"/>\n"
	       "<meta name=\"viewport\" "
	       "content=\"width=device-width, initial-scale=1\"/>\n<title>");
	fprintf(p->out, "%s: ", check_verdict_name(p->r->verdict));
	put_foreign(p, p->r->subject);
	fprintf(p->out, "</title>\n<style>\n%s\n</style>\n</head>\n<body>\n"
		"<main>\n", style);
}

/* ---- lists of facts ---- */

static void fact_own(const struct page *p, const char *name, const char *text)
{
	fprintf(p->out, "<dt>%s</dt><dd>", name);
	put_own(p, text);
	put(p, "</dd>\n");
}

static void fact(const struct page *p, const char *name, const char *foreign)
{
	if (!foreign || !*foreign)
		return;
	fprintf(p->out, "<dt>%s</dt><dd>", name);
	put_foreign(p, foreign);
	put(p, "</dd>\n");
}

static void put_summary(const struct page *p)
{
	const struct check_report *r = p->r;
	char *headline = check_headline(r);
	char status[16];

	put(p, "<header>\n<h1>");
	put_verdict(p, r->verdict);
	put(p, " <code>");
	put_foreign(p, r->subject);
	put(p, "</code></h1>\n<p>");
	put_own(p, headline);
	free(headline);
	put(p, "</p>\n<dl>\n");
	snprintf(status, sizeof(status), "%d", r->status);
	fact_own(p, "exit status", status);
	fact_own(p, "confidence", wording_confidence(r->confidence).s);
	fact_own(p, "growth by", r->by_iterations ? "iterations" : "time");
	if (r->is_strict)
		fact_own(p, "strict", "warnings fail");
	fact(p, "baseline", r->baseline);
	fact_own(p, "heaptally", r->version);
	put(p, "</dl>\n</header>\n");
}

static void put_next(const struct page *p)
{
	struct next_steps next;

	next_steps_find(&next, p->r, true);
	if (next.count)
		put(p, "<section>\n<h2>What to run next</h2>\n");
	for (size_t i = 0; i < next.count; i++) {
		put(p, "<pre>");
		put_own(p, next.items[i].command);
		fprintf(p->out, "</pre>\n<p class=\"dim\">%s</p>\n",
			next.items[i].why);
	}
	if (next.count)
		put(p, "</section>\n");
	next_steps_release(&next);
}

/* ---- one series ---- */

static void put_slopes(const struct page *p, const struct check_series *s)
{
	put(p, s->verdict == CHECK_PASS ? "<details>" : "<details open=\"\">");
	put(p, "<summary>slope</summary>\n"
	       "<div class=\"scroll\"><table>\n<tr><th scope=\"col\">slope</th>"
	       "<th scope=\"col\" class=\"n\">most likely</th>"
	       "<th scope=\"col\" class=\"n\">at least</th>"
	       "<th scope=\"col\" class=\"n\">at most</th></tr>\n");
	for (int i = 0; i < CHECK_PERS; i++) {
		const struct check_rate *rate = &s->rates[i];

		if (rate->present)
			fprintf(p->out, "<tr><th scope=\"row\">per %s</th>"
				"<td class=\"n\">%s</td><td class=\"n\">%s</td>"
				"<td class=\"n\">%s</td></tr>\n",
				check_per_name((enum check_per)i),
				wording_short(rate->median, s->unit, true).s,
				wording_short(rate->lower, s->unit, true).s,
				wording_short(rate->upper, s->unit, true).s);
	}
	put(p, "</table></div>\n");
}

static void put_ahead(const struct page *p, const struct check_series *s)
{
	const struct check_rate *hour = &s->rates[CHECK_PER_HOUR];
	const struct check_rate *day = &s->rates[CHECK_PER_DAY];

	if (report_projects(s))
		fprintf(p->out, "<dt>ahead</dt><dd>%s in an hour, %s in a day:"
			" %s then</dd>\n",
			wording_change(hour->median, s->unit).s,
			wording_change(day->median, s->unit).s,
			wording_amount((double)s->last + day->median,
				       s->unit).s);
}

static void put_evidence(const struct page *p, const struct check_series *s)
{
	const struct trend_result *t = &s->result;
	bool by_iterations = p->r->by_iterations;

	put(p, "<dl>\n");
	put_ahead(p, s);
	fprintf(p->out, "<dt>judged</dt><dd>%s to %s: %zu samples, %zu floors"
		"</dd>\n", wording_place(t->start, by_iterations).s,
		wording_place(t->start + t->span, by_iterations).s,
		t->samples, t->bins);
	fprintf(p->out, "<dt>growth</dt><dd>%s</dd>\n", report_growth(s).s);
	fprintf(p->out, "<dt>weakest rise</dt><dd>%s of the mean one; %.2f "
		"at least is steady</dd>\n",
		wording_ratio(t->weakest_ratio).s, TREND_WEAKEST);
	fprintf(p->out, "<dt>second half</dt><dd>%s of the first; %.2f at "
		"least does not slow down</dd>\n</dl>\n</details>\n",
		wording_ratio(t->halves_ratio).s, TREND_HALVES);
}

static void put_chart(struct page *p, const struct check_run *run,
		      const struct check_process *process,
		      enum check_series_id id)
{
	const struct check_series *s = &process->series[id];
	char title[128];

	snprintf(title, sizeof(title), "%s of %.90s", wording_series(id),
		 wording_process(process).s);
	put(p, "<figure>\n");
	chart_svg(s, run, p->r->by_iterations, title, p->charts++, p->out);
	fprintf(p->out, "<figcaption>%s to %s, %zu samples</figcaption>\n"
		"</figure>\n", wording_amount((double)s->lowest, s->unit).s,
		wording_amount((double)s->highest, s->unit).s, s->count);
}

static void put_series(struct page *p, const struct check_run *run,
		       const struct check_process *process,
		       enum check_series_id id)
{
	const struct check_series *s = &process->series[id];

	fprintf(p->out, "<h4>%s ", wording_series(id));
	if (s->is_judged)
		put_verdict(p, s->verdict);
	fputs("</h4>\n<p>", p->out);
	put_own(p, s->is_judged ? s->reason :
		   s->count ? "shown, not judged" : "not seen");
	put(p, "</p>\n");
	if (s->count > 0)
		put_chart(p, run, process, id);
	if (s->is_judged && s->result.bins) {
		put_slopes(p, s);
		put_evidence(p, s);
	}
}

/* ---- one process ---- */

static void put_limits(const struct page *p,
		       const struct check_process *process)
{
	if (!process->limit_count)
		return;
	put(p, "<div class=\"scroll\"><table>\n<caption>limits</caption>\n"
	       "<tr><th scope=\"col\">option</th><th scope=\"col\">state</th>"
	       "<th scope=\"col\">about</th><th scope=\"col\">why</th></tr>\n");
	for (size_t i = 0; i < process->limit_count; i++) {
		const struct check_limit *l = &process->limits[i];

		fprintf(p->out, "<tr><th scope=\"row\">--%s</th>"
			"<td class=\"v %s\">%s</td><td>", l->name,
			l->state == CHECK_KEPT ? "good" :
			l->state == CHECK_BROKEN ? "bad" : "warn",
			wording_limit_state(l->state));
		put_own(p, l->key);
		put(p, "</td><td>");
		put_own(p, wording_limit(l).s);
		put(p, "</td></tr>\n");
	}
	put(p, "</table></div>\n");
}

static void put_identity(const struct page *p,
			 const struct check_process *process)
{
	put(p, "<dl>\n");
	fact(p, "program", process->exe);
	fact(p, "allocator", process->provider);
	fact(p, "coverage", process->coverage);
	fact(p, "because", process->coverage_reason);
	fact(p, "started", process->start_time);
	fprintf(p->out, "<dt>seen</dt><dd>%s to %s of the run, then %s</dd>\n"
		"</dl>\n", wording_place(process->from_seconds, false).s,
		wording_place(process->to_seconds, false).s, process->state);
}

static void put_process(struct page *p, const struct check_run *run,
			const struct check_process *process)
{
	fprintf(p->out, "<article id=\"p%td-%td\">\n<h3>", run - p->r->runs,
		process - run->processes);
	put_own(p, wording_process(process).s);
	put(p, " ");
	put_verdict(p, process->verdict);
	put(p, "</h3>\n");
	put_reason(p, process->verdict, process->reason);
	put_identity(p, process);
	put_limits(p, process);
	for (int i = 0; i < CHECK_SERIES; i++)
		put_series(p, run, process, (enum check_series_id)i);
	put(p, "</article>\n");
}

/* ---- one run ---- */

/* The places of all processes, by verdict, the worst first; to be freed. */
static size_t *worst_first(const struct check_run *run)
{
	size_t *list = report_oom(calloc(run->process_count + 1,
					 sizeof(*list)));
	size_t count = 0;

	for (int v = 0; v < CHECK_VERDICTS; v++)
		for (size_t i = 0; i < run->process_count; i++)
			if (run->processes[i].verdict ==
			    wording_worst_first[v])
				list[count++] = i;
	return list;
}

static void put_process_row(const struct page *p, const struct check_run *run,
			    const struct check_process *process, bool charted)
{
	put(p, "<tr><td>");
	put_verdict(p, process->verdict);
	put(p, "</td><th scope=\"row\">");
	if (charted)
		fprintf(p->out, "<a href=\"#p%td-%td\">", run - p->r->runs,
			process - run->processes);
	put_own(p, wording_process(process).s);
	put(p, charted ? "</a></th><td>" : "</th><td>");
	put_foreign(p, process->coverage);
	put(p, "</td><td>");
	put_own(p, process->is_brief ? "ended before it could be judged" :
				       process->reason);
	put(p, "</td></tr>\n");
}

static bool is_charted(const struct check_process *process, size_t place)
{
	return place < CHARTED_MAX && !process->is_brief;
}

static void put_overview(const struct page *p, const struct check_run *run,
			 const size_t *list)
{
	size_t rows = run->process_count < ROWS_MAX ? run->process_count :
						      ROWS_MAX;

	put(p, "<div class=\"scroll\"><table>\n<caption>all processes"
	       "</caption>\n<tr><th scope=\"col\">verdict</th>"
	       "<th scope=\"col\">process</th><th scope=\"col\">coverage</th>"
	       "<th scope=\"col\">why</th></tr>\n");
	for (size_t i = 0; i < rows; i++) {
		const struct check_process *process = &run->processes[list[i]];

		put_process_row(p, run, process, is_charted(process, i));
	}
	put(p, "</table></div>\n");
	if (rows < run->process_count)
		fprintf(p->out, "<p>and %zu more, none worse</p>\n",
			run->process_count - rows);
}

static void put_processes(struct page *p, const struct check_run *run)
{
	size_t *list = worst_first(run);

	if (run->process_count > 1)
		put_overview(p, run, list);
	for (size_t i = 0; i < run->process_count && i < CHARTED_MAX; i++) {
		const struct check_process *process = &run->processes[list[i]];

		if (is_charted(process, i))
			put_process(p, run, process);
	}
	free(list);
}

static void put_command(const struct page *p, const struct check_run *run)
{
	if (!run->command)
		return;
	put(p, "<dt>command</dt><dd><code>");
	for (size_t i = 0; run->command[i]; i++) {
		put(p, i ? " " : "");
		put_foreign(p, run->command[i]);
	}
	put(p, "</code></dd>\n");
}

static void put_run(struct page *p, const struct check_run *run)
{
	put(p, "<section>\n<h2>");
	if (p->r->run_count > 1)
		fprintf(p->out, "Run %td ", run - p->r->runs + 1);
	else
		put(p, "The run ");
	put_verdict(p, run->verdict);
	put(p, "</h2>\n");
	put_reason(p, run->verdict, run->reason);
	put(p, "<dl>\n");
	put_command(p, run);
	fact(p, "samples in", run->file);
	fact(p, "host", run->host);
	fact(p, "architecture", run->architecture);
	fact(p, "libc", run->libc);
	fact(p, "started", run->start_time);
	fact(p, "ending", run->ending);
	fprintf(p->out, "<dt>samples</dt><dd>%s in %s, one each %s</dd>\n"
		"<dt>iterations</dt><dd>%s</dd>\n</dl>\n",
		format_count(run->samples).s, format_duration(run->seconds).s,
		format_duration(run->interval_seconds).s,
		format_count(run->iterations).s);
	put_processes(p, run);
	put(p, "</section>\n");
}

static void put_legend(const struct page *p)
{
	put(p, "<section>\n<h2>How to read the charts</h2>\n<p>The line is the "
	       "series itself: where there are more samples than fit, it goes "
	       "from the lowest to the highest of each column. The shaded part "
	       "was judged: the start is left out as warm-up, and so is the "
	       "end. Each dot is a floor, the lowest value in one of equal "
	       "parts: what a workload takes and gives back does not show in "
	       "it. The dashed line is the median of the slopes between all "
	       "floors, the wedge its bounds. Short strokes at the bottom are "
	       "marks, each for work done. A chart shows at least a tenth of "
	       "the highest value, and need not start at 0.</p>\n"
	       "</section>\n");
}

void check_report_html(const struct check_report *r, FILE *out)
{
	struct page page = { .r = r, .out = out };

	put_head(&page);
	put_summary(&page);
	put_next(&page);
	for (size_t i = 0; i < r->run_count; i++)
		put_run(&page, &r->runs[i]);
	put_legend(&page);
	put(&page, "</main>\n</body>\n</html>\n");
}
