/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "reader/commands/commands.h"
#include "reader/discover.h"
#include "reader/document.h"
#include "reader/extras.h"
#include "reader/format.h"
#include "reader/histogram.h"
#include "reader/report.h"
#include "reader/select.h"
#include "reader/style.h"
#include "reader/suggest.h"
#include "reader/summary.h"
#include "reader/thread_table.h"

static bool json, raw, allocator, by_thread;
static const char *glob;
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
	{ 0, "raw", NULL, OPTION_FLAG, &raw, "exact numbers, without units" },
	{ 0, "json", NULL, OPTION_FLAG, &json, "as JSON" },
	{ 0 }
};

#define FIGURES_FRESH_SECONDS 1.0

static void print_head(const struct target *t)
{
	const struct target_identity *id = &t->id;

	style_set(stdout, STYLE_BOLD);
	printf("%d %s", t->pid_here ? t->pid_here : id->pid,
	       format_escaped(id->comm).s);
	style_set(stdout, STYLE_PLAIN);
	if (t->pid_here && !t->is_here)
		printf(" (%d in its container)", id->pid);
	printf(": %s", target_state_name(t->snapshot.state));
	if (t->uptime_seconds >= 0)
		printf(", up %s", format_duration(t->uptime_seconds).s);
	printf(", parent %d", id->parent_pid);
	if (t->exe[0])
		printf(", %s", format_escaped(t->exe).s);
	printf("\n  %s, coverage %s", format_escaped(id->provider).s,
	       id->coverage);
	if (id->coverage_reason[0])
		printf(": %s", format_escaped(id->coverage_reason).s);
	if (t->snapshot.approximate)
		printf(", live figures approximate");
	putchar('\n');
}

/* How old the allocator's own figures are, or why there are none. */
static void print_figures(const struct snapshot *s)
{
	if (s->figures_missing && (allocator || s->figures_monotonic_ns))
		printf("  the allocator's own figures: %s\n", s->figures_missing);
	if (s->figures_monotonic_ns &&
	    snapshot_figures_age(s) > FIGURES_FRESH_SECONDS)
		printf("  the allocator's own figures are %s old\n",
		       format_duration(snapshot_figures_age(s)).s);
}

/* Bytes are the one unit whose human form loses something. */
static void print_value(const struct snapshot *s, const struct metric_value *v,
			int width)
{
	const struct size_histogram *histogram = snapshot_histogram(s, v);
	struct escaped_text key = format_escaped(v->key);

	if (histogram)
		printf("  %-*s  %s\n", width, key.s,
		       histogram_format(histogram, raw).s);
	else if (raw)
		printf("  %-*s  %s\n", width, key.s, format_value(v, true).s);
	else if (v->unit == UNIT_BYTES && v->value.u64 >= 1024)
		printf("  %-*s  %12s  %16s\n", width, key.s,
		       format_value(v, false).s,
		       format_count(v->value.u64).s);
	else
		printf("  %-*s  %12s\n", width, key.s,
		       format_value(v, false).s);
}

/* "/heap/" of "/heap/live:bytes": a paragraph of the output. */
static bool is_new_group(const struct metric_value *before,
			 const struct metric_value *v)
{
	size_t length = 1 + strcspn(v->key + 1, "/");

	return strncmp(before->key, v->key, length + 1) != 0;
}

static void print_target(const struct target *t)
{
	const struct metric_value *values = t->snapshot.values;
	int width = 0;

	for (size_t i = 0; i < t->snapshot.count; i++) {
		int length = (int)strlen(format_escaped(values[i].key).s);

		width = length > width ? length : width;
	}
	print_head(t);
	if (target_unseen_bytes(t))
		summary_print_unseen(target_unseen_bytes(t), "  note: ",
				     stdout);
	print_figures(&t->snapshot);
	for (size_t i = 0; i < t->snapshot.count; i++) {
		if (i > 0 && is_new_group(&values[i - 1], &values[i]))
			putchar('\n');
		print_value(&t->snapshot, &values[i], width);
	}
}

static void print_bare(const struct snapshot *s, const struct metric_value *v)
{
	const struct size_histogram *histogram = snapshot_histogram(s, v);

	puts(histogram ? histogram_format(histogram, true).s
		       : format_value(v, true).s);
}

static int print_metrics(const struct target *t)
{
	int status = STATUS_OK;

	for (size_t i = 0; i < keys.count; i++) {
		const struct metric_value *v = target_value(t, keys.items[i]);

		if (v) {
			print_bare(&t->snapshot, v);
			continue;
		}
		report("%d (%s): '%s' is not available there", t->id.pid,
		       format_escaped(t->id.comm).s, keys.items[i]);
		status = STATUS_NOT_OBSERVED;
	}
	return status;
}

/* A misspelt key is found before anything is printed. */
static int check_keys(void)
{
	for (size_t i = 0; i < keys.count; i++) {
		struct suggestion s = { .word = keys.items[i] };
		size_t count;
		const struct metric *all = metrics_all(&count);

		if (metric_by_key(s.word))
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

/* `threads` are NULL unless they were asked for. */
static int show(const struct target *t, const struct threads *threads,
		struct json *processes, bool first)
{
	if (processes) {
		struct json *process = document_add(processes, t);

		if (threads)
			thread_table_put_json(process, threads, t);
		return STATUS_OK;
	}
	if (keys.count)
		return print_metrics(t);
	if (!first)
		putchar('\n');
	if (threads) {
		print_head(t);
		thread_table_print(threads, t, raw);
	} else {
		print_target(t);
	}
	return STATUS_OK;
}

/* Without them the rest is shown all the same. */
static void ask_figures(const struct discovery *d, const struct place *p,
			struct attachment *a)
{
	int error = extras_ask_figures(d, p, a);

	if (error == -ETIMEDOUT)
		report("%d: its allocator has not answered yet: it is asked when "
		       "the process has allocated more, 1 MiB at most", p->pid);
	else if (error && error != -ESRCH)
		report("%d: cannot ask its allocator: %s", p->pid,
		       extras_trouble(error));
}

static enum attach_error show_place(const struct discovery *d,
				    const struct place *place,
				    struct json *processes, bool first,
				    int *ret_status)
{
	struct attachment *a = NULL;
	struct threads threads = { .all = NULL };
	struct target t;
	enum attach_error error = discover_attach(d, place, &a);

	if (!error && allocator)
		ask_figures(d, place, a);
	if (!error)
		error = target_read(&t, a);
	if (!error && by_thread)
		error = threads_read(&threads, &t, a);
	/* The table of threads has no room for what it tells. */
	if (!error && (!by_thread || processes))
		target_add_kernel(&t, by_thread ? NULL : a);
	attach_close(a);
	if (!error)
		*ret_status = show(&t, by_thread ? &threads : NULL, processes,
				   first);
	threads_release(&threads);
	return error;
}

static int show_all(const struct discovery *d, const struct selection *s,
		    struct json *processes)
{
	int worst = STATUS_OK;

	for (size_t i = 0; i < s->count; i++) {
		int status = STATUS_NOT_OBSERVED;
		enum attach_error error = show_place(d, &s->places[i], processes,
						     i == 0, &status);

		if (error)
			report("%d: %s", s->places[i].pid,
			       attach_error_text(error));
		if (status != STATUS_OK)
			worst = status;
	}
	return worst;
}

static int show_json(const struct discovery *d, const struct selection *s)
{
	struct json *document = document_new();
	int status = show_all(d, s, document_processes(document));

	json_write(document, stdout, false);
	json_free(document);
	return status;
}

int cmd_stat(int argc, char **argv)
{
	struct select_request request = {
		.command = "stat", .pids = argv, .pid_count = (size_t)argc,
		.glob = glob,
	};
	struct selection chosen;
	struct discovery d;
	int status, shown;

	if (json && keys.count)
		return report_usage("stat",
				    "--json and --metric exclude each other");
	if (by_thread && keys.count)
		return report_usage("stat",
				    "--threads and --metric exclude each other");
	status = check_keys();
	if (status == STATUS_OK)
		status = select_scan(&d);
	if (status != STATUS_OK)
		return status;
	status = select_targets(&chosen, &d, &request);
	if (status != STATUS_USAGE && chosen.count) {
		shown = json ? show_json(&d, &chosen) :
			       show_all(&d, &chosen, NULL);
		status = status == STATUS_OK ? shown : status;
	}
	select_release(&chosen);
	discover_release(&d);
	return status;
}
