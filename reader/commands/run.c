/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "reader/allocator.h"
#include "reader/collect.h"
#include "reader/commands/commands.h"
#include "reader/diagnose.h"
#include "reader/document.h"
#include "reader/examination.h"
#include "reader/format.h"
#include "reader/launch.h"
#include "reader/library.h"
#include "reader/output_file.h"
#include "reader/report.h"
#include "reader/run_directory.h"
#include "reader/summary.h"

#define LOOK_BUSY_MS 20   /* between two looks while processes end */
#define LOOK_MS      200  /* and while none does */
#define LOOK_MAX_MS  5000
#define LOOK_SHARE   20   /* looks in vain take at most 1/20 of a CPU */
#define NOT_FOUND    127  /* as shells and env(1) say it */
#define NOT_RUNNABLE 126

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

#define LIBRARIES_MAX 3 /* ours, its companion, an allocator */

/* All that one run consists of. */
struct run {
	const char *allocator;    /* to preload, or NULL */
	const char *libraries[LIBRARIES_MAX + 1]; /* all of them */
	struct run_directory directory;
	const char *untallied;    /* why nothing can be tallied, or NULL */
	const char *library;      /* NULL if untallied */
	struct output_file json;
	struct json *document;    /* NULL without --json */
	struct collector collector;
	struct run_result result;
	char last_name[17];       /* of the command when it ended */
};

static double monotonic_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Whatever is missing here, the command is to run all the same. */
static void prepare(struct run *r)
{
	const char *why;

	r->library = library_find(&why);
	if (r->library) {
		why = run_directory_make(&r->directory);
		if (why)
			r->library = NULL;
	}
	if (!r->library) {
		r->untallied = why;
		report("the command runs untallied: %s", why);
	}
}

/*
 * Is C++ new served by an allocator, past malloc, and may there be C++? A
 * script's children may differ, but nobody can know them.
 */
static bool needs_companion(const struct run *r)
{
	struct examination e;
	bool needed = !examine_command(&e, r->result.argv[0], r->libraries) &&
		      examination_cxx_provider(&e, true);

	examination_release(&e);
	return needed;
}

/* In the order of LD_PRELOAD: what counts stands before what it counts. */
static void list_libraries(struct run *r)
{
	const char *companion = r->library ? library_companion(r->library) :
					     NULL;
	size_t count = r->library != NULL;

	r->libraries[0] = r->library;
	r->libraries[count] = r->allocator;
	if (companion && needs_companion(r)) {
		r->libraries[count++] = companion;
		r->libraries[count] = r->allocator;
	}
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

static void stand_by(struct run *r, struct child *child, double started)
{
	int wait_ms = LOOK_BUSY_MS;

	while (!launch_wait(child, wait_ms, &r->result.wait_status)) {
		double before = monotonic_seconds();

		if (r->library)
			collect_ended(&r->collector);
		wait_ms = look_after_ms(&r->collector,
					monotonic_seconds() - before);
	}
	r->result.wall_seconds = monotonic_seconds() - started;
	if (r->library)
		collect_rest(&r->collector);
	memcpy(r->last_name, child->last_name, sizeof(r->last_name));
	launch_end(child);
}

/* One left in the background may not have got to make its segment yet. */
static void count_running(struct run *r)
{
	r->result.running = r->collector.totals.running;
	if (r->library && !r->result.running)
		r->result.running = run_directory_users(&r->directory);
}

/*
 * It ended in order, but not as the image that was tallied last: that one has
 * become another program, which could not be.
 */
static bool is_replaced(const struct run *r)
{
	const struct target *t = &r->collector.main;

	return r->collector.has_main && WIFEXITED(r->result.wait_status) &&
	       t->snapshot.state == TARGET_KILLED && r->last_name[0] &&
	       strcmp(t->id.comm, r->last_name) != 0;
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
			     format_escaped(r->last_name).s,
			     format_escaped(r->collector.main.id.comm).s);
}

static void explain_missing(struct run *r)
{
	if (r->untallied)
		r->result.not_observed = r->untallied;
	else if (!r->collector.has_main && !only.count)
		r->result.not_observed =
			diagnose_program(r->result.argv[0], r->libraries);
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
	int status = r->result.wait_status;

	if (WIFSIGNALED(status))
		return 128 + WTERMSIG(status);
	if (WEXITSTATUS(status))
		return WEXITSTATUS(status);
	if (!written)
		return STATUS_FAILED;
	return allow_unobserved || is_observed(r) ?
		STATUS_OK : STATUS_NOT_OBSERVED;
}

static int give_up(struct run *r, int error)
{
	report("cannot run '%s': %s", r->result.argv[0], report_errno(error));
	json_free(r->document);
	if (json_name)
		output_file_abandon(&r->json);
	if (r->library)
		run_directory_close(&r->directory, true);
	return error == ENOENT ? NOT_FOUND : NOT_RUNNABLE;
}

/* As the library reads them; NULL for none. Not freed before the end. */
static char *join_globs(void)
{
	size_t room = 1;
	char *joined, *end;

	if (!only.count)
		return NULL;
	for (size_t i = 0; i < only.count; i++)
		room += strlen(only.items[i]) + 1;
	joined = end = report_oom(malloc(room));
	for (size_t i = 0; i < only.count; i++)
		end += sprintf(end, "%s%s", i ? "," : "", only.items[i]);
	return joined;
}

static int run(struct run *r)
{
	struct launch launch = {
		.argv = r->result.argv,
		.libraries = r->libraries,
		.only = join_globs(),
		.no_follow = no_follow,
	};
	struct child child;
	double started;
	bool written;
	int error;

	prepare(r);
	list_libraries(r);
	begin_document(r);
	launch.directory = r->library ? r->directory.path : NULL;
	started = monotonic_seconds();
	error = launch_start(&child, &launch);
	if (error)
		return give_up(r, error);
	/* A reader of our output who leaves must not cost us the status. */
	signal(SIGPIPE, SIG_IGN);
	r->result.pid = r->collector.main_pid = child.pid;
	r->collector.dirfd = r->directory.fd;
	stand_by(r, &child, started);
	count_running(r);
	explain_missing(r);
	if (!quiet)
		summary_print(&r->result, &r->collector, stderr);
	else if (r->result.not_observed && !r->untallied)
		report("'%s' was not observed: %s", r->result.argv[0],
		       r->result.not_observed);
	written = write_document(r);
	if (r->library)
		run_directory_close(&r->directory, !r->result.running);
	return exit_status(r, written);
}

/* Before anything runs: an allocator was asked for, so no other will do. */
static int choose_allocator(struct run *r)
{
	struct elf_facts ours;
	const char *why = NULL;

	if (!allocator_name)
		return STATUS_OK;
	if (elf_inspect("/proc/self/exe", ELF_HEADER, &ours) == ELF_OK)
		r->allocator = allocator_find(allocator_name, &ours, &why);
	elf_release(&ours);
	if (r->allocator)
		return STATUS_OK;
	report("%s", why ? why : "cannot look at /proc/self/exe");
	return STATUS_USAGE;
}

int cmd_run(int argc, char **argv)
{
	static struct run r;
	int status;

	if (argc == 0)
		return report_usage("run", "no command to run");
	r.result.argv = argv;
	status = choose_allocator(&r);
	if (status != STATUS_OK)
		return status;
	if (json_name && !output_file_open(&r.json, json_name))
		return STATUS_FAILED;
	return run(&r);
}
