/* SPDX-License-Identifier: MIT */
#include "reader/recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <gnu/libc-version.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "reader/document.h"
#include "reader/format.h"
#include "reader/report.h"
#include "reader/view_json.h"

struct recorded {
	char instance[33];
	int pid;          /* in its own namespace */
	bool seen;        /* in this look */
	bool is_replaced; /* that was said */
};

/* Recorded of each sample, under the metric's key. To add one: a row. */
static const char *const sampled[] = {
	HEAP_LIVE_BYTES,
	HEAP_LIVE_OBJECTS,
	HEAP_PEAK_BYTES,
	HEAP_FREES_OBJECTS,
	HEAP_FOREIGN_FREES_OBJECTS,
	THREADS_LIVE_THREADS,
	PROCESS_RESIDENT_BYTES,
};

#define SAMPLED_COUNT (sizeof(sampled) / sizeof(sampled[0]))

/* ---- the file ---- */

static int refuse(const char *name)
{
	if (errno == EEXIST)
		return report_usage("record", "'%s' exists: give another "
				    "name, or --force to lose what it holds",
				    name);
	report("cannot write '%s': %s", name, report_errno(errno));
	return STATUS_FAILED;
}

int recorder_open(struct recorder *ret, const char *name, bool force)
{
	struct stat st;
	int fd;

	*ret = (struct recorder){ .name = name, .stream = stdout };
	if (strcmp(name, "-") == 0)
		return STATUS_OK;
	/* A device or pipe holds nothing that could be lost. */
	if (stat(name, &st) == 0 && !S_ISREG(st.st_mode))
		force = true;
	/* O_NONBLOCK: a FIFO that nobody reads is an error, not a wait. */
	fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC | O_NONBLOCK |
		  (force ? O_TRUNC : O_EXCL), 0666);
	if (fd < 0)
		return refuse(name);
	fcntl(fd, F_SETFL, 0);
	ret->stream = report_oom(fdopen(fd, "we"));
	return STATUS_OK;
}

static bool is_file(const struct recorder *r)
{
	return r->stream && r->stream != stdout;
}

void recorder_abandon(struct recorder *r)
{
	struct stat st;

	if (!is_file(r))
		return;
	if (fstat(fileno(r->stream), &st) == 0 && S_ISREG(st.st_mode))
		unlink(r->name);
	fclose(r->stream);
	r->stream = NULL;
}

/* From here on nothing is written; the program itself goes on. */
static void fail(struct recorder *r)
{
	r->failed = true;
	if (errno != EPIPE)
		report("cannot write '%s': %s, recording stopped", r->name,
		       report_errno(errno));
	if (is_file(r))
		fclose(r->stream);
	r->stream = NULL;
}

/* Writes a line and frees it. */
static void put(struct recorder *r, struct json *line)
{
	if (r->stream && (!json_write(line, r->stream, true) ||
			  fflush(r->stream) != 0))
		fail(r);
	json_free(line);
}

static struct json *line_new(const char *type)
{
	struct json *line = json_new();

	json_put_string(line, "type", type);
	return line;
}

/* ---- lines ---- */

void recorder_head(struct recorder *r, double interval_seconds, char **argv,
		   int pid)
{
	struct json *line = document_new(), *command;
	struct utsname host = { .nodename = "" };
	char libc[64];

	uname(&host);
	snprintf(libc, sizeof(libc), "glibc %s", gnu_get_libc_version());
	json_put_string(line, "type", "head");
	document_stamp(line);
	json_put_string(line, "host", host.nodename);
	json_put_string(line, "architecture", host.machine);
	json_put_string(line, "libc", libc);
	json_put_f64(line, "interval_seconds", interval_seconds);
	if (argv) {
		command = json_put_array(line, "command");
		for (; *argv; argv++)
			json_append_string(command, *argv);
		json_put_i64(line, "pid", pid);
	}
	put(r, line);
}

/* As in every other JSON of ours, with all metrics or none. */
static void put_process(struct recorder *r, const char *type,
			const struct view *v, bool metrics)
{
	struct json *line = line_new(type);

	json_put_u64(line, "monotonic_ns", v->snapshot.monotonic_ns);
	view_put_identity(line, v);
	if (metrics)
		view_put_metrics(line, v);
	put(r, line);
}

/*
 * Was less than nothing live? A free that raced with the reading, or frees of
 * blocks that are not known. The lowest values decide later, so that just
 * these must be told apart.
 */
static bool is_torn(const struct view *v)
{
	return v->snapshot.approximate && !v->id.baseline_approximate;
}

static void put_sample(struct recorder *r, const struct view *v)
{
	struct json *line = line_new("sample");

	json_put_u64(line, "monotonic_ns", v->snapshot.monotonic_ns);
	json_put_string(line, "time",
			format_time(v->snapshot.realtime_ns, true).s);
	json_put_i64(line, "pid", v->id.pid);
	json_put_string(line, "instance", v->id.instance);
	if (is_torn(v))
		json_put_bool(line, "approximate", true);
	for (size_t i = 0; i < SAMPLED_COUNT; i++)
		if (view_sample(v, sampled[i]))
			json_put_u64(line, sampled[i], view_u64(v, sampled[i]));
	put(r, line);
	r->samples++;
}

static void put_replaced(struct recorder *r, const struct view *v)
{
	struct json *line = line_new("replaced");

	json_put_u64(line, "monotonic_ns", v->snapshot.monotonic_ns);
	json_put_string(line, "instance", v->id.instance);
	put(r, line);
}

void recorder_mark(struct recorder *r, uint64_t count, const char *name)
{
	struct json *line = line_new("mark");
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	json_put_u64(line, "monotonic_ns", (uint64_t)now.tv_sec * 1000000000 +
					   (uint64_t)now.tv_nsec);
	json_put_u64(line, "count", count);
	if (*name)
		json_put_string(line, "name", name);
	put(r, line);
	r->marks += count;
}

/* ---- looks ---- */

static struct recorded *find(const struct recorder *r, const char *instance)
{
	for (size_t i = 0; i < r->alive_count; i++)
		if (strcmp(r->alive[i].instance, instance) == 0)
			return &r->alive[i];
	return NULL;
}

static struct recorded *remember(struct recorder *r, const struct view *v)
{
	struct recorded *new;

	if (r->alive_count == r->alive_room) {
		r->alive_room = 2 * r->alive_room + 16;
		r->alive = report_oom(reallocarray(r->alive, r->alive_room,
						   sizeof(*r->alive)));
	}
	new = &r->alive[r->alive_count++];
	*new = (struct recorded){ .pid = v->id.pid };
	memcpy(new->instance, v->id.instance, sizeof(new->instance));
	r->processes++;
	r->observed += view_is_observed(v);
	put_process(r, "process", v, false);
	return new;
}

static void forget(struct recorder *r, struct recorded *gone)
{
	*gone = r->alive[--r->alive_count];
}

void recorder_look_begin(struct recorder *r)
{
	r->live_bytes = 0;
	for (size_t i = 0; i < r->alive_count; i++)
		r->alive[i].seen = false;
}

/* Its figures are final, and its process may yet go on for long. */
static void set_replaced(struct recorder *r, struct recorded *one,
			 const struct view *v)
{
	if (one->is_replaced)
		return;
	put_sample(r, v);
	put_replaced(r, v);
	one->is_replaced = true;
}

void recorder_add(struct recorder *r, const struct view *v)
{
	struct recorded *one = find(r, v->id.instance);

	if (!one)
		one = remember(r, v);
	one->seen = true;
	if (v->snapshot.state == HT_STATE_REPLACED) {
		set_replaced(r, one, v);
		return;
	}
	if (!one->is_replaced)
		put_sample(r, v);
	r->live_bytes += view_u64(v, HEAP_LIVE_BYTES);
	if (v->snapshot.state == HT_STATE_LIVE)
		return;
	put_process(r, "end", v, true);
	forget(r, one);
}

void recorder_look_end(struct recorder *r)
{
	for (size_t i = r->alive_count; i > 0; i--)
		if (!r->alive[i - 1].seen)
			forget(r, &r->alive[i - 1]);
}

bool recorder_has_alive(const struct recorder *r, int pid)
{
	for (size_t i = 0; i < r->alive_count; i++)
		if (r->alive[i].pid == pid)
			return true;
	return false;
}

bool recorder_has_instance(const struct recorder *r, const char *instance)
{
	return find(r, instance) != NULL;
}

static void put_finish(struct recorder *r,
		       const struct recorder_ending *ending)
{
	struct json *line = line_new("finish");
	int status = ending->wait_status;

	document_stamp(line);
	json_put_u64(line, "samples", r->samples);
	json_put_u64(line, "processes", r->processes);
	json_put_u64(line, "marks", r->marks);
	if (ending->has_status && WIFEXITED(status))
		json_put_i64(line, "exit_status", WEXITSTATUS(status));
	else if (ending->has_status)
		json_put_i64(line, "exit_signal", WTERMSIG(status));
	if (ending->was_stopped)
		json_put_bool(line, "stopped", true);
	if (ending->not_observed)
		json_put_string(line, "not_observed", ending->not_observed);
	put(r, line);
}

bool recorder_finish(struct recorder *r, const struct recorder_ending *ending)
{
	put_finish(r, ending);
	free(r->alive);
	r->alive = NULL;
	if (is_file(r) && fclose(r->stream) != 0) {
		r->stream = NULL;
		fail(r);
	}
	r->stream = NULL;
	return !r->failed;
}
