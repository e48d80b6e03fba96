/* SPDX-License-Identifier: MIT */
/* Each output of a check, with names that were made to hurt it. */
#include "reader/check/report_next_step.h"
#include "reader/format.h"
#include "tests/unit/own_report.h"
#include "tests/unit/tap.h"

#define HOSTILE "]]>\"'<b>&\033[31m\n::error::x\xff\xc3|`"

static void write_text(const struct check_report *r, FILE *out)
{
	const struct check_text_style style = { 80, true, false };

	check_report_text(r, &style, out);
}

static void write_colored(const struct check_report *r, FILE *out)
{
	const struct check_text_style style = { 80, true, true };

	check_report_text(r, &style, out);
}

static void write_ascii(const struct check_report *r, FILE *out)
{
	const struct check_text_style style = { 60, false, false };

	check_report_text(r, &style, out);
}

static const struct {
	const char *name;
	own_writer *write;
} outputs[] = {
	{ "text", write_text },
	{ "ASCII", write_ascii },
	{ "JSON", check_report_json },
	{ "JUnit", check_report_junit },
	{ "HTML", check_report_html },
	{ "GitHub", check_report_github },
	{ "summary", check_report_github_summary },
	{ "GitLab", check_report_gitlab },
};

#define OUTPUT_COUNT (sizeof(outputs) / sizeof(outputs[0]))

/* UTF-8 without control characters, but for the newline. */
static bool is_clean(const char *text)
{
	while (*text) {
		uint32_t code;
		unsigned length = format_utf8(text, &code);

		if (!length || (code < 0x20 && code != '\n') ||
		    (code >= 0x7f && code < 0xa0))
			return false;
		text += length;
	}
	return true;
}

static void make_hostile(struct own_report *o)
{
	static const char *const command[] = { HOSTILE, "--a b", NULL };
	struct check_process *p = own_process(o, HOSTILE, OWN_LINEAR);

	p->exe = p->instance = p->provider = p->coverage = HOSTILE;
	p->coverage_reason = p->start_time = HOSTILE;
	o->run.file = o->run.host = o->run.architecture = HOSTILE;
	o->run.libc = o->run.start_time = o->run.ending = HOSTILE;
	o->run.command = command;
	o->report.subject = o->report.baseline = HOSTILE;
	own_marks(o, HOSTILE);
	o->rules.max_live_bytes = 1 << 20;
}

static void test_hostile(void)
{
	static struct own_report o;

	own_report_new(&o);
	make_hostile(&o);
	own_judge(&o);
	for (size_t i = 0; i < OUTPUT_COUNT; i++) {
		char *text = own_output(&o.report, outputs[i].write);

		ok(*text, "%s is not empty", outputs[i].name);
		ok(is_clean(text), "%s is clean", outputs[i].name);
		free(text);
	}
	own_report_release(&o);
}

/* Does an element end with each that begins? Of markup of ours alone. */
static bool is_balanced(const char *text)
{
	long depth = 0;

	for (const char *c = strchr(text, '<'); c; c = strchr(c + 1, '<')) {
		const char *end = strchr(c, '>');

		if (!end)
			return false;
		if (c[1] == '!' || c[1] == '?' || end[-1] == '/')
			continue;
		depth += c[1] == '/' ? -1 : 1;
		if (depth < 0)
			return false;
	}
	return depth == 0;
}

static void test_markup(void)
{
	static struct own_report o;
	own_writer *const writers[] = { check_report_junit, check_report_html };

	own_report_new(&o);
	make_hostile(&o);
	own_judge(&o);
	for (size_t i = 0; i < 2; i++) {
		char *text = own_output(&o.report, writers[i]);

		ok(is_balanced(text), "elements end");
		ok(!strstr(text, "<b>"), "no element from outside");
		ok(!strstr(text, "]]>"), "nothing that ends a section");
		ok(strstr(text, "]]&gt;&quot;&#39;&lt;b&gt;&amp;\\x1b[31m"
				"\\x0a::error::x\\xff\\xc3|`"), "but seen");
		free(text);
	}
	own_report_release(&o);
}

static void test_html_alone(void)
{
	static struct own_report o;
	char *text;

	own_report_new(&o);
	own_process(&o, "srv", OWN_SAWTOOTH);
	own_judge(&o);
	text = own_output(&o.report, check_report_html);
	ok(strncmp(text, "<!DOCTYPE html>", 15) == 0, "a page");
	is_u64(own_count(text, "<svg "), CHECK_SERIES, "a chart each");
	is_u64(own_count(text, "role=\"img\""), CHECK_SERIES, "as an image");
	is_u64(own_count(text, "<script"), 0, "no script");
	is_u64(own_count(text, "://"), 0, "no address");
	is_u64(own_count(text, " src="), 0, "no resource");
	ok(strstr(text, "default-src 'none'"), "and a policy");
	ok(strstr(text, "prefers-color-scheme:dark"), "in the dark, too");
	is_u64(own_count(text, "class=\"floor\""), 3 * TREND_BINS, "floors");
	is_u64(own_count(text, "nan") + own_count(text, "inf"), 0, "numbers");
	free(text);
	own_report_release(&o);
}

/* A day at one sample a second, four processes. */
static void test_size(void)
{
	static struct own_report o;
	char *html, *json;

	own_report_new(&o);
	o.samples = 86400;
	o.run.seconds = 86400;
	for (int i = 0; i < OWN_PROCESSES; i++)
		own_process(&o, "srv", OWN_SAWTOOTH);
	own_judge(&o);
	html = own_output(&o.report, check_report_html);
	json = own_output(&o.report, check_report_json);
	ok(strlen(html) < 512 << 10, "HTML: %zu bytes", strlen(html));
	ok(strlen(json) < 1 << 20, "JSON: %zu bytes", strlen(json));
	free(html);
	free(json);
	own_report_release(&o);
}

/* The process at each end of the table of thousands, and that it ends. */
static void test_many(void)
{
	enum { MANY = 3000 };
	static struct check_process processes[MANY];
	static struct check_limit limits[MANY][CHECK_LIMITS_MAX];
	static struct own_report o;
	struct check_process one;

	own_report_new(&o);
	one = *own_process(&o, "srv", OWN_LINEAR);
	for (int i = 0; i < MANY; i++) {
		processes[i] = one;
		processes[i].pid = 100000 + i;
	}
	o.run.processes = processes;
	o.run.process_count = MANY;
	check_judge_run(&o.rules, &o.run, limits[0]);
	check_judge_report(&o.report);
	for (size_t i = 0; i < OUTPUT_COUNT; i++) {
		char *text;

		if (outputs[i].write == check_report_json ||
		    outputs[i].write == check_report_junit)
			continue; /* these leave nothing out */
		text = own_output(&o.report, outputs[i].write);
		ok(strlen(text) < 2 << 20, "%s: %zu bytes", outputs[i].name,
		   strlen(text));
		ok(strstr(text, "pid 100000"), "%s has the first",
		   outputs[i].name);
		free(text);
	}
	own_report_release(&o);
}

/* ---- one by one ---- */

static void test_text(void)
{
	static struct own_report o;
	char *text, *colored;

	own_report_new(&o);
	own_process(&o, "srv", OWN_LINEAR);
	own_judge(&o);
	text = own_output(&o.report, write_text);
	ok(strncmp(text, "GROWTH: live bytes of srv (pid 4242) grow by ",
		   45) == 0, "the verdict comes first");
	ok(strstr(text, "\n  exit status 1\n"), "the exit status");
	ok(strstr(text, "coverage        full (glibc 2.36)"), "coverage");
	ok(strstr(text, "in an hour, ") && strstr(text, " in a day: "),
	   "what is ahead");
	ok(strstr(text, "weakest rise 1.00 of the mean one"), "the shape");
	ok(strstr(text, "\n  heaptally check --repeat 3 -- srv --port 80\n"),
	   "what to do next");
	ok(!strchr(text, '\033'), "no colour unless asked for");
	colored = own_output(&o.report, write_colored);
	ok(strstr(colored, "\033[1;31mGROWTH\033[0m: live"), "red if it is");
	free(colored);
	free(text);
	own_report_release(&o);
}

static void test_text_states(void)
{
	static struct own_report o;
	char *text;

	own_report_new(&o);
	own_process(&o, "srv", OWN_FLAT);
	o.run.command_status = 3;
	own_judge(&o);
	text = own_output(&o.report, write_text);
	ok(strncmp(text, "PASS: ", 6) == 0, "passes");
	ok(strstr(text, "exit status 3, which is the command's"),
	   "the command did not");
	ok(!strstr(text, "\nnext\n"), "nothing to do");
	free(text);
	o.run.process_count = 0;
	own_judge(&o);
	text = own_output(&o.report, write_text);
	ok(strncmp(text, "NOT OBSERVED: ", 14) == 0, "nothing was seen");
	ok(strstr(text, "heaptally doctor -- srv --port 80"), "ask doctor");
	free(text);
	own_report_release(&o);
}

static void test_junit(void)
{
	static struct own_report o;
	char *text;

	own_report_new(&o);
	o.rules.max_threads = 2;
	own_process(&o, "srv", OWN_LINEAR);
	own_process(&o, "srv", OWN_FLAT);
	own_judge(&o);
	text = own_output(&o.report, check_report_junit);
	ok(strstr(text, "<testsuites name=\"heaptally check\" tests=\"8\" "
			"failures=\"4\" errors=\"0\" skipped=\"0\""), "counts");
	is_u64(own_count(text, "<testcase "), 8, "as many test cases");
	is_u64(own_count(text, "<failure "), 4, "and failures");
	ok(strstr(text, "classname=\"srv\" name=\"live bytes\""), "a name");
	ok(strstr(text, "name=\"live bytes #2\""), "its twin");
	ok(!strstr(text, "name=\"srv (pid"), "no process id in names");
	ok(strstr(text, " timestamp=\"2026-01-31T12:00:00\""), "time");
	ok(strstr(text, "type=\"GROWTH\"") && strstr(text,
		"type=\"LIMIT BROKEN\""), "types");
	free(text);
	own_report_release(&o);
}

static void test_junit_states(void)
{
	static struct own_report o;
	char *text;

	own_report_new(&o);
	o.run.start_time = "yesterday";
	o.run.seconds = 10;
	own_process(&o, "srv", OWN_FLAT);
	own_judge(&o);
	text = own_output(&o.report, check_report_junit);
	ok(strstr(text, "failures=\"0\" errors=\"0\" skipped=\"3\""),
	   "inconclusive is skipped");
	is_u64(own_count(text, "<skipped "), 3, "each");
	ok(!strstr(text, "timestamp="), "no time that is none");
	free(text);
	o.run.process_count = 0;
	own_judge(&o);
	text = own_output(&o.report, check_report_junit);
	ok(strstr(text, "tests=\"1\" failures=\"0\" errors=\"1\""),
	   "not observed is an error");
	free(text);
	own_report_release(&o);
}

static void test_github(void)
{
	static struct own_report o;
	char *text;

	own_report_new(&o);
	make_hostile(&o);
	own_judge(&o);
	text = own_output(&o.report, check_report_github);
	is_u64(own_count(text, "\n"), 3, "a line each");
	ok(strncmp(text, "::error ", 8) == 0, "the first");
	is_u64(own_count(text, "\n::"), 2, "and the others");
	is_u64(own_count(text, "title=heaptally check%3A GROWTH::"), 2,
	       "titles");
	ok(strstr(text, "99 %25 sure"), "percent signs");
	free(text);
	own_report_release(&o);
}

static void test_github_levels(void)
{
	static struct own_report o;
	char *text;

	own_report_new(&o);
	own_process(&o, "srv", OWN_STEP);
	own_judge(&o);
	text = own_output(&o.report, check_report_github);
	is_u64(own_count(text, "::warning "), 2, "a step is a warning");
	free(text);
	o.report.is_strict = true;
	text = own_output(&o.report, check_report_github);
	is_u64(own_count(text, "::error "), 2, "an error by --strict");
	free(text);
	own_report_release(&o);
	own_report_new(&o);
	own_process(&o, "srv", OWN_FLAT);
	own_judge(&o);
	text = own_output(&o.report, check_report_github);
	is_str(text, "::notice title=heaptally check%3A PASS::no growth "
	       "beyond the tolerance\n", "PASS is a notice");
	free(text);
	own_report_release(&o);
}

static void test_github_most(void)
{
	enum { MANY = 30 };
	static struct check_process processes[MANY];
	static struct check_limit limits[MANY][CHECK_LIMITS_MAX];
	static struct own_report o;
	char *text;

	own_report_new(&o);
	own_process(&o, "srv", OWN_LINEAR);
	for (int i = 0; i < MANY; i++)
		processes[i] = o.processes[0];
	o.run.processes = processes;
	o.run.process_count = MANY;
	check_judge_run(&o.rules, &o.run, limits[0]);
	check_judge_report(&o.report);
	text = own_output(&o.report, check_report_github);
	is_u64(own_count(text, "::error "), 10, "as many as are shown");
	free(text);
	own_report_release(&o);
}

/* The characters of the first fingerprint. */
static struct text first_fingerprint(const char *json)
{
	const char *at = strstr(json, "\"fingerprint\": \"");
	struct text text = { "" };

	if (at)
		snprintf(text.s, sizeof(text.s), "%.16s", at + 16);
	return text;
}

static void test_gitlab(void)
{
	static struct own_report o;
	struct text before;
	char *text;

	own_report_new(&o);
	own_process(&o, "srv", OWN_LINEAR);
	own_process(&o, "srv", OWN_LINEAR);
	own_judge(&o);
	text = own_output(&o.report, check_report_gitlab);
	is_u64(own_count(text, "\"fingerprint\""), 4, "an issue each");
	is_u64(own_count(text, "\"critical\""), 4, "severity");
	ok(strstr(text, "\"path\": \"usr/bin/srv\""), "no leading slash");
	before = first_fingerprint(text);
	is_u64(strlen(before.s), 16, "a fingerprint");
	is_u64(own_count(text, before.s), 1, "of one issue only");
	free(text);
	own_report_release(&o);
	/* Another time another process grows by another amount. */
	own_report_new(&o);
	own_process(&o, "srv", OWN_LINEAR)->pid = 7;
	o.run.seconds = 240;
	own_judge(&o);
	text = own_output(&o.report, check_report_gitlab);
	is_str(first_fingerprint(text).s, before.s, "it is the same issue");
	free(text);
	own_report_release(&o);
	own_report_new(&o);
	own_process(&o, "srv", OWN_FLAT);
	own_judge(&o);
	text = own_output(&o.report, check_report_gitlab);
	is_str(text, "[]\n", "none if all is well");
	free(text);
	own_report_release(&o);
}

static void test_json(void)
{
	static struct own_report o;
	char *text;

	own_report_new(&o);
	own_process(&o, "srv", OWN_LINEAR);
	o.rules.max_unfreed_bytes = 0; /* did not exit: not a number */
	own_judge(&o);
	text = own_output(&o.report, check_report_json);
	ok(strstr(text, "\"verdict\": \"GROWTH\""), "verdict");
	ok(strstr(text, "\"state\": \"unknown\""), "an unknown limit");
	is_u64(own_count(text, "\"value\""), 0, "has no value");
	is_u64(own_count(text, "\"projected_growth\""), 2, "where it leads");
	is_u64(own_count(text, "\"floors\""), 3, "floors");
	free(text);
	own_report_release(&o);
}

/* ---- what to do next ---- */

static void next_is(const struct own_report *o, const char *want)
{
	struct next_steps next;

	next_steps_find(&next, &o->report, true);
	is_str(next.count ? next.items[0].command : "", want, "next");
	next_steps_release(&next);
}

static void test_next(void)
{
	static const char *const awkward[] = { "it's", "", "$x", NULL };
	static struct own_report o;

	own_report_new(&o);
	own_process(&o, "srv", OWN_LINEAR);
	own_judge(&o);
	next_is(&o, "heaptally check --repeat 3 -- srv --port 80");
	o.run.command = awkward;
	next_is(&o, "heaptally check --repeat 3 -- 'it'\\''s' '' '$x'");
	o.report.confirm_runs = 3;
	next_is(&o, "");
	o.report.confirm_runs = 1;
	o.run.command = NULL;
	o.report.subject = "4242";
	next_is(&o, "heaptally check --duration 240 4242");
	o.report.is_live = false;
	next_is(&o, "");
	own_report_release(&o);
}

/* A command that ends by itself cannot be watched for longer. */
static void test_next_ended(void)
{
	static struct own_report o;

	own_report_new(&o);
	o.run.seconds = 10;
	own_process(&o, "srv", OWN_FLAT);
	own_judge(&o);
	ok(o.report.verdict == CHECK_INCONCLUSIVE, "too short");
	next_is(&o, "");
	o.run.ending = "stopped when its time was up";
	next_is(&o, "heaptally check --duration 120 -- srv --port 80");
	/* nor can one that could not be started */
	o.run.command = NULL;
	o.run.process_count = 0;
	own_judge(&o);
	next_is(&o, "");
	own_report_release(&o);
}

static void test_next_iterations(void)
{
	static struct own_report o;

	own_report_new(&o);
	own_marks(&o, "");
	o.rules.by_iterations = o.report.by_iterations = true;
	own_process(&o, "srv", OWN_STEP);
	o.run.ending = "";
	o.report.verdict = CHECK_STEP;
	o.run.verdict = CHECK_STEP;
	next_is(&o, "heaptally check --iterations --warmup 3 --duration 480 "
		"-- srv --port 80");
	own_report_release(&o);
}

int main(void)
{
	RUN(test_hostile());
	RUN(test_markup());
	RUN(test_html_alone());
	RUN(test_size());
	RUN(test_many());
	RUN(test_text());
	RUN(test_text_states());
	RUN(test_junit());
	RUN(test_junit_states());
	RUN(test_github());
	RUN(test_github_levels());
	RUN(test_github_most());
	RUN(test_gitlab());
	RUN(test_json());
	RUN(test_next());
	RUN(test_next_ended());
	RUN(test_next_iterations());
	return done();
}
