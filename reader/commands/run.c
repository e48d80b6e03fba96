/* SPDX-License-Identifier: MIT */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "reader/allocator.h"
#include "reader/collect.h"
#include "reader/commands/commands.h"
#include "reader/diagnose.h"
#include "reader/document.h"
#include "reader/format.h"
#include "reader/output_file.h"
#include "reader/report.h"
#include "reader/summary.h"
#include "reader/tallied_command.h"

#define LOOK_BUSY_MS 20   /* between two looks while processes end */
#define LOOK_MS      200  /* and while none does */
#define LOOK_MAX_MS  5000
#define LOOK_SHARE   20   /* looks in vain take at most 1/20 of a CPU */

static const char *json_name;
static struct string_list only;
static const char *allocator_name;
static bool allow_unobserved, no_follow, quiet;

const struct option_row run_options[] = {
	{ 0, "allocator", "NAME", OPTION_STRING, &allocator_name,
	  "run it on jemalloc, tcmalloc, mimalloc or the library at a path" },
	{ 0, "allow-unobserved", NULL, OPTION_FLAG, &allow_unobserved,
	  "status 0, not 3, where it succeeds but cannot be observed" },
	{ 0, "json", "FILE", OPTION_STRING, &json_name,
	  "write every metric of every process as JSON; '-' = stdout" },
	{ 0, "no-follow", NULL, OPTION_FLAG, &no_follow,
	  "tally the command alone, not what it starts" },
	{ 0, "only", "GLOB", OPTION_STRINGS, &only,
	  "tally only processes whose command matches" },
	{ 'q', "quiet", NULL, OPTION_FLAG, &quiet,
	  "no summary; what could not be observed is still told" },
	{ 0 }
};

/* All that one run consists of. */
struct run {
	struct tallied_command command;
	struct output_file json;
	struct json *document;    /* NULL without --json */
	struct collector collector;
	struct run_result result;
};

static double monotonic_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void begin_document(struct run *r)
{
	if (!json_name)
		return;
	r->document = document_new();
	r->collector.processes = document_processes(r->document);
}

/*
 * How long to wait after a look that took so long. Where processes end, look
 * again soon, as their files would pile up; the time spent on those that
 * live on is time lost.
 */
static int look_after_ms(const struct collector *c, double look_seconds)
{
	size_t in_vain = c->seen - c->ended;
	double least_ms = c->ended ? LOOK_BUSY_MS : LOOK_MS;
	double wait_ms = 0;

	if (in_vain)
		wait_ms = look_seconds * 1000 * LOOK_SHARE *
			  ((double)in_vain / (double)c->seen);
	if (wait_ms < least_ms)
		wait_ms = least_ms;
	return wait_ms > LOOK_MAX_MS ? LOOK_MAX_MS : (int)wait_ms;
}

static void stand_by(struct run *r, double started)
{
	struct tallied_command *command = &r->command;
	int wait_ms = LOOK_BUSY_MS;

	while (!launch_wait(&command->child, wait_ms,
			    &r->result.wait_status)) {
		double before = monotonic_seconds();

		if (command->library)
			collect_ended(&r->collector);
		wait_ms = look_after_ms(&r->collector,
					monotonic_seconds() - before);
	}
	r->result.wall_seconds = monotonic_seconds() - started;
	if (command->library)
		collect_rest(&r->collector);
	collect_end(&r->collector);
	launch_end(&command->child);
}

/* One left in the background may not have got to make its segment yet. */
static void count_running(struct run *r)
{
	r->result.running = r->collector.totals.running;
	if (r->command.library && !r->result.running)
		r->result.running = run_directory_users(&r->command.directory);
}

/*
 * It ended in order, but not as the image that was tallied last: that one has
 * become another program, which could not be.
 */
static bool is_replaced(const struct run *r)
{
	const struct view *v = &r->collector.main;
	const char *last_name = r->command.child.last_name;

	return r->collector.has_main && WIFEXITED(r->result.wait_status) &&
	       v->snapshot.state == HT_STATE_KILLED && last_name[0] &&
	       strcmp(v->id.command, last_name) != 0;
}

static bool is_observed(const struct run *r)
{
	size_t untold = r->collector.totals.none + is_replaced(r);

	return r->collector.totals.processes > untold;
}

/* What became of it is not known by path: it is named as the kernel did. */
static const char *explain_replaced(const struct run *r)
{
	static char *clause;

	return report_clause(&clause, "it became '%s', which was not tallied; "
			     "the figures are those of '%s' before",
			     format_escaped(r->command.child.last_name).s,
			     format_escaped(r->collector.main.id.command).s);
}

static void explain_missing(struct run *r)
{
	if (r->command.untallied)
		r->result.not_observed = r->command.untallied;
	else if (!r->collector.has_main && !only.count)
		r->result.not_observed =
			diagnose_program(r->result.argv[0], r->command.libraries);
	else if (!r->collector.totals.processes)
		r->result.not_observed =
			"no process matches --only, or none could be tallied";
	else if (is_replaced(r))
		r->result.not_observed = explain_replaced(r);
	else if (!is_observed(r))
		r->result.not_observed = r->collector.reason;
}

static void end_document(struct run *r)
{
	struct json *command;
	int status = r->result.wait_status;
	double microseconds = r->result.wall_seconds * 1e6;

	document_stamp(r->document);
	command = json_put_array(r->document, "command");
	for (char **argument = r->result.argv; *argument; argument++)
		json_append_string(command, *argument);
	if (WIFEXITED(status))
		json_put_i64(r->document, "exit_status", WEXITSTATUS(status));
	else
		json_put_i64(r->document, "exit_signal", WTERMSIG(status));
	json_put_f64(r->document, "wall_seconds",
		     (double)(uint64_t)microseconds / 1e6);
	if (r->result.not_observed)
		json_put_string(r->document, "not_observed",
				r->result.not_observed);
}

/* False when the document did not get to its place. */
static bool write_document(struct run *r)
{
	bool complete;

	if (!r->document)
		return true;
	end_document(r);
	complete = json_write(r->document, r->json.stream, false);
	json_free(r->document);
	return output_file_finish(&r->json) && complete;
}

/* The command's own status comes first; ours only where it succeeded. */
static int exit_status(const struct run *r, bool written)
{
	int status = tallied_command_status(r->result.wait_status);

	if (status)
		return status;
	if (!written)
		return STATUS_FAILED;
	return allow_unobserved || is_observed(r) ?
		STATUS_OK : STATUS_NOT_OBSERVED;
}

static int give_up(struct run *r, int status)
{
	json_free(r->document);
	if (json_name)
		output_file_abandon(&r->json);
	tallied_command_release(&r->command, false);
	return status;
}

static int run(struct run *r, const struct tallied_request *request)
{
	double started;
	bool written;
	int status;

	tallied_command_prepare(&r->command, request);
	begin_document(r);
	started = monotonic_seconds();
	status = tallied_command_start(&r->command, NULL);
	if (status)
		return give_up(r, status);
	/* A reader of our output who leaves must not cost us the status. */
	signal(SIGPIPE, SIG_IGN);
	r->result.pid = r->collector.main_pid = r->command.pid;
	r->collector.dirfd = r->command.directory.fd;
	stand_by(r, started);
	count_running(r);
	explain_missing(r);
	if (!quiet)
		summary_print(&r->result, &r->collector, stderr);
	else if (r->result.not_observed && !r->command.untallied)
		report("'%s' was not observed: %s", r->result.argv[0],
		       r->result.not_observed);
	written = write_document(r);
	tallied_command_release(&r->command, r->result.running);
	return exit_status(r, written);
}

/* Before anything runs: an allocator was asked for, so no other will do. */
static int choose_allocator(const char **ret_library)
{
	struct elf_facts ours;
	const char *why = NULL;

	if (!allocator_name)
		return STATUS_OK;
	if (elf_inspect("/proc/self/exe", ELF_HEADER, &ours) == ELF_OK)
		*ret_library = allocator_find(allocator_name, &ours, &why);
	elf_release(&ours);
	if (*ret_library)
		return STATUS_OK;
	report("%s", why ? why : "cannot look at /proc/self/exe");
	return STATUS_USAGE;
}

int cmd_run(int argc, char **argv)
{
	struct tallied_request request = {
		.argv = argv, .only = &only, .no_follow = no_follow,
	};
	static struct run r;
	int status;

	if (argc == 0)
		return report_usage("run", "no command to run");
	r.result.argv = argv;
	status = choose_allocator(&request.allocator);
	if (status != STATUS_OK)
		return status;
	if (json_name && !output_file_open(&r.json, json_name))
		return STATUS_FAILED;
	return run(&r, &request);
}
