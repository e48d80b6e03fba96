/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "reader/choose.h"
#include "reader/commands/commands.h"
#include "reader/document.h"
#include "reader/follow.h"
#include "reader/format.h"
#include "reader/report.h"
#include "reader/style.h"
#include "reader/view_json.h"

#define NS_PER_SECOND   1000000000ULL
#define LOOK_NS         200000000ULL /* how soon the end is noticed */
#define HEAD_EVERY      20 /* lines, if the terminal does not say */

static bool json, raw;
static const char *glob;
static double interval_seconds = 1;
static unsigned long line_limit;

const struct option_row watch_options[] = {
	{ 'i', "interval", "SEC", OPTION_INTERVAL, &interval_seconds,
	  "time between lines, 1 by default, at least 0.01" },
	{ 'n', "count", "N", OPTION_COUNT, &line_limit,
	  "stop after N lines" },
	{ 0, "name", "GLOB", OPTION_STRING, &glob,
	  "the process whose command matches" },
	{ 0, "raw", NULL, OPTION_FLAG, &raw, "exact numbers, without units" },
	{ 0, "json", NULL, OPTION_FLAG, &json, "one JSON object a line" },
	{ 0 }
};

/* One process being watched. */
struct watch {
	struct ht *process;
	struct ht *spare;   /* to look for its next image with */
	struct view now;
	struct view before; /* the line above, for differences */
	bool has_before;
	bool unseen_noted;    /* of this image */
	unsigned long lines;
	unsigned long until_head;
};

static uint64_t monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_SECOND + (uint64_t)now.tv_nsec;
}

static void sleep_until(uint64_t deadline_ns)
{
	struct timespec deadline = {
		.tv_sec = (time_t)(deadline_ns / NS_PER_SECOND),
		.tv_nsec = (long)(deadline_ns % NS_PER_SECOND),
	};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &deadline,
			       NULL) == EINTR)
		continue;
}

/* Lines between heads: one always stays in sight on a terminal. */
static unsigned long lines_per_head(void)
{
	struct winsize size;

	if (!isatty(STDOUT_FILENO))
		return 0;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 5)
		return size.ws_row - 2u;
	return HEAD_EVERY;
}

#define LINE "%-*s  %10s  %11s  %8s  %9s  %9s  %7s  %10s  %10s\n"
#define LINE_RAW "%-24s  %14s  %14s  %12s  %12s  %12s  %7s  %14s  %14s\n"

/* Lines within a second are told apart by milliseconds. */
static bool is_fast(void)
{
	return interval_seconds < 1;
}

static void print_columns(const char *time, const char *live,
			  const char *change, const char *objects,
			  const char *allocs, const char *frees,
			  const char *threads, const char *peak,
			  const char *resident)
{
	if (raw)
		printf(LINE_RAW, time, live, change, objects, allocs, frees,
		       threads, peak, resident);
	else
		printf(LINE, is_fast() ? 12 : 8, time, live, change, objects,
		       allocs, frees, threads, peak, resident);
}

static void print_head(struct watch *w)
{
	if (w->lines && w->until_head > 1) {
		w->until_head--;
		return;
	}
	if (w->lines && !isatty(STDOUT_FILENO))
		return;
	w->until_head = lines_per_head();
	style_set(stdout, STYLE_BOLD);
	print_columns("TIME", "LIVE", "CHANGE", "OBJECTS", "ALLOCS/s",
		      "FREES/s", "THREADS", "PEAK", "RSS");
	style_set(stdout, STYLE_PLAIN);
}

/* What rose since the line above, by the second; "-" where it cannot be. */
static struct text rate(const struct watch *w, const char *key)
{
	uint64_t now_ns = w->now.snapshot.monotonic_ns;
	uint64_t before_ns = w->before.snapshot.monotonic_ns;
	uint64_t new_count = view_u64(&w->now, key);
	uint64_t old_count = view_u64(&w->before, key);
	double seconds = (double)(now_ns - before_ns) / 1e9;
	struct text none = { "-" };

	if (!w->has_before || !view_sample(&w->now, key) ||
	    now_ns <= before_ns || new_count < old_count)
		return none;
	return format_short_count(
		(uint64_t)((double)(new_count - old_count) / seconds + 0.5),
		raw);
}

static struct text change(const struct watch *w)
{
	struct text none = { "-" };

	if (!w->has_before || !view_sample(&w->now, HEAP_LIVE_BYTES))
		return none;
	return format_bytes_change(view_u64(&w->before, HEAP_LIVE_BYTES),
				   view_u64(&w->now, HEAP_LIVE_BYTES), raw);
}

/* Local time, as somebody compares it with a clock; raw: as in JSON. */
static struct text line_time(const struct watch *w)
{
	uint64_t ns = w->now.snapshot.realtime_ns;
	time_t seconds = (time_t)(ns / NS_PER_SECOND);
	struct text text;
	size_t length;
	struct tm tm;

	if (raw)
		return format_time(ns, true);
	localtime_r(&seconds, &tm);
	length = strftime(text.s, sizeof(text.s), "%H:%M:%S", &tm);
	if (is_fast())
		snprintf(text.s + length, sizeof(text.s) - length, ".%03u",
			 (unsigned)(ns % NS_PER_SECOND / 1000000));
	return text;
}

static void print_line(struct watch *w)
{
	const struct view *v = &w->now;

	print_head(w);
	print_columns(line_time(w).s,
		      format_metric(v, HEAP_LIVE_BYTES, raw).s, change(w).s,
		      format_metric(v, HEAP_LIVE_OBJECTS, raw).s,
		      rate(w, HEAP_ALLOCS_OBJECTS).s,
		      rate(w, HEAP_FREES_OBJECTS).s,
		      format_metric(v, THREADS_LIVE_THREADS, raw).s,
		      format_metric(v, HEAP_PEAK_BYTES, raw).s,
		      format_metric(v, PROCESS_RESIDENT_BYTES, raw).s);
}

static void print_json(struct watch *w)
{
	struct json *document = document_new();

	view_append_json(document_processes(document), &w->now);
	json_write(document, stdout, true);
	json_free(document);
}

/* False when output is lost, and there is no point in going on. */
static bool show(struct watch *w)
{
	if (json)
		print_json(w);
	else
		print_line(w);
	w->lines++;
	w->before = w->now;
	w->has_before = true;
	return fflush(stdout) == 0;
}

static void mark_exec(struct watch *w)
{
	const struct ht_identity *id = ht_identity(w->process);
	struct escaped_text name = format_escaped(id->command);

	if (json)
		report("%d is now %s (exec): counts start anew", id->pid,
		       name.s);
	else
		printf("-- %d is now %s (exec): counts start anew\n", id->pid,
		       name.s);
	w->has_before = false;
	w->unseen_noted = false;
}

/* What the figures leave out: once for each image, and when it changes. */
static void note_coverage(const struct watch *w)
{
	const struct ht_identity *id = &w->now.id;
	enum ht_coverage known = w->has_before ? w->before.id.coverage :
						 HT_COVERAGE_FULL;

	if (id->coverage != known)
		report("%d (%s): coverage is %s: %s", id->pid,
		       format_escaped(id->command).s,
		       ht_coverage_name(id->coverage),
		       format_escaped(id->coverage_reason).s);
}

/* Grows beside the heap: said when it shows, once for each image. */
static void note_unseen(struct watch *w)
{
	uint64_t unseen = view_unseen_bytes(&w->now);

	if (!unseen || w->unseen_noted)
		return;
	w->unseen_noted = true;
	report("%d (%s): %s of its anonymous memory is not in the tallied "
	       "heap", w->now.id.pid, format_escaped(w->now.id.command).s,
	       format_bytes(unseen, false).s);
}

static void report_end(const struct watch *w)
{
	static const char *const texts[] = {
		[HT_STATE_LIVE] = "is alive",
		[HT_STATE_EXITED] = "exited",
		[HT_STATE_KILLED] =
			"ended without exit(): killed, or by abort()",
		[HT_STATE_REPLACED] =
			"goes on as a program that is not tallied",
	};

	report("%d (%s) %s", w->now.id.pid,
	       format_escaped(w->now.id.command).s,
	       texts[w->now.snapshot.state]);
}

/* Waits for the next line, or for the end if that comes first. */
static void wait_for_line(const struct watch *w, uint64_t deadline_ns)
{
	uint64_t now_ns;

	while ((now_ns = monotonic_ns()) < deadline_ns &&
	       ht_state(w->process) == HT_STATE_LIVE)
		sleep_until(deadline_ns - now_ns < LOOK_NS ? deadline_ns :
							     now_ns + LOOK_NS);
}

/* Returns the next deadline; ones that were slept through are left out. */
static uint64_t next_deadline(uint64_t deadline_ns)
{
	uint64_t interval_ns = (uint64_t)(interval_seconds * 1e9);
	uint64_t now_ns = monotonic_ns();

	deadline_ns += interval_ns;
	if (deadline_ns < now_ns)
		deadline_ns += (now_ns - deadline_ns) / interval_ns *
			       interval_ns + interval_ns;
	return deadline_ns;
}

static int watch_loop(struct watch *w)
{
	uint64_t deadline_ns = monotonic_ns();

	for (;;) {
		if (view_read(&w->now, w->process,
			      json ? VIEW_ALL : VIEW_TALLY) != 0) {
			report("%d: %s", ht_identity(w->process)->pid,
			       ht_message(w->process));
			return STATUS_NOT_OBSERVED;
		}
		if (w->now.snapshot.state != HT_STATE_LIVE &&
		    follow_exec(&w->process, &w->spare, &w->now)) {
			mark_exec(w);
			continue;
		}
		note_coverage(w);
		note_unseen(w);
		if (!show(w))
			return STATUS_OK; /* main() tells what was lost */
		if (w->now.snapshot.state != HT_STATE_LIVE) {
			report_end(w);
			return STATUS_OK;
		}
		if (line_limit && w->lines >= line_limit)
			return STATUS_OK;
		deadline_ns = next_deadline(deadline_ns);
		wait_for_line(w, deadline_ns);
	}
}

static int watch_process(struct ht *h, void *argument)
{
	struct watch *w = report_oom(calloc(1, sizeof(*w)));
	int status;

	(void)argument;
	w->process = h;
	w->spare = view_handle();
	status = watch_loop(w);
	ht_free(w->process == h ? w->spare : w->process);
	free(w);
	return status;
}

int cmd_watch(int argc, char **argv)
{
	struct choice choice = {
		.command = "watch", .pids = argv, .pid_count = (size_t)argc,
		.glob = glob, .single = true,
	};

	return choose(&choice, watch_process, NULL);
}
