/* SPDX-License-Identifier: MIT */
#include "reader/summary.h"

#include <inttypes.h>
#include <string.h>
#include <sys/wait.h>

#include "reader/table.h"

struct text summary_ending(int wait_status)
{
	struct text text;
	int number;
	const char *name;

	if (WIFEXITED(wait_status)) {
		snprintf(text.s, sizeof(text.s), "exited %d",
			 WEXITSTATUS(wait_status));
		return text;
	}
	number = WTERMSIG(wait_status);
	name = sigabbrev_np(number);
	snprintf(text.s, sizeof(text.s), "killed by signal %d%s%s%s", number,
		 name ? " (SIG" : "", name ? name : "", name ? ")" : "");
	return text;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

static void print_head(const struct run_result *r, const struct collector *c,
		       FILE *out)
{
	const char *name = c->has_main ? c->main.id.command :
					 base_name(r->argv[0]);

	fprintf(out, "heaptally: %s (pid %d) %s after %s",
		format_escaped(name).s, r->pid,
		summary_ending(r->wait_status).s,
		format_duration(r->wall_seconds).s);
	if (c->totals.processes > 1)
		fprintf(out, ", %zu processes tallied", c->totals.processes);
	fputc('\n', out);
	if (r->not_observed)
		fprintf(out, "  %snot observed: %s\n",
			c->totals.processes && !c->has_main ?
				"the command itself was " : "",
			format_escaped(r->not_observed).s);
}

#define LABEL "  %-9s "

static void print_heap(const struct collected_totals *t, FILE *out)
{
	fprintf(out, LABEL "%s allocs (%s), ", "heap",
		format_count(t->allocs_objects).s,
		format_bytes(t->allocs_bytes, false).s);
	fprintf(out, "%s frees (%s)", format_count(t->frees_objects).s,
		format_bytes(t->frees_bytes, false).s);
}

/* Rarities, only where there are any. */
static void print_extras(const struct collected_totals *t, FILE *out)
{
	const struct {
		uint64_t count;
		const char *name;
	} extras[] = { /* in the singular */
		{ t->reallocs_calls, "realloc" },
		{ t->failures_calls, "failed allocation" },
		{ t->foreign_objects, "foreign free" },
		{ t->unreadable, "unreadable segment" },
	};
	const char *before = NULL;

	for (size_t i = 0; i < sizeof(extras) / sizeof(extras[0]); i++) {
		if (!extras[i].count)
			continue;
		if (!before)
			fprintf(out, LABEL, "also");
		fprintf(out, "%s%s %s%s", before ? before : "",
			format_count(extras[i].count).s, extras[i].name,
			extras[i].count == 1 ? "" : "s");
		before = ", ";
	}
	if (before)
		fputc('\n', out);
}

void summary_print_unseen(uint64_t unseen_bytes, const char *label, FILE *out)
{
	fprintf(out, "%s%s of its anonymous memory is not in the tallied "
		"heap: mapped by itself, stacks, or freed and kept\n", label,
		format_bytes(unseen_bytes, false).s);
}

/* Of the processes that are still alive, the one where it is most. */
static void print_unseen(const struct collector *c, FILE *out)
{
	char label[128];

	if (!c->unseen_bytes)
		return;
	snprintf(label, sizeof(label), LABEL "%.90s (pid %d): ", "note",
		 format_escaped(c->unseen.command).s, c->unseen.pid);
	summary_print_unseen(c->unseen_bytes, label, out);
}

static void print_one(const struct view *v, const struct collector *c,
		      FILE *out)
{
	uint64_t slack = view_u64(v, HEAP_PEAK_SLACK_BYTES);

	print_heap(&c->totals, out);
	fprintf(out, "\n" LABEL "%s object%s (%s)%s\n",
		c->totals.running ? "live" : "unfreed",
		format_count(view_u64(v, HEAP_LIVE_OBJECTS)).s,
		view_u64(v, HEAP_LIVE_OBJECTS) == 1 ? "" : "s",
		format_bytes(view_u64(v, HEAP_LIVE_BYTES), false).s,
		c->totals.approximate ? ", approximate" :
		c->totals.running ? "" : " at the end");
	fprintf(out, LABEL "%s", "peak", format_bytes(
			view_u64(v, HEAP_PEAK_BYTES), false).s);
	if (slack)
		fprintf(out, ", give or take %s", format_bytes(slack, false).s);
	fprintf(out, "\n" LABEL "%s at most, %s started\n", "threads",
		format_count(view_u64(v, THREADS_PEAK_THREADS)).s,
		format_count(view_u64(v, THREADS_STARTED_THREADS)).s);
	print_extras(&c->totals, out);
	fprintf(out, LABEL "%s (%s)", "coverage",
		ht_coverage_name(v->id.coverage),
		format_escaped(v->id.provider).s);
	if (v->id.coverage_reason[0])
		fprintf(out, ": %s", format_escaped(v->id.coverage_reason).s);
	fputc('\n', out);
}

static void print_top(const struct collector *c, FILE *out)
{
	static const struct column columns[] = {
		{ "PID", true },     { "PEAK", true },   { "UNFREED", true },
		{ "OBJECTS", true }, { "ALLOCS", true }, { "THREADS", true },
		{ "STATE", false },  { "COMMAND", false },
	};
	struct table *table = table_new(columns, 8);

	for (size_t i = 0; i < c->top_count; i++) {
		const struct collected *p = &c->top[i];

		table_row(table, STYLE_PLAIN);
		table_cell(table, "%d", p->pid);
		table_cell(table, "%s", format_bytes(p->peak_bytes, false).s);
		table_cell(table, "%s", format_bytes(p->live_bytes, false).s);
		table_cell(table, "%s",
			   format_short_count(p->live_objects, false).s);
		table_cell(table, "%s",
			   format_short_count(p->allocs_objects, false).s);
		table_cell(table, "%" PRIu64, p->threads_peak);
		table_cell(table, "%s", ht_state_name(p->state));
		table_cell(table, "%s", format_escaped(p->command).s);
	}
	table_print(table, out, 2);
	table_free(table);
	if (c->totals.processes > c->top_count)
		fprintf(out, "  and %zu more with lower peaks\n",
			c->totals.processes - c->top_count);
}

static void print_several(const struct collector *c, FILE *out)
{
	const struct collected_totals *t = &c->totals;

	print_heap(t, out);
	fprintf(out, " in all\n" LABEL "%s started in all\n", "threads",
		format_count(t->threads_started).s);
	print_extras(t, out);
	if (t->not_full)
		fprintf(out, LABEL "not full in %zu of %zu processes%s%s\n",
			"coverage", t->not_full, t->processes,
			*c->reason ? ": " : "", format_escaped(c->reason).s);
	else
		fprintf(out, LABEL "full (%s)\n", "coverage",
			format_escaped(c->last.id.provider).s);
	fputc('\n', out);
	print_top(c, out);
}

void summary_print(const struct run_result *result, const struct collector *c,
		   FILE *out)
{
	print_head(result, c, out);
	if (c->totals.processes == 1 && !c->totals.none)
		print_one(&c->last, c, out);
	else if (c->totals.processes > 1)
		print_several(c, out);
	print_unseen(c, out);
	if (result->running)
		fprintf(out, "  %zu process%s still running: see "
			"'heaptally list'\n", result->running,
			result->running == 1 ? " is" : "es are");
}
