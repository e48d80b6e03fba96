/* SPDX-License-Identifier: MIT */
/*
 * From series to the verdict of a report: who decides, in what order, and
 * which status that is. The trends themselves are tested in test_trend.c.
 */
#include <math.h>
#include <string.h>

#include "reader/check/judge.h"
#include "tests/unit/tap.h"

#define CHECK(condition) ok(condition, #condition)

#define POINTS    200
#define PROCESSES 4

/* A run with room for everything, filled by the functions below. */
static struct check_process processes[PROCESSES];
static struct check_limit room[PROCESSES * CHECK_LIMITS_MAX];
static double seconds[POINTS];
static struct trend_point points[PROCESSES][CHECK_SERIES][POINTS];

static struct check_run new_run(void)
{
	memset(processes, 0, sizeof(processes));
	for (size_t i = 0; i < POINTS; i++)
		seconds[i] = (double)i;
	return (struct check_run){
		.processes = processes, .interval_seconds = 1,
		.seconds = POINTS - 1, .host = "", .libc = "",
		.architecture = "", .start_time = "", .ending = "",
	};
}

/* One that rises by `slope` a second from a level, over count seconds. */
static struct check_process *add_process(struct check_run *run,
					 const char *command, double slope,
					 size_t count)
{
	size_t n = run->process_count++;
	struct check_process *p = &processes[n];

	*p = (struct check_process){
		.command = command, .coverage = "full", .state = "live",
		.to_seconds = (double)(count ? count - 1 : 0),
		.pid = (int)n + 100,
	};
	for (int id = 0; id < CHECK_SERIES; id++) {
		for (size_t i = 0; i < count; i++)
			points[n][id][i] = (struct trend_point){
				.x = (double)i,
				.y = id == CHECK_LIVE_BYTES ?
				     (64u << 20) + (uint64_t)(slope * (double)i) :
				     10,
			};
		p->series[id].points = points[n][id];
		p->series[id].seconds = seconds;
		p->series[id].count = count;
	}
	return p;
}

static enum check_verdict judge(const struct check_rules *rules,
				struct check_run *run)
{
	check_judge_run(rules, run, room);
	return run->verdict;
}

static struct check_report report_of(const struct check_run *runs,
				     size_t count)
{
	struct check_report r = {
		.runs = runs, .run_count = count, .confirm_runs = 1,
		.is_live = true,
	};

	check_judge_report(&r);
	return r;
}

static void test_worse(void)
{
	static const enum check_verdict order[] = {
		CHECK_GROWTH, CHECK_LIMIT, CHECK_NOT_OBSERVED,
		CHECK_INCONCLUSIVE, CHECK_STEP, CHECK_PLATEAU, CHECK_PASS,
	};

	for (size_t i = 0; i < CHECK_VERDICTS; i++)
		for (size_t j = i; j < CHECK_VERDICTS; j++) {
			CHECK(check_worse(order[i], order[j]) == order[i]);
			CHECK(check_worse(order[j], order[i]) == order[i]);
		}
	CHECK(check_is_warning(CHECK_STEP) && check_is_warning(CHECK_PLATEAU));
	CHECK(!check_is_warning(CHECK_PASS));
	CHECK(strcmp(check_verdict_name(CHECK_NOT_OBSERVED),
		     "NOT OBSERVED") == 0);
	CHECK(strcmp(check_per_name(CHECK_PER_ITERATION), "iteration") == 0);
}

static void test_status(void)
{
	static const struct {
		enum check_verdict verdict;
		int status, strict;
	} rows[] = {
		{ CHECK_PASS, 0, 0 }, { CHECK_PLATEAU, 0, 1 },
		{ CHECK_STEP, 0, 1 }, { CHECK_GROWTH, 1, 1 },
		{ CHECK_LIMIT, 1, 1 }, { CHECK_NOT_OBSERVED, 3, 3 },
		{ CHECK_INCONCLUSIVE, 4, 4 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct check_run run = { .verdict = rows[i].verdict };
		struct check_report r = report_of(&run, 1);

		CHECK(r.status == rows[i].status);
		r.is_strict = true;
		check_judge_report(&r);
		CHECK(r.status == rows[i].strict);
	}
}

/* Of a command that failed; of files it is history. */
static void test_command_status(void)
{
	struct check_run run = { .verdict = CHECK_PASS, .command_status = 9 };
	struct check_report r = report_of(&run, 1);

	CHECK(r.status == 9);
	r.is_live = false;
	check_judge_report(&r);
	CHECK(r.status == 0);
	run.verdict = CHECK_INCONCLUSIVE;
	r.is_live = true;
	check_judge_report(&r);
	CHECK(r.status == 4);
}

static void test_processes(void)
{
	struct check_rules rules = check_rules();
	struct check_run run = new_run();

	CHECK(judge(&rules, &run) == CHECK_NOT_OBSERVED);
	add_process(&run, "flat", 0, POINTS);
	CHECK(judge(&rules, &run) == CHECK_PASS);
	add_process(&run, "short", 0, POINTS / 3);
	CHECK(judge(&rules, &run) == CHECK_INCONCLUSIVE);
	CHECK(processes[1].verdict == CHECK_INCONCLUSIVE);
	add_process(&run, "blind", 0, 0)->to_seconds = POINTS - 1;
	CHECK(judge(&rules, &run) == CHECK_NOT_OBSERVED);
	add_process(&run, "leak", 100000, POINTS);
	CHECK(judge(&rules, &run) == CHECK_GROWTH);
	CHECK(processes[0].verdict == CHECK_PASS);
	CHECK(processes[3].series[CHECK_LIVE_BYTES].verdict == CHECK_GROWTH);
	CHECK(processes[3].series[CHECK_THREADS].verdict == CHECK_PASS);
}

static void test_brief(void)
{
	struct check_rules rules = check_rules();
	struct check_run run = new_run();
	struct check_process *p;

	/* Alone they are all there is. */
	add_process(&run, "brief", 0, 10);
	CHECK(judge(&rules, &run) == CHECK_INCONCLUSIVE);
	CHECK(run.brief_count == 0 && !processes[0].is_brief);
	add_process(&run, "long", 0, POINTS);
	CHECK(judge(&rules, &run) == CHECK_PASS);
	CHECK(run.brief_count == 1 && processes[0].is_brief);
	/* The command itself is never left out, nor what just began. */
	processes[0].is_main = true;
	CHECK(judge(&rules, &run) == CHECK_INCONCLUSIVE);
	processes[0].is_main = false;
	processes[0].from_seconds = POINTS - 11;
	processes[0].to_seconds = POINTS - 1;
	CHECK(judge(&rules, &run) == CHECK_INCONCLUSIVE);
	/* A limit holds for all. */
	p = &processes[0];
	p->from_seconds = 0;
	p->to_seconds = 9;
	rules.max_live_bytes = 1;
	CHECK(judge(&rules, &run) == CHECK_LIMIT);
}

static void test_not_observed(void)
{
	struct check_rules rules = check_rules();
	struct check_run run = new_run();
	struct check_process *p = add_process(&run, "flat", 0, POINTS);

	run.not_observed = "it is static";
	CHECK(judge(&rules, &run) == CHECK_NOT_OBSERVED);
	CHECK(strcmp(run.reason, "it is static") == 0);
	run.not_observed = NULL;
	p->totals.unseen_seconds = POINTS / 2;
	CHECK(judge(&rules, &run) == CHECK_NOT_OBSERVED);
	p->totals.unseen_seconds = 1;
	CHECK(judge(&rules, &run) == CHECK_PASS);
	/* One that ended before it could be looked at. */
	p->series[CHECK_LIVE_BYTES].count = 1;
	p->state = "exited";
	CHECK(judge(&rules, &run) == CHECK_NOT_OBSERVED);
	rules.limits_only = true;
	CHECK(judge(&rules, &run) == CHECK_PASS);
}

static void test_foreign_frees(void)
{
	struct check_rules rules = check_rules();
	struct check_run run = new_run();
	struct check_process *p = add_process(&run, "flat", 0, POINTS);

	p->totals.frees_objects = 1000;
	p->totals.foreign_objects = 10;
	CHECK(judge(&rules, &run) == CHECK_PASS);
	p->totals.foreign_objects = 11;
	CHECK(judge(&rules, &run) == CHECK_INCONCLUSIVE);
	p->totals.frees_objects = 0;
	p->totals.foreign_objects = 1;
	CHECK(judge(&rules, &run) == CHECK_INCONCLUSIVE);
}

/* The bins do not fall on the samples: a floor may be a second off. */
static bool near(double a, double b)
{
	return fabs(a - b) <= 0.03 * fmax(fabs(a), fabs(b));
}

/* A line has one slope; 1,000 bytes a second are 3.6 million an hour. */
static void test_rates(void)
{
	struct check_rules rules = check_rules();
	struct check_run run = new_run();
	const struct check_rate *rates;

	add_process(&run, "leak", 1000, POINTS);
	judge(&rules, &run);
	rates = processes[0].series[CHECK_LIVE_BYTES].rates;
	CHECK(near(rates[CHECK_PER_SECOND].median, 1000));
	CHECK(near(rates[CHECK_PER_HOUR].lower, 3.6e6));
	CHECK(near(rates[CHECK_PER_DAY].upper, 8.64e7));
	CHECK(!rates[CHECK_PER_ITERATION].present);
	/* 5 iterations a second */
	run.iterations = 5 * (POINTS - 1);
	judge(&rules, &run);
	CHECK(near(rates[CHECK_PER_ITERATION].median, 200));
	/* The same by iterations, of which one takes a second here. */
	rules.by_iterations = true;
	judge(&rules, &run);
	CHECK(near(rates[CHECK_PER_ITERATION].median, 1000));
	CHECK(near(rates[CHECK_PER_SECOND].median, 1000));
	run.iterations = 0;
	CHECK(judge(&rules, &run) == CHECK_INCONCLUSIVE);
}

static void test_max_growth(void)
{
	struct check_rules rules = check_rules();
	struct check_run run = new_run();

	add_process(&run, "leak", 100000, POINTS);
	rules.max_growth[CHECK_LIVE_BYTES] = (struct check_max_growth){
		.is_set = true, .amount = 100001, .per = CHECK_PER_SECOND,
	};
	CHECK(judge(&rules, &run) == CHECK_PASS);
	CHECK(processes[0].series[CHECK_LIVE_BYTES].is_accepted);
	CHECK(processes[0].limit_count == 1 &&
	      processes[0].limits[0].state == CHECK_KEPT);
	rules.max_growth[CHECK_LIVE_BYTES].amount = 95000;
	CHECK(judge(&rules, &run) == CHECK_GROWTH);
	CHECK(processes[0].limits[0].state == CHECK_BROKEN);
	/* Without marks there is no growth an iteration. */
	rules.max_growth[CHECK_LIVE_BYTES].per = CHECK_PER_ITERATION;
	judge(&rules, &run);
	CHECK(processes[0].limits[0].state == CHECK_UNKNOWN);
	CHECK(isnan(processes[0].limits[0].value));
}

static void test_baseline(void)
{
	struct check_baseline_entry entry = { .command = "flat" };
	const struct check_baseline baseline = { &entry, 1 };
	struct check_rules rules = check_rules();
	struct check_run run = new_run();

	rules.baseline = &baseline;
	add_process(&run, "flat", 0, POINTS);
	entry.present[CHECK_LIVE_BYTES] = true;
	entry.median_floor[CHECK_LIVE_BYTES] = 60u << 20;
	CHECK(judge(&rules, &run) == CHECK_PASS);
	CHECK(processes[0].limit_count == 2);
	entry.median_floor[CHECK_LIVE_BYTES] = 58u << 20;
	CHECK(judge(&rules, &run) == CHECK_LIMIT);
	entry.command = "another";
	CHECK(judge(&rules, &run) == CHECK_PASS);
	CHECK(processes[0].limit_count == 0);
	/* Growth as it was is accepted, twice of it is not. */
	run = new_run();
	add_process(&run, "leak", 100000, POINTS);
	entry.command = "leak";
	entry.median_floor[CHECK_LIVE_BYTES] = 80u << 20;
	entry.slope_upper[CHECK_LIVE_BYTES] = 100001;
	CHECK(judge(&rules, &run) == CHECK_PASS);
	entry.slope_upper[CHECK_LIVE_BYTES] = 50000;
	CHECK(judge(&rules, &run) == CHECK_GROWTH);
}

static void test_confirmation(void)
{
	struct check_run runs[3] = {
		{ .verdict = CHECK_GROWTH, .reason = "grows" },
		{ .verdict = CHECK_PASS, .reason = "fine" },
		{ .verdict = CHECK_PASS, .reason = "fine" },
	};
	struct check_report r = {
		.runs = runs, .run_count = 3, .confirm_runs = 3,
	};

	check_judge_report(&r);
	CHECK(r.verdict == CHECK_STEP && r.status == 0);
	runs[2].verdict = CHECK_GROWTH;
	check_judge_report(&r);
	CHECK(r.verdict == CHECK_GROWTH && r.status == 1);
	/* Two of three are enough to know. */
	r.run_count = 2;
	runs[1].verdict = CHECK_GROWTH;
	check_judge_report(&r);
	CHECK(r.verdict == CHECK_GROWTH);
	runs[1].verdict = CHECK_LIMIT;
	runs[2].verdict = CHECK_PASS;
	r.run_count = 3;
	check_judge_report(&r);
	CHECK(r.verdict == CHECK_LIMIT && r.status == 1);
	/* Without it, and of files, one is enough. */
	r.confirm_runs = 1;
	check_judge_report(&r);
	CHECK(r.verdict == CHECK_GROWTH);
}

int main(void)
{
	RUN(test_worse());
	RUN(test_status());
	RUN(test_command_status());
	RUN(test_processes());
	RUN(test_brief());
	RUN(test_not_observed());
	RUN(test_foreign_frees());
	RUN(test_rates());
	RUN(test_max_growth());
	RUN(test_baseline());
	RUN(test_confirmation());
	return done();
}
