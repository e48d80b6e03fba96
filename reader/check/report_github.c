/* SPDX-License-Identifier: MIT */
/*
 * GitHub shows ten annotations of each level and step. Those of the worst
 * verdicts come first; what there is no room for is in the job summary.
 */
#include <stdlib.h>

#include "reader/check/report_escape.h"
#include "reader/check/report_next_step.h"
#include "reader/check/report_text.h"
#include "reader/check/report_wording.h"

#define ANNOTATIONS_MAX 10 /* of a level */
#define ROWS_MAX        50 /* of the table in the summary */

/* ---- workflow commands ---- */

enum level {
	LEVEL_NONE,
	LEVEL_NOTICE,
	LEVEL_WARNING,
	LEVEL_ERROR,
	LEVELS
};

static enum level level_of(const struct check_outcome *o)
{
	if (check_outcome_fails(o))
		return LEVEL_ERROR;
	if (check_outcome_warns(o))
		return LEVEL_WARNING;
	return o->verdict == CHECK_PASS ? LEVEL_NONE : LEVEL_NOTICE;
}

static void annotate(FILE *out, enum level level, enum check_verdict verdict,
		     const char *text)
{
	static const char *const names[LEVELS] = {
		"", "notice", "warning", "error",
	};

	fprintf(out, "::%s title=heaptally check%%3A %s::", names[level],
		check_verdict_name(verdict));
	escape_own(out, ESCAPE_GITHUB, text);
	fputc('\n', out);
}

static void annotate_all(const struct check_outcomes *list, FILE *out)
{
	size_t counts[LEVELS] = { 0 };

	for (int v = 0; v < CHECK_VERDICTS; v++)
		for (size_t i = 0; i < list->count; i++) {
			const struct check_outcome *o = &list->items[i];
			enum level level = level_of(o);
			char *text;

			if (o->verdict != wording_worst_first[v] ||
			    level == LEVEL_NONE ||
			    counts[level]++ >= ANNOTATIONS_MAX)
				continue;
			text = check_outcome_text(o);
			annotate(out, level, o->verdict, text);
			free(text);
		}
}

void check_report_github(const struct check_report *r, FILE *out)
{
	struct check_outcomes list;

	check_outcomes_list(&list, r);
	annotate_all(&list, out);
	if (r->verdict == CHECK_PASS)
		annotate(out, LEVEL_NOTICE, CHECK_PASS, r->reason);
	check_outcomes_release(&list);
}

/* ---- the job summary ---- */

static const char *icon(enum check_verdict verdict)
{
	switch (verdict) {
	case CHECK_PASS:
		return "✅";
	case CHECK_PLATEAU:
	case CHECK_STEP:
	case CHECK_INCONCLUSIVE:
		return "⚠️";
	default:
		return "❌";
	}
}

static void put_row(const struct check_outcome *o, FILE *out)
{
	char *text = check_outcome_text(o);

	fprintf(out, "| %s %s | ", icon(o->verdict),
		check_verdict_name(o->verdict));
	if (o->process)
		escape_own(out, ESCAPE_MARKDOWN,
			   wording_process(o->process).s);
	fputs(" | ", out);
	escape_own(out, ESCAPE_MARKDOWN, check_outcome_subject(o).s);
	fputs(" | ", out);
	escape_own(out, ESCAPE_MARKDOWN, text);
	fputs(" |\n", out);
	free(text);
}

static void put_table(const struct check_outcomes *list, FILE *out)
{
	size_t rows = 0;

	fputs("| verdict | process | what | why |\n|---|---|---|---|\n", out);
	for (int v = 0; v < CHECK_VERDICTS; v++)
		for (size_t i = 0; i < list->count && rows < ROWS_MAX; i++)
			if (list->items[i].verdict == wording_worst_first[v]) {
				put_row(&list->items[i], out);
				rows++;
			}
	fputc('\n', out);
	if (list->count > rows)
		fprintf(out, "and %zu more, none worse\n\n",
			list->count - rows);
}

/* Markdown has no say within <pre>, whatever the text holds. */
static void put_details(const struct check_report *r, FILE *out)
{
	char *text = report_text_plain(r);

	fputs("<details><summary>slopes and charts</summary>\n\n<pre>", out);
	escape_own(out, ESCAPE_MARKUP, text);
	fputs("</pre>\n\n</details>\n\n", out);
	free(text);
}

static void put_next(const struct check_report *r, FILE *out)
{
	struct next_steps next;

	next_steps_find(&next, r, false);
	for (size_t i = 0; i < next.count; i++) {
		fprintf(out, "%s<pre>", i == 0 ? "Next:\n\n" : "");
		escape_own(out, ESCAPE_MARKUP, next.items[i].command);
		fprintf(out, "\n    # %s</pre>\n\n", next.items[i].why);
	}
	next_steps_release(&next);
}

void check_report_github_summary(const struct check_report *r, FILE *out)
{
	struct check_outcomes list;
	char *headline = check_headline(r);

	check_outcomes_list(&list, r);
	fprintf(out, "### %s heaptally check: %s\n\n", icon(r->verdict),
		check_verdict_name(r->verdict));
	fputs("<code>", out);
	escape_foreign(out, ESCAPE_MARKDOWN, r->subject);
	fputs("</code>: ", out);
	escape_own(out, ESCAPE_MARKDOWN, headline);
	free(headline);
	fputs("\n\n", out);
	put_table(&list, out);
	put_details(r, out);
	put_next(r, out);
	check_outcomes_release(&list);
}
