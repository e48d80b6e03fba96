/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_OWN_REPORT_H
#define TESTS_UNIT_OWN_REPORT_H
/*
 * Finished checks to write reports of: series made by a formula, judged by
 * the real judge. Everything is freed by own_report_release().
 */
#include <stdlib.h>
#include <string.h>

#include "reader/check/judge.h"
#include "reader/check/report.h"

#define OWN_SERIES_MAX 64
#define OWN_PROCESSES  4

/* What a series looks like over a run of 120 s, two samples a second. */
enum own_shape {
	OWN_FLAT,    /* with a little noise, unless the extent is 0 */
	OWN_LINEAR,
	OWN_PLATEAU,
	OWN_STEP,
	OWN_SAWTOOTH,
	OWN_ABSENT,  /* no sample */
};

struct own_report {
	struct check_report report;
	struct check_run run;
	struct check_process processes[OWN_PROCESSES];
	struct check_limit limits[OWN_PROCESSES][CHECK_LIMITS_MAX];
	struct check_rules rules;
	struct check_mark marks[3];
	void *series[OWN_SERIES_MAX]; /* to be freed */
	size_t series_count;
	size_t samples;               /* of a series */
};

static inline double own_value(enum own_shape shape, double share)
{
	switch (shape) {
	case OWN_LINEAR:
		return share;
	case OWN_PLATEAU:
		return share < 0.5 ? share * (1.5 - share) : 0.5;
	case OWN_STEP:
		return share > 0.6 ? 1 : 0;
	case OWN_SAWTOOTH:
		return share * 40 - (double)(int)(share * 40);
	default:
		return 0;
	}
}

static inline void own_series(struct own_report *o, struct check_series *s,
			      enum own_shape shape, double least, double extent)
{
	struct trend_point *points = calloc(o->samples, sizeof(*points));
	double *seconds = calloc(o->samples, sizeof(*seconds));

	o->series[o->series_count++] = points;
	o->series[o->series_count++] = seconds;
	for (size_t i = 0; i < o->samples; i++) {
		double share = (double)i / (double)o->samples;

		seconds[i] = share * o->run.seconds;
		points[i].x = seconds[i];
		points[i].y = (uint64_t)(least +
					 extent * own_value(shape, share)) +
			      (extent > 0 ? i * 7919 % 13 : 0);
	}
	s->points = points;
	s->seconds = seconds;
	s->count = shape == OWN_ABSENT ? 0 : o->samples;
}

/* Adds a process; `shape` is that of its live bytes and objects. */
static inline struct check_process *own_process(struct own_report *o,
						const char *command,
						enum own_shape shape)
{
	struct check_process *p = &o->processes[o->run.process_count++];

	*p = (struct check_process){
		.pid = 4242 + (int)(p - o->processes), .command = command,
		.exe = "/usr/bin/srv", .instance = "00ff", .state = "live",
		.provider = "glibc 2.36", .coverage = "full",
		.coverage_reason = "", .start_time = "2026-01-31T12:00:00Z",
		.to_seconds = o->run.seconds,
	};
	own_series(o, &p->series[CHECK_LIVE_BYTES], shape, 8 << 20, 16 << 20);
	own_series(o, &p->series[CHECK_LIVE_OBJECTS], shape, 1e5, 1e5);
	own_series(o, &p->series[CHECK_THREADS], OWN_FLAT, 4, 0);
	own_series(o, &p->series[CHECK_RESIDENT], shape, 16 << 20, 16 << 20);
	return p;
}

static inline void own_report_new(struct own_report *o)
{
	static const char *const command[] = { "srv", "--port", "80", NULL };

	memset(o, 0, sizeof(*o));
	o->samples = 240;
	o->rules = check_rules();
	o->run = (struct check_run){
		.file = "srv.jsonl", .command = command, .host = "build-7",
		.architecture = "x86_64", .libc = "glibc 2.36",
		.start_time = "2026-01-31T12:00:00.123Z", .ending = "exited 0",
		.interval_seconds = 0.5, .seconds = 120, .samples = 240,
		.processes = o->processes,
	};
	o->report = (struct check_report){
		.version = "0.1.0", .subject = "srv --port 80",
		.is_live = true, .confidence = 0.99, .runs = &o->run,
		.run_count = 1, .confirm_runs = 1,
	};
}

/* Marks at 30 s, 60 s and 90 s; the first one has that name. */
static inline void own_marks(struct own_report *o, const char *name)
{
	for (size_t i = 0; i < 3; i++)
		o->marks[i] = (struct check_mark){
			.seconds = 30 * (double)(i + 1), .count = 1,
			.total = i + 1, .name = i == 0 ? name : "",
		};
	o->run.marks = o->marks;
	o->run.mark_count = 3;
	o->run.iterations = 3;
}

/* Judges what was added; `rules` and the report may have been changed. */
static inline void own_judge(struct own_report *o)
{
	check_judge_run(&o->rules, &o->run, o->limits[0]);
	check_judge_report(&o->report);
}

typedef void own_writer(const struct check_report *r, FILE *out);

/*
 * What an output writes, to be freed. Not inline: gcc 12 takes the text for a
 * part of the variable that it is returned from, and warns.
 */
__attribute__((noinline, unused))
static char *own_output(const struct check_report *r, own_writer *write)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	write(r, out);
	fclose(out);
	return text;
}

/* How often `part` stands in `text`. */
static inline size_t own_count(const char *text, const char *part)
{
	size_t count = 0;

	while ((text = strstr(text, part))) {
		text += strlen(part);
		count++;
	}
	return count;
}

static inline void own_report_release(struct own_report *o)
{
	for (size_t i = 0; i < o->series_count; i++)
		free(o->series[i]);
}

#endif /* TESTS_UNIT_OWN_REPORT_H */
