/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reader/baseline.h"
#include "reader/check/judge.h"
#include "reader/check_outputs.h"
#include "reader/commands/commands.h"
#include "reader/format.h"
#include "reader/quantity.h"
#include "reader/recording.h"
#include "reader/report.h"
#include "reader/session.h"

#define PID_DURATION_SECONDS 180 /* where nothing else ends it: also a
				    sawtooth hides no leak then */
#define INTERVAL_SECONDS     0.1 /* a floor is no better than its samples */
#define LONG_SECONDS         600 /* from there on a tenth of them will do */
#define LONG_INTERVAL        1
#define NOT_STARTED          126 /* and above: by session_record_command() */
#define UNSET                (-1.0)

/* ---- options ---- */

static struct check_outputs outputs;
static const char *baseline_name, *save_baseline_name, *glob, *output_name;
static struct string_list only, max_growth;
static double interval_seconds = UNSET, duration_seconds = UNSET;
static double confidence_percent = UNSET, return_to_percent;
static double warmup = UNSET, cycle;
static uint64_t max_live_bytes = CHECK_NO_BYTES;
static uint64_t max_peak_bytes = CHECK_NO_BYTES;
static uint64_t max_unfreed_bytes = CHECK_NO_BYTES;
static unsigned long max_objects, max_threads, samples_min, repeat;
static bool by_iterations, force, limits_only, no_follow, quiet, strict;

const struct option_row check_options[] = {
	{ 'd', "duration", "SEC", OPTION_SECONDS, &duration_seconds,
	  "watch for that long: 3 min for a PID, a COMMAND to its end" },
	{ 'i', "interval", "SEC", OPTION_INTERVAL, &interval_seconds,
	  "time between samples: 0.1, or 1 for more than 10 min" },
	{ 0, "iterations", NULL, OPTION_FLAG, &by_iterations,
	  "growth by work done, as 'heaptally mark' tells, not by time" },
	{ 0, "warmup", "N", OPTION_SECONDS, &warmup,
	  "leave out so many seconds, or iterations, at the start" },
	{ 0, "cycle", "N", OPTION_SECONDS, &cycle,
	  "seconds, or iterations, in which memory rises and falls" },
	{ 0, "min-samples", "N", OPTION_COUNT, &samples_min,
	  "with fewer it is inconclusive: 60, or 12 by iterations" },
	{ 0, "confidence", "PCT", OPTION_PERCENT, &confidence_percent,
	  "how sure growth must be, 99 by default" },
	{ 0, "repeat", "N", OPTION_COUNT, &repeat,
	  "on growth measure again: most of N runs must show it" },
	{ 0, "strict", NULL, OPTION_FLAG, &strict,
	  "PLATEAU and STEP fail, too" },
	{ 0, "limits-only", NULL, OPTION_FLAG, &limits_only,
	  "judge no trend, only the limits: of a short run, say" },
	{ 0, "max-live", "SIZE", OPTION_BYTES, &max_live_bytes,
	  "fail above that many live bytes in a sample" },
	{ 0, "max-peak", "SIZE", OPTION_BYTES, &max_peak_bytes,
	  "fail above that many live bytes at any moment" },
	{ 0, "max-objects", "N", OPTION_COUNT, &max_objects,
	  "fail above that many live objects" },
	{ 0, "max-threads", "N", OPTION_COUNT, &max_threads,
	  "fail above that many threads" },
	{ 0, "max-growth", "RATE", OPTION_STRINGS, &max_growth,
	  "accept up to that: 1MiB/h, 2objects/iteration, 1threads/day" },
	{ 0, "max-unfreed-at-exit", "SIZE", OPTION_BYTES, &max_unfreed_bytes,
	  "fail if more is live when the process exits" },
	{ 0, "return-to", "PCT", OPTION_PERCENT, &return_to_percent,
	  "fail if more is live at the end than PCT % of the start" },
	{ 0, "baseline", "FILE", OPTION_STRING, &baseline_name,
	  "compare with one that was saved, or with a recording" },
	{ 0, "save-baseline", "FILE", OPTION_STRING, &save_baseline_name,
	  "write one, unless the check is inconclusive" },
	{ 0, "force", NULL, OPTION_FLAG, &force,
	  "overwrite -o FILE; compare with any baseline" },
	{ 0, "only", "GLOB", OPTION_STRINGS, &only,
	  "judge only processes whose command matches" },
	{ 0, "no-follow", NULL, OPTION_FLAG, &no_follow,
	  "judge the process alone, not what it starts" },
	{ 0, "name", "GLOB", OPTION_STRING, &glob,
	  "the running process whose command matches" },
	{ 'o', "output", "FILE", OPTION_STRING, &output_name,
	  "keep the samples, to be judged again" },
	{ 0, "json", "FILE", OPTION_STRING, &outputs.names[CHECK_FORMAT_JSON],
	  "write the report as JSON; '-' = stdout" },
	{ 0, "junit", "FILE", OPTION_STRING,
	  &outputs.names[CHECK_FORMAT_JUNIT], "the same as JUnit XML" },
	{ 0, "html", "FILE", OPTION_STRING, &outputs.names[CHECK_FORMAT_HTML],
	  "the same as a web page with charts" },
	{ 0, "gitlab", "FILE", OPTION_STRING,
	  &outputs.names[CHECK_FORMAT_GITLAB],
	  "the same as GitLab's code quality JSON" },
	{ 'q', "quiet", NULL, OPTION_FLAG, &quiet,
	  "print the verdict alone" },
	{ 0 }
};

/* What is checked. */
enum source { SOURCE_FILES, SOURCE_PROCESS, SOURCE_COMMAND };

static const char *const source_names[] = {
	[SOURCE_FILES] = "a FILE", [SOURCE_PROCESS] = "a running process",
	[SOURCE_COMMAND] = "a COMMAND",
};

struct check {
	enum source source;
	int operand_count;
	char **operands;
	struct check_rules rules;
	struct recording_request reading;
	struct baseline baseline;
	struct recording *recordings;
	struct check_run *runs;     /* copies of those in the recordings */
	char **files;               /* of live runs, to be freed */
	size_t run_count;
};

/* ---- options that do not go together ---- */

static enum source source_of(int argc, char **argv)
{
	if (argc == 0 || (argc == 1 && options_is_pid(argv)))
		return SOURCE_PROCESS;
	return strcmp(argv[-1], "--") == 0 ? SOURCE_COMMAND : SOURCE_FILES;
}

static int check_source(enum source source)
{
	/* To which sources an option does not belong. */
	const struct {
		const char *option;
		bool is_given, no_files, no_command;
	} rows[] = {
		{ "duration", duration_seconds >= 0, true, false },
		{ "interval", interval_seconds >= 0, true, false },
		{ "repeat", repeat != 0, true, false },
		{ "output", output_name != NULL, true, false },
		{ "no-follow", no_follow, true, false },
		{ "name", glob != NULL, true, true },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].is_given &&
		    ((source == SOURCE_FILES && rows[i].no_files) ||
		     (source == SOURCE_COMMAND && rows[i].no_command)))
			return report_usage("check", "--%s and %s exclude "
					    "each other", rows[i].option,
					    source_names[source]);
	return STATUS_OK;
}

/* Options about trends, or a lack of limits, against --limits-only. */
static int check_limits_only(void)
{
	const struct {
		const char *option;
		bool is_given;
	} rows[] = {
		{ "iterations", by_iterations }, { "warmup", warmup >= 0 },
		{ "cycle", cycle > 0 }, { "min-samples", samples_min != 0 },
		{ "confidence", confidence_percent >= 0 },
		{ "repeat", repeat != 0 }, { "strict", strict },
		{ "max-growth", max_growth.count != 0 },
		{ "baseline", baseline_name != NULL },
		{ "save-baseline", save_baseline_name != NULL },
	};

	if (!limits_only)
		return STATUS_OK;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].is_given)
			return report_usage("check", "--limits-only and --%s "
					    "exclude each other",
					    rows[i].option);
	if (max_live_bytes == CHECK_NO_BYTES &&
	    max_peak_bytes == CHECK_NO_BYTES &&
	    max_unfreed_bytes == CHECK_NO_BYTES && !max_objects &&
	    !max_threads && !(return_to_percent > 0))
		return report_usage("check", "--limits-only, but there is no "
				    "limit: --max-live SIZE, for one");
	return STATUS_OK;
}

static int check_times(void)
{
	if (duration_seconds == 0)
		return report_usage("check", "--duration: '0' is no time to "
				    "watch anything");
	if (confidence_percent >= 0 &&
	    (confidence_percent < 50 || confidence_percent >= 100))
		return report_usage("check", "--confidence: '%g' is not a "
				    "percentage from 50 to below 100",
				    confidence_percent);
	if (by_iterations || duration_seconds < 0)
		return STATUS_OK;
	if (warmup >= duration_seconds)
		return report_usage("check", "--warmup %g leaves nothing of "
				    "--duration %g", warmup,
				    duration_seconds);
	if (cycle * TREND_BINS_MIN > duration_seconds)
		return report_usage("check", "--cycle %g needs a --duration of "
				    "%g at least, not %g", cycle,
				    cycle * TREND_BINS_MIN, duration_seconds);
	if ((double)samples_min * interval_seconds > duration_seconds)
		return report_usage("check", "--min-samples %lu cannot be had "
				    "in --duration %g at --interval %g",
				    samples_min, duration_seconds,
				    interval_seconds);
	return STATUS_OK;
}

static int read_max_growth(struct check_rules *rules)
{
	for (size_t i = 0; i < max_growth.count; i++) {
		struct check_max_growth max;
		enum check_series_id id;

		if (!quantity_rate(max_growth.items[i], &max, &id))
			return report_usage("check", "--max-growth: '%s' is "
					    "not a rate such as 1MiB/h",
					    max_growth.items[i]);
		rules->max_growth[id] = max;
	}
	return STATUS_OK;
}

static int make_rules(struct check_rules *ret)
{
	*ret = check_rules();
	ret->by_iterations = by_iterations;
	ret->is_strict = strict;
	ret->limits_only = limits_only;
	ret->warmup = warmup;
	ret->cycle = cycle;
	ret->samples_min = samples_min;
	ret->max_live_bytes = max_live_bytes;
	ret->max_peak_bytes = max_peak_bytes;
	ret->max_unfreed_bytes = max_unfreed_bytes;
	ret->max_objects = max_objects;
	ret->max_threads = max_threads;
	ret->return_to_percent = return_to_percent;
	if (confidence_percent >= 0)
		ret->confidence = confidence_percent / 100;
	return read_max_growth(ret);
}

/* ---- measuring ---- */

/*
 * Where an attempt is recorded: -o FILE, FILE.2 and so on, else a file that
 * stays only if the check fails. NULL with a message.
 */
static char *name_recording(size_t attempt)
{
	const char *directory = getenv("TMPDIR");
	char *name = NULL;
	int length, fd;

	if (output_name) {
		length = attempt ? asprintf(&name, "%s.%zu", output_name,
					    attempt + 1) :
				   asprintf(&name, "%s", output_name);
		return length < 0 ? report_oom(NULL) : name;
	}
	if (asprintf(&name, "%s/heaptally-check.XXXXXX.jsonl",
		     directory && *directory ? directory : "/tmp") < 0)
		report_oom(NULL);
	fd = mkstemps(name, (int)strlen(".jsonl"));
	if (fd >= 0) {
		close(fd);
		return name;
	}
	report("cannot make '%s': %s", name, report_errno(errno));
	free(name);
	return NULL;
}

static int record(const struct check *c, const char *file)
{
	struct session_request request = {
		.command_name = "check", .output = file,
		.force = force || !output_name,
		.interval_seconds = interval_seconds,
		.duration_seconds = duration_seconds > 0 ? duration_seconds : 0,
		.only = &only, .no_follow = no_follow,
		.shows_progress = !quiet, .glob = glob,
	};
	struct session_result result;
	int status;

	if (c->source == SOURCE_COMMAND)
		status = session_record_command(&request, c->operands,
						&result);
	else
		status = session_record_process(&request, c->operands[0],
						&result);
	/* What never ran is not observed, and never green. */
	if (status >= NOT_STARTED)
		return STATUS_NOT_OBSERVED;
	if (status == STATUS_OK && !result.complete)
		return STATUS_FAILED;
	return status;
}

static int add_run(struct check *c)
{
	struct recording *r = &c->recordings[c->run_count];

	check_judge_run(&c->rules, &r->run, r->room);
	c->runs[c->run_count++] = r->run;
	return STATUS_OK;
}

/* What was said on standard error, the outputs are to know as well. */
static int add_unobserved(struct check *c, const char *why)
{
	recording_of_nothing(&c->recordings[c->run_count], why);
	return add_run(c);
}

/* Reads and judges one more run. */
static int judge(struct check *c, const char *file)
{
	struct recording *r = &c->recordings[c->run_count];
	int status = recording_read(r, file, &c->reading);

	if (status == STATUS_NOT_OBSERVED)
		return add_unobserved(c, "nothing was recorded");
	if (status != STATUS_OK)
		return status;
	if (baseline_name && !force)
		status = baseline_admits(&c->baseline, &r->run);
	if (status == STATUS_OK)
		return add_run(c);
	recording_release(r);
	return status;
}

static int measure_once(struct check *c)
{
	char *file = name_recording(c->run_count);
	int status;

	if (!file)
		return STATUS_FAILED;
	status = record(c, file);
	if (status == STATUS_OK) {
		c->files[c->run_count] = file;
		return judge(c, file);
	}
	if (!output_name)
		unlink(file);
	free(file);
	if (status == STATUS_NOT_OBSERVED)
		return add_unobserved(c, c->source == SOURCE_COMMAND ?
				      "it could not be started" :
				      "it could not be watched");
	return status;
}

/* Is it settled which way most of the runs go? */
static bool is_settled(const struct check *c, size_t wanted)
{
	size_t growing = 0;

	for (size_t i = 0; i < c->run_count; i++)
		growing += c->runs[i].verdict == CHECK_GROWTH;
	return 2 * growing > wanted ||
	       2 * (c->run_count - growing) >= wanted ||
	       c->runs[0].verdict != CHECK_GROWTH;
}

static int measure(struct check *c)
{
	size_t wanted = repeat ? repeat : 1;
	int status;

	do {
		if (c->run_count && !quiet)
			report("run %zu of at most %zu: %s", c->run_count,
			       wanted, check_verdict_name(
				       c->runs[c->run_count - 1].verdict));
		status = measure_once(c);
	} while (status == STATUS_OK && !is_settled(c, wanted));
	return status;
}

static int read_files(struct check *c)
{
	int status = STATUS_OK;

	for (int i = 0; i < c->operand_count && status == STATUS_OK; i++)
		status = judge(c, c->operands[i]);
	return status;
}

/* ---- the report ---- */

/* The command line, the process or the files. */
static char *make_subject(const struct check *c)
{
	size_t room = 32;
	char *subject, *end;

	for (int i = 0; i < c->operand_count; i++)
		room += strlen(c->operands[i]) + 1;
	subject = end = report_oom(malloc(room));
	*end = '\0';
	for (int i = 0; i < c->operand_count; i++)
		end += sprintf(end, "%s%s", i ? " " : "", c->operands[i]);
	if (!c->operand_count)
		sprintf(end, "%d", c->runs[0].process_count ?
				   c->runs[0].processes[0].pid : 0);
	return subject;
}

/* What failed is kept, to be looked at; what went well is not. */
static void keep_recordings(struct check *c, int status)
{
	for (size_t i = 0; i < c->run_count; i++) {
		if (!c->files[i] || output_name || status != STATUS_OK)
			continue;
		unlink(c->files[i]);
		c->runs[i].file = NULL;
	}
}

static bool save_baseline(const struct check *c, const struct check_report *r)
{
	if (!save_baseline_name)
		return true;
	if (r->verdict != CHECK_INCONCLUSIVE &&
	    r->verdict != CHECK_NOT_OBSERVED)
		return baseline_save(save_baseline_name,
				     &c->runs[c->run_count - 1],
				     by_iterations);
	report("'%s' is not written: the check is %s", save_baseline_name,
	       check_verdict_name(r->verdict));
	return true;
}

static int conclude(struct check *c)
{
	char *subject = make_subject(c);
	struct check_report r = {
		.version = HEAPTALLY_VERSION, .subject = subject,
		.is_live = c->source != SOURCE_FILES,
		.by_iterations = by_iterations, .is_strict = strict,
		.confidence = c->rules.confidence, .baseline = baseline_name,
		.runs = c->runs, .run_count = c->run_count,
		.confirm_runs = repeat ? repeat : 1,
	};
	bool written;

	check_judge_report(&r);
	keep_recordings(c, r.status);
	outputs.is_brief = quiet;
	/* As `run` does: standard output is the command's. */
	outputs.person = c->source == SOURCE_COMMAND ? stderr : stdout;
	written = check_outputs_write(&outputs, &r);
	written &= save_baseline(c, &r);
	free(subject);
	return r.status || written ? r.status : STATUS_FAILED;
}

static int load_baseline(struct check *c)
{
	int status;

	if (!baseline_name)
		return STATUS_OK;
	status = baseline_load(&c->baseline, baseline_name, &c->rules,
			       &c->reading);
	if (status == STATUS_OK)
		c->rules.baseline = &c->baseline.entries;
	return status;
}

static void release(struct check *c)
{
	for (size_t i = 0; i < c->run_count; i++) {
		recording_release(&c->recordings[i]);
		free(c->files[i]);
	}
	free(c->recordings);
	free(c->runs);
	free(c->files);
	if (c->rules.baseline)
		baseline_release(&c->baseline);
}

/* With options that go together and outputs that are open. */
static int check(struct check *c)
{
	size_t most = c->source == SOURCE_FILES ? (size_t)c->operand_count :
		      repeat ? repeat : 1;
	int status = load_baseline(c);

	c->recordings = report_oom(calloc(most, sizeof(*c->recordings)));
	c->runs = report_oom(calloc(most, sizeof(*c->runs)));
	c->files = report_oom(calloc(most, sizeof(*c->files)));
	if (status == STATUS_OK)
		status = c->source == SOURCE_FILES ? read_files(c) :
						     measure(c);
	if (status == STATUS_OK)
		status = conclude(c);
	else
		check_outputs_abandon(&outputs);
	release(c);
	return status;
}

static void set_defaults(enum source source)
{
	if (interval_seconds < 0)
		interval_seconds = duration_seconds > LONG_SECONDS ?
				   LONG_INTERVAL : INTERVAL_SECONDS;
	if (duration_seconds < 0 && source == SOURCE_PROCESS)
		duration_seconds = PID_DURATION_SECONDS;
}

int cmd_check(int argc, char **argv)
{
	struct check c = {
		.source = source_of(argc, argv), .operand_count = argc,
		.operands = argv,
		.reading = { .only = &only, .by_iterations = by_iterations },
	};
	int status = check_source(c.source);

	if (status != STATUS_OK)
		return status;
	set_defaults(c.source);
	status = check_limits_only();
	if (status == STATUS_OK)
		status = check_times();
	if (status == STATUS_OK)
		status = make_rules(&c.rules);
	if (status == STATUS_OK)
		status = check_outputs_open(&outputs);
	return status == STATUS_OK ? check(&c) : status;
}
