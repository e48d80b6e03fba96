/* SPDX-License-Identifier: MIT */
/*
 * A test suite for each run, a test case for each outcome. What was not
 * observed is an error, what cannot be told is skipped: the exit status says
 * more, and the job decides.
 *
 * Readers tell test cases apart by class and name, and compare them from one
 * build to the next: there must be no process id in them, and no two alike.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "reader/check/report_escape.h"
#include "reader/check/report_text.h"
#include "reader/check/report_wording.h"
#include "reader/report.h"

static const struct check_text_style plain = { 80, true, false };

static void put_attribute(FILE *out, const char *name, const char *foreign)
{
	fprintf(out, " %s=\"", name);
	escape_foreign(out, ESCAPE_MARKUP, foreign);
	fputc('"', out);
}

static void put_own_attribute(FILE *out, const char *name, const char *own)
{
	fprintf(out, " %s=\"", name);
	escape_own(out, ESCAPE_MARKUP, own);
	fputc('"', out);
}

static void put_text(FILE *out, const char *element, const char *own)
{
	fprintf(out, "<%s>", element);
	escape_own(out, ESCAPE_MARKUP, own);
	fprintf(out, "</%s>\n", element);
}

/* ---- test cases ---- */

static const char *element(const struct check_outcome *o)
{
	if (!o->decides)
		return NULL;
	if (o->verdict == CHECK_NOT_OBSERVED)
		return "error";
	if (o->verdict == CHECK_INCONCLUSIVE)
		return "skipped";
	return check_outcome_fails(o) ? "failure" : NULL;
}

static char *details(const struct check_outcome *o)
{
	char *text = NULL;
	size_t length;
	FILE *stream = report_oom(open_memstream(&text, &length));

	report_text_outcome(o, &plain, stream);
	fclose(stream);
	return report_oom(text);
}

static void put_name(FILE *out, const struct check_outcome *o)
{
	const struct check_report *r = o->report;

	fputs(" name=\"", out);
	escape_own(out, ESCAPE_MARKUP, check_outcome_subject(o).s);
	if (o->twin > 1)
		fprintf(out, " #%zu", o->twin);
	if (o->run && r->run_count > 1)
		fprintf(out, " (run %zu)", (size_t)(o->run - r->runs) + 1);
	fputc('"', out);
}

/* What went wrong stands in the element's message and in its text. */
static void put_result(FILE *out, const struct check_outcome *o)
{
	const char *name = element(o);
	char *sentence = check_outcome_text(o);
	char *text;

	if (!name) {
		fputs("      ", out);
		put_text(out, "system-out", sentence);
		free(sentence);
		return;
	}
	text = details(o);
	fprintf(out, "      <%s", name);
	put_own_attribute(out, "message", sentence);
	if (strcmp(name, "skipped") != 0)
		put_own_attribute(out, "type",
				  check_verdict_name(o->verdict));
	fputc('>', out);
	escape_own(out, ESCAPE_MARKUP, text);
	fprintf(out, "</%s>\n", name);
	free(text);
	free(sentence);
}

static void put_case(FILE *out, const struct check_outcome *o)
{
	fputs("    <testcase", out);
	put_attribute(out, "classname", o->process ? o->process->command :
					o->run ? "run" : "check");
	put_name(out, o);
	fprintf(out, " time=\"%.3f\">\n", o->process ?
		o->process->to_seconds - o->process->from_seconds : 0);
	put_result(out, o);
	fputs("    </testcase>\n", out);
}

/* ---- test suites ---- */

struct counts {
	size_t tests, failures, errors, skipped;
};

/* Of one run; NULL: what stands outside of all runs. */
static struct counts count(const struct check_outcomes *list,
			   const struct check_run *run)
{
	struct counts c = { 0 };

	for (size_t i = 0; i < list->count; i++) {
		const char *name = element(&list->items[i]);

		if (list->items[i].run != run)
			continue;
		c.tests++;
		c.failures += name && strcmp(name, "failure") == 0;
		c.errors += name && strcmp(name, "error") == 0;
		c.skipped += name && strcmp(name, "skipped") == 0;
	}
	return c;
}

static void put_counts(FILE *out, struct counts c, double seconds)
{
	fprintf(out, " tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" "
		"skipped=\"%zu\" time=\"%.3f\"", c.tests, c.failures,
		c.errors, c.skipped, seconds);
}

/* Readers want the time without fraction and zone: 2026-01-31T12:00:00. */
static void put_timestamp(FILE *out, const char *time)
{
	static const char form[] = "0000-00-00T00:00:00";

	for (size_t i = 0; i < sizeof(form) - 1; i++)
		if (form[i] == '0' ? !isdigit((unsigned char)time[i]) :
				     time[i] != form[i])
			return;
	fprintf(out, " timestamp=\"%.19s\"", time);
}

static void put_property(FILE *out, const char *name, const char *foreign)
{
	if (!*foreign)
		return;
	fprintf(out, "      <property name=\"%s\"", name);
	put_attribute(out, "value", foreign);
	fputs("/>\n", out);
}

static void put_suite(FILE *out, const struct check_outcomes *list,
		      const struct check_report *r,
		      const struct check_run *run)
{
	fputs("  <testsuite", out);
	put_attribute(out, "name", run && run->file && !r->is_live ?
				   run->file : r->subject);
	put_counts(out, count(list, run), run ? run->seconds : 0);
	if (run) {
		put_timestamp(out, run->start_time);
		put_attribute(out, "hostname", run->host);
	}
	fputs(">\n", out);
	if (run) {
		fputs("    <properties>\n", out);
		put_property(out, "heaptally", r->version);
		put_property(out, "verdict", check_verdict_name(run->verdict));
		put_property(out, "architecture", run->architecture);
		put_property(out, "libc", run->libc);
		fputs("    </properties>\n", out);
	}
	for (size_t i = 0; i < list->count; i++)
		if (list->items[i].run == run)
			put_case(out, &list->items[i]);
}

static void end_suite(FILE *out, const char *text)
{
	if (text) {
		fputs("    ", out);
		put_text(out, "system-out", text);
	}
	fputs("  </testsuite>\n", out);
}

static void put_suites(FILE *out, const struct check_outcomes *list,
		       const struct check_report *r)
{
	char *text = report_text_plain(r);

	for (size_t i = 0; i < r->run_count; i++) {
		put_suite(out, list, r, &r->runs[i]);
		end_suite(out, i == 0 ? text : NULL);
	}
	if (count(list, NULL).tests) {
		put_suite(out, list, r, NULL);
		end_suite(out, NULL);
	}
	free(text);
}

void check_report_junit(const struct check_report *r, FILE *out)
{
	struct check_outcomes list;
	struct counts all = { 0 };
	double seconds = 0;

	check_outcomes_list(&list, r);
	for (size_t i = 0; i <= r->run_count; i++) {
		bool inside = i < r->run_count;
		struct counts c = count(&list, inside ? &r->runs[i] : NULL);

		all.tests += c.tests;
		all.failures += c.failures;
		all.errors += c.errors;
		all.skipped += c.skipped;
		seconds += inside ? r->runs[i].seconds : 0;
	}
	fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	      "<testsuites name=\"heaptally check\"", out);
	put_counts(out, all, seconds);
	fputs(">\n", out);
	put_suites(out, &list, r);
	fputs("</testsuites>\n", out);
	check_outcomes_release(&list);
}
