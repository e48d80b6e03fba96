/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "reader/choose.h"
#include "reader/commands/commands.h"
#include "reader/document.h"
#include "reader/format.h"
#include "reader/histogram.h"
#include "reader/profile_go.h"
#include "reader/report.h"
#include "reader/style.h"
#include "reader/suggest.h"
#include "reader/summary.h"
#include "reader/thread_table.h"
#include "reader/view_json.h"

static bool json, raw, allocator, by_thread;
static const char *glob, *profile;
static struct string_list keys;

const struct option_row stat_options[] = {
	{ 'm', "metric", "KEY", OPTION_STRINGS, &keys,
	  "only this value, bare and exact; may be repeated" },
	{ 0, "threads", NULL, OPTION_FLAG, &by_thread,
	  "a line for each thread instead, the highest net bytes first" },
	{ 0, "name", "GLOB", OPTION_STRING, &glob,
	  "the processes whose command matches" },
	{ 0, "allocator", NULL, OPTION_FLAG, &allocator,
	  "ask the allocator for its own figures, too" },
	{ 0, "profile", "NAME", OPTION_STRING, &profile,
	  "'go': under the names of Go's MemStats; 'native' by default" },
	{ 0, "raw", NULL, OPTION_FLAG, &raw, "exact numbers, without units" },
	{ 0, "json", NULL, OPTION_FLAG, &json, "as JSON" },
	{ 0 }
};

#define FIGURES_FRESH_SECONDS 1.0

static void print_head(const struct view *v)
{
	const struct ht_identity *id = &v->id;

	style_set(stdout, STYLE_BOLD);
	printf("%d %s", view_pid(v), format_escaped(id->command).s);
	style_set(stdout, STYLE_PLAIN);
	if (id->host_pid && !id->in_our_namespace)
		printf(" (%d in its container)", id->pid);
	printf(": %s", ht_state_name(v->snapshot.state));
	if (v->snapshot.uptime_seconds >= 0)
		printf(", up %s",
		       format_duration(v->snapshot.uptime_seconds).s);
	printf(", parent %d", id->parent_pid);
	if (id->exe[0])
		printf(", %s", format_escaped(id->exe).s);
	printf("\n  %s, coverage %s", format_escaped(id->provider).s,
	       ht_coverage_name(id->coverage));
	if (id->coverage_reason[0])
		printf(": %s", format_escaped(id->coverage_reason).s);
	if (v->snapshot.approximate)
		printf(", live figures approximate");
	putchar('\n');
}

/* How old the allocator's own figures are, or why there are none. */
static void print_figures(const struct ht_snapshot *s)
{
	if (s->figures_missing && (allocator || s->figures_age_seconds >= 0))
		printf("  the allocator's own figures: %s\n",
		       s->figures_missing);
	if (s->figures_age_seconds > FIGURES_FRESH_SECONDS)
		printf("  the allocator's own figures are %s old\n",
		       format_duration(s->figures_age_seconds).s);
}

/* Bytes are the one unit whose human form loses something. */
static void print_value(const struct ht_metric *m, const struct ht_sample *s,
			int width)
{
	struct escaped_text key = format_escaped(m->key);

	if (s->kind == HT_KIND_HISTOGRAM)
		printf("  %-*s  %s\n", width, key.s,
		       histogram_format(&s->value.histogram, m->unit, raw).s);
	else if (raw)
		printf("  %-*s  %s\n", width, key.s,
		       format_value(m, s, true).s);
	else if (strcmp(m->unit, "bytes") == 0 && s->value.u64 >= 1024)
		printf("  %-*s  %12s  %16s\n", width, key.s,
		       format_value(m, s, false).s,
		       format_count(s->value.u64).s);
	else
		printf("  %-*s  %12s\n", width, key.s,
		       format_value(m, s, false).s);
}

/* "/heap/" of "/heap/live:bytes": a paragraph of the output. */
static bool is_new_group(const struct ht_metric *before,
			 const struct ht_metric *m)
{
	size_t length = 1 + strcspn(m->key + 1, "/");

	return before && strncmp(before->key, m->key, length + 1) != 0;
}

static int key_width(const struct view *v)
{
	int width = 0;

	for (size_t i = 0; i < v->count; i++) {
		int length = (int)strlen(format_escaped(v->metrics[i]->key).s);

		if (v->samples[i].kind != HT_KIND_BAD && length > width)
			width = length;
	}
	return width;
}

static void print_view(const struct view *v)
{
	const struct ht_metric *before = NULL;
	int width = key_width(v);

	print_head(v);
	if (view_unseen_bytes(v))
		summary_print_unseen(view_unseen_bytes(v), "  note: ", stdout);
	print_figures(&v->snapshot);
	for (size_t i = 0; i < v->count; i++) {
		if (v->samples[i].kind == HT_KIND_BAD)
			continue;
		if (is_new_group(before, v->metrics[i]))
			putchar('\n');
		before = v->metrics[i];
		print_value(v->metrics[i], &v->samples[i], width);
	}
}

static int fail(const struct ht *h)
{
	report("%d: %s", ht_identity(h)->pid, ht_message(h));
	return STATUS_NOT_OBSERVED;
}

/* ---- --metric ---- */

static int print_bare(struct ht *h, const struct ht_sample *s)
{
	const struct ht_metric *m = ht_metric(h, s->number);

	if (s->kind == HT_KIND_HISTOGRAM)
		puts(histogram_format(&s->value.histogram, m->unit, true).s);
	else if (s->kind != HT_KIND_BAD)
		puts(format_value(m, s, true).s);
	else
		report("%d (%s): '%s' is not available there: %s",
		       ht_identity(h)->pid,
		       format_escaped(ht_identity(h)->command).s, s->key,
		       s->reason);
	return s->kind == HT_KIND_BAD ? STATUS_NOT_OBSERVED : STATUS_OK;
}

/* Reads no more than what is asked for. */
static int print_metrics(struct ht *h)
{
	struct ht_sample samples[VIEW_MAX] = { { .key = NULL } };
	int status = STATUS_OK;

	for (size_t i = 0; i < keys.count; i++)
		samples[i].key = keys.items[i];
	if (ht_read(h, samples, keys.count) != 0)
		return fail(h);
	for (size_t i = 0; i < keys.count; i++)
		if (print_bare(h, &samples[i]) != STATUS_OK)
			status = STATUS_NOT_OBSERVED;
	return status;
}

/* A misspelt key is found before anything is printed. */
static int check_keys(void)
{
	if (keys.count > VIEW_MAX)
		return report_usage("stat", "more than %d times --metric",
				    VIEW_MAX);
	for (size_t i = 0; i < keys.count; i++) {
		struct suggestion s = { .word = keys.items[i] };
		size_t count;
		const struct ht_metric *all = ht_all(&count);

		if (ht_lookup(NULL, s.word) > 0)
			continue;
		for (size_t j = 0; j < count; j++)
			suggest_offer(&s, all[j].key);
		if (s.best)
			return report_usage("stat", "unknown metric '%s', did "
					    "you mean '%s'?", s.word, s.best);
		return report_usage("stat", "unknown metric '%s', see "
				    "'heaptally metrics'", s.word);
	}
	return STATUS_OK;
}

/* ---- the command ---- */

struct output {
	struct json *processes; /* NULL for text */
	bool go;
	bool begun;
};

/* `threads` are NULL unless they were asked for. */
static void show_text(struct output *o, const struct view *v,
		      const struct thread_table *threads)
{
	if (o->begun)
		putchar('\n');
	if (!threads && !o->go) {
		print_view(v);
		return;
	}
	print_head(v);
	if (threads)
		thread_table_print(threads, raw);
	else
		profile_go_print(v, stdout);
}

static void show_json(struct output *o, const struct view *v,
		      const struct thread_table *threads)
{
	struct json *process;

	if (o->go) {
		profile_go_append_json(o->processes, v);
		return;
	}
	process = view_append_json(o->processes, v);
	if (threads)
		thread_table_put_json(process, threads);
}

static void show_view(struct output *o, const struct view *v,
		      const struct thread_table *threads)
{
	if (o->processes)
		show_json(o, v, threads);
	else
		show_text(o, v, threads);
	o->begun = true;
}

/* Without them the rest is shown all the same. */
static void ask_allocator(struct ht *h)
{
	int error = ht_ask_allocator(h);

	if (error == -ETIMEDOUT)
		report("%d: its allocator has not answered yet: it is asked when "
		       "the process has allocated more, 1 MiB at most",
		       ht_identity(h)->pid);
	else if (error && error != -ESRCH)
		report("%d: cannot ask its allocator: %s",
		       ht_identity(h)->pid, ht_message(h));
}

static int show(struct ht *h, void *argument)
{
	/* The table of threads has no room for what costs. */
	enum view_depth depth = by_thread && !json ? VIEW_TALLY : VIEW_ALL;
	struct thread_table threads = { .rows = NULL };
	struct view v;

	if (allocator)
		ask_allocator(h);
	if (keys.count)
		return print_metrics(h);
	if (view_read(&v, h, depth) != 0 ||
	    (by_thread && thread_table_read(&threads, h) != 0))
		return fail(h);
	show_view(argument, &v, by_thread ? &threads : NULL);
	thread_table_release(&threads);
	return STATUS_OK;
}

/* Of nobody there is no document: the message is all. */
static int show_document(const struct choice *choice, struct output *o)
{
	struct json *document = document_new();
	int status;

	o->processes = document_processes(document);
	status = choose(choice, show, o);
	if (o->begun)
		json_write(document, stdout, false);
	json_free(document);
	return status;
}

static int check_request(void)
{
	const struct {
		bool first, second;
		const char *names;
	} pairs[] = {
		{ json, keys.count, "--json and --metric" },
		{ by_thread, keys.count, "--threads and --metric" },
		{ profile, keys.count, "--profile and --metric" },
		{ by_thread, profile, "--threads and --profile" },
	};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		if (pairs[i].first && pairs[i].second)
			return report_usage("stat", "%s exclude each other",
					    pairs[i].names);
	return check_keys();
}

int cmd_stat(int argc, char **argv)
{
	struct choice choice = {
		.command = "stat", .pids = argv, .pid_count = (size_t)argc,
		.glob = glob,
	};
	struct output o = { .processes = NULL };
	int status = check_request();

	if (status == STATUS_OK)
		status = profile_go_option("stat", profile, &o.go);
	if (status != STATUS_OK)
		return status;
	return json ? show_document(&choice, &o) : choose(&choice, show, &o);
}
