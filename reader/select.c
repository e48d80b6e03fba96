/* SPDX-License-Identifier: MIT */
#include "reader/select.h"

#include <errno.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "reader/container.h"
#include "reader/diagnose.h"
#include "reader/format.h"
#include "reader/process.h"
#include "reader/report.h"

int select_scan(struct discovery *ret)
{
	int error = discover_scan(ret);

	if (!error)
		return STATUS_OK;
	report("cannot look for segments in '%s': %s", discover_directory(),
	       report_errno(-error));
	return STATUS_NOT_OBSERVED;
}

void select_hint(const struct discovery *d)
{
	report("no process is being tallied in '%s': start one with "
	       "'heaptally run -- COMMAND' or after eval \"$(heaptally env)\"",
	       d->directory);
}

static void append(struct selection *s, const struct place *place)
{
	s->places = report_oom(reallocarray(s->places, s->count + 1,
					    sizeof(*s->places)));
	s->places[s->count++] = *place;
}

void select_release(struct selection *s)
{
	free(s->places);
	*s = (struct selection){ 0 };
}

/* The greater, the better; equal ranks are decided by age. */
static int rank(const struct attachment *a, uint64_t namespace_inode)
{
	uint64_t theirs = attach_identity(a)->pidns_inode;

	return (theirs == 0 || theirs == namespace_inode ? 2 : 0) +
	       (attach_state(a) == TARGET_LIVE ? 1 : 0);
}

static bool is_better(const struct attachment *a, const struct attachment *best,
		      uint64_t namespace_inode)
{
	int difference = rank(a, namespace_inode) -
			 rank(best, namespace_inode);

	if (difference)
		return difference > 0;
	return attach_identity(a)->started_realtime_ns >
	       attach_identity(best)->started_realtime_ns;
}

/* Among the places from `first` on; best those of that pid namespace. */
static enum attach_error select_from(const struct discovery *d, size_t first,
				     uint64_t namespace_inode, int pid,
				     const struct place **ret_place,
				     struct attachment **ret)
{
	enum attach_error last_error = ATTACH_GONE;
	struct attachment *best = NULL;

	for (size_t i = first; i < d->count; i++) {
		struct attachment *a = NULL;
		enum attach_error error;

		if (d->places[i].pid != pid)
			continue;
		error = discover_attach(d, &d->places[i], &a);
		if (error) {
			last_error = error;
			continue;
		}
		if (best && !is_better(a, best, namespace_inode)) {
			attach_close(a);
			continue;
		}
		attach_close(best);
		best = a;
		*ret_place = &d->places[i];
	}
	if (!best)
		return last_error;
	*ret = best;
	return ATTACH_OK;
}

enum attach_error select_pid(const struct discovery *d, int pid,
			     const struct place **ret_place,
			     struct attachment **ret)
{
	return select_from(d, 0, process_namespace(), pid, ret_place, ret);
}

/* In the directory, and by the pid, that the process itself goes by. */
static enum attach_error select_inside(struct discovery *d, int pid,
				       const struct place **ret_place,
				       struct attachment **ret)
{
	size_t first = d->count;
	int inner_pid = container_inner_pid(pid);

	if (!inner_pid || discover_scan_inside(d, pid) != 0)
		return ATTACH_GONE;
	return select_from(d, first, container_namespace(pid), inner_pid,
			   ret_place, ret);
}

static void report_missing(int pid, enum attach_error error)
{
	switch (error) {
	case ATTACH_GONE:
		report("%d: %s", pid, diagnose_process(pid));
		return;
	case ATTACH_DENIED:
	case ATTACH_FOREIGN:
		report("%d: its segment belongs to another user: run as root",
		       pid);
		return;
	default:
		report("%d: its segment cannot be used: %s", pid,
		       attach_error_text(error));
	}
}

static int add_pid(struct selection *s, struct discovery *d,
		   const char *command, const char *operand)
{
	const struct place *place = NULL;
	struct attachment *a = NULL;
	enum attach_error error;
	char *end;
	long pid;

	errno = 0;
	pid = strtol(operand, &end, 10);
	if (*operand < '0' || *operand > '9' || *end || errno || pid < 1 ||
	    pid > INT_MAX)
		return report_usage(command, "'%s' is not a process id",
				    operand);
	error = select_pid(d, (int)pid, &place, &a);
	if (error == ATTACH_GONE)
		error = select_inside(d, (int)pid, &place, &a);
	if (!error) {
		attach_close(a);
		append(s, place);
		return STATUS_OK;
	}
	report_missing((int)pid, error);
	return STATUS_NOT_OBSERVED;
}

static int add_pids(struct selection *s, struct discovery *d,
		    const struct select_request *request)
{
	int worst = STATUS_OK;

	for (size_t i = 0; i < request->pid_count; i++) {
		int status = add_pid(s, d, request->command, request->pids[i]);

		if (status == STATUS_USAGE)
			return status;
		if (status != STATUS_OK)
			worst = status;
	}
	return worst;
}

static void add_matching(struct selection *s, const struct discovery *d,
			 const char *glob, bool live,
			 struct discover_troubles *troubles)
{
	for (size_t i = 0; i < d->count; i++) {
		struct attachment *a = NULL;
		enum attach_error error = discover_attach(d, &d->places[i], &a);

		if (error) {
			if (live) /* the first of two passes */
				discover_trouble(troubles, d, &d->places[i],
						 error);
			continue;
		}
		if ((attach_state(a) == TARGET_LIVE) == live &&
		    (!glob ||
		     fnmatch(glob, attach_identity(a)->comm, 0) == 0))
			append(s, &d->places[i]);
		attach_close(a);
	}
}

/* Says which processes there are to choose from. */
static int refuse_several(const struct selection *s, const struct discovery *d,
			  const char *command)
{
	for (size_t i = 0; i < s->count; i++) {
		struct attachment *a = NULL;

		if (discover_attach(d, &s->places[i], &a))
			continue;
		report("tallied: %d (%s)", attach_identity(a)->pid,
		       format_escaped(attach_identity(a)->comm).s);
		attach_close(a);
	}
	return report_usage(command, "%zu processes to choose from, name one "
			    "by its PID", s->count);
}

static int refuse_none(const struct discovery *d, const char *glob,
		       size_t ended)
{
	if (glob)
		report("no tallied process is named '%s', "
		       "see 'heaptally list'", glob);
	else if (ended)
		report("no tallied process is alive, %zu %s ended: name the "
		       "PID, see 'heaptally list'", ended,
		       ended == 1 ? "has" : "have");
	else
		select_hint(d);
	return STATUS_NOT_OBSERVED;
}

static int choose(struct selection *s, const struct discovery *d,
		  const struct select_request *request)
{
	struct discover_troubles troubles = { 0 };
	struct selection ended = { 0 };
	int status = STATUS_OK;

	add_matching(s, d, request->glob, true, &troubles);
	if (s->count == 0)
		add_matching(&ended, d, request->glob, false, &troubles);
	discover_trouble_notes(&troubles);
	/* Without a name only a live process is meant: ended ones pile up. */
	if (s->count == 0 && request->glob) {
		*s = ended;
		ended = (struct selection){ 0 };
	}
	if (s->count == 0)
		status = refuse_none(d, request->glob, ended.count);
	else if (s->count > 1 && (request->single || !request->glob))
		status = refuse_several(s, d, request->command);
	select_release(&ended);
	return status;
}

int select_targets(struct selection *ret, struct discovery *d,
		   const struct select_request *request)
{
	*ret = (struct selection){ 0 };
	if (request->pid_count && request->glob)
		return report_usage(request->command,
				    "--name and a PID exclude each other");
	if (request->pid_count)
		return add_pids(ret, d, request);
	return choose(ret, d, request);
}
