/* SPDX-License-Identifier: MIT */
#include "reader/check/report_outcome.h"
#include "tests/unit/own_report.h"
#include "tests/unit/tap.h"

static size_t count_failing(const struct check_outcomes *list)
{
	size_t count = 0;

	for (size_t i = 0; i < list->count; i++)
		count += check_outcome_fails(&list->items[i]);
	return count;
}

static size_t count_warning(const struct check_outcomes *list)
{
	size_t count = 0;

	for (size_t i = 0; i < list->count; i++)
		count += check_outcome_warns(&list->items[i]);
	return count;
}

/* Lists the outcomes of one process, judged under the rules of `o`. */
static void list_one(struct own_report *o, const char *command,
		     enum own_shape shape, struct check_outcomes *ret)
{
	own_process(o, command, shape);
	own_judge(o);
	check_outcomes_list(ret, &o->report);
}

static void test_pass(void)
{
	static struct own_report o;
	struct check_outcomes list;
	char *headline;

	own_report_new(&o);
	list_one(&o, "srv", OWN_FLAT, &list);
	is_u64(list.count, 3, "one for each series that is judged");
	is_u64(count_failing(&list), 0, "none fails");
	is_u64(count_warning(&list), 0, "none warns");
	headline = check_headline(&o.report);
	is_str(headline, o.report.reason, "the headline is the reason");
	free(headline);
	check_outcomes_release(&list);
	own_report_release(&o);
}

static void test_growth(void)
{
	static struct own_report o;
	struct check_outcomes list;
	char *text, *headline;

	own_report_new(&o);
	list_one(&o, "s\033rv", OWN_LINEAR, &list);
	is_u64(list.count, 3, "bytes, objects, threads");
	is_u64(count_failing(&list), 2, "two of them grow");
	text = check_outcome_text(&list.items[0]);
	ok(strncmp(text, "live bytes of s\\x1brv (pid 4242) grow by ", 41) == 0,
	   "the first sentence");
	ok(strstr(text, "MiB/hour, 99 % sure of at least "), "with bounds");
	headline = check_headline(&o.report);
	ok(strncmp(headline, text, strlen(text)) == 0 &&
	   strstr(headline, "and 1 more like it"), "headline");
	free(headline);
	free(text);
	ok(report_projects(list.items[0].series), "goes on");
	ok(!report_projects(list.items[2].series), "threads do not");
	check_outcomes_release(&list);
	own_report_release(&o);
}

static void test_warning(void)
{
	static struct own_report o;
	struct check_outcomes list;

	own_report_new(&o);
	list_one(&o, "srv", OWN_STEP, &list);
	is_u64(count_failing(&list), 0, "a step does not fail");
	is_u64(count_warning(&list), 2, "but warns");
	ok(!report_projects(list.items[0].series), "leads nowhere");
	check_outcomes_release(&list);
	o.report.is_strict = true;
	own_judge(&o);
	check_outcomes_list(&list, &o.report);
	is_u64(count_failing(&list), 2, "unless --strict is given");
	check_outcomes_release(&list);
	own_report_release(&o);
}

static void test_not_observed(void)
{
	static struct own_report o;
	struct check_outcomes list;

	own_report_new(&o);
	list_one(&o, "srv", OWN_ABSENT, &list);
	is_u64(list.count, 1, "nothing else is claimed");
	is_u64(count_failing(&list), 1, "and that fails");
	is_str(check_outcome_subject(&list.items[0]).s, "observation",
	       "what it is about");
	check_outcomes_release(&list);
	o.run.process_count = 0;
	own_judge(&o);
	check_outcomes_list(&list, &o.report);
	is_u64(list.count, 1, "no process: the run itself");
	ok(!list.items[0].process, "without a process");
	is_u64(count_failing(&list), 1, "fails as well");
	check_outcomes_release(&list);
	own_report_release(&o);
}

/* A whole that does not follow from its parts has an outcome of its own. */
static void test_whole(void)
{
	static struct own_report o;
	struct check_outcomes list;

	own_report_new(&o);
	own_process(&o, "srv", OWN_FLAT)->totals = (struct check_totals){
		.frees_objects = 100, .foreign_objects = 50,
	};
	own_judge(&o);
	check_outcomes_list(&list, &o.report);
	is_u64(list.count, 4, "three series and the process");
	ok(list.items[3].verdict == CHECK_INCONCLUSIVE &&
	   !list.items[3].series, "which is inconclusive");
	is_u64(count_warning(&list), 1, "and warns");
	check_outcomes_release(&list);
	own_report_release(&o);
}

/* Growth in one of three attempts is shown, but is not what counts. */
static void test_refuted(void)
{
	static struct own_report growing, flat;
	static struct check_run runs[3];
	struct check_outcomes list;

	own_report_new(&growing);
	own_report_new(&flat);
	own_process(&growing, "srv", OWN_LINEAR);
	own_process(&flat, "srv", OWN_FLAT);
	own_judge(&growing);
	own_judge(&flat);
	runs[0] = growing.run;
	runs[1] = runs[2] = flat.run;
	growing.report.runs = runs;
	growing.report.run_count = growing.report.confirm_runs = 3;
	check_judge_report(&growing.report);
	check_outcomes_list(&list, &growing.report);
	ok(growing.report.verdict == CHECK_STEP, "a warning");
	is_u64(count_failing(&list), 0, "nothing fails");
	is_u64(count_warning(&list), 1, "one warns");
	ok(!list.items[list.count - 1].run, "which is the whole check");
	ok(list.items[0].verdict == CHECK_GROWTH && !list.items[0].decides,
	   "the growth is there all the same");
	check_outcomes_release(&list);
	own_report_release(&growing);
	own_report_release(&flat);
}

static void test_brief(void)
{
	static struct own_report o;
	struct check_outcomes list;
	struct check_process *p;

	own_report_new(&o);
	own_process(&o, "srv", OWN_FLAT);
	p = own_process(&o, "cc1", OWN_SAWTOOTH);
	p->to_seconds = 1;
	p->state = "exited";
	o.rules.max_live_bytes = 100 << 20;
	own_judge(&o);
	ok(p->is_brief, "the second process is brief");
	check_outcomes_list(&list, &o.report);
	is_u64(list.count, 4, "of which nothing is told");
	check_outcomes_release(&list);
	o.rules.max_live_bytes = 12 << 20;
	own_judge(&o);
	check_outcomes_list(&list, &o.report);
	is_u64(list.count, 5, "but what it broke");
	ok(list.items[4].process == p && check_outcome_fails(&list.items[4]),
	   "which fails");
	check_outcomes_release(&list);
	own_report_release(&o);
}

/* Test cases are told apart by their names. */
static void test_subjects(void)
{
	const struct check_baseline_entry entry = {
		.command = "srv", .present = { true, true, true },
		.median_floor = { 1 << 20, 1000, 4 },
	};
	const struct check_baseline baseline = { &entry, 1 };
	static struct own_report o;
	struct check_outcomes list;

	own_report_new(&o);
	o.rules.baseline = &baseline;
	o.rules.max_live_bytes = 1 << 30;
	o.rules.max_growth[CHECK_LIVE_BYTES] =
		(struct check_max_growth){ true, 1, CHECK_PER_HOUR };
	own_process(&o, "srv", OWN_FLAT);
	own_process(&o, "srv", OWN_FLAT);
	own_judge(&o);
	check_outcomes_list(&list, &o.report);
	is_u64(list.count, 2 * (3 + 2 + 6), "series, limits, baseline");
	for (size_t i = 0; i < list.count; i++)
		for (size_t j = 0; j < i; j++)
			ok(list.items[i].twin != list.items[j].twin ||
			   strcmp(check_outcome_subject(&list.items[i]).s,
				  check_outcome_subject(&list.items[j]).s) != 0,
			   "%s", check_outcome_subject(&list.items[i]).s);
	is_u64(list.items[list.count - 1].twin, 2, "the second srv");
	check_outcomes_release(&list);
	own_report_release(&o);
}

int main(void)
{
	RUN(test_pass());
	RUN(test_growth());
	RUN(test_warning());
	RUN(test_not_observed());
	RUN(test_whole());
	RUN(test_refuted());
	RUN(test_brief());
	RUN(test_subjects());
	return done();
}
