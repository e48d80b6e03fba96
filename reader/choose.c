/* SPDX-License-Identifier: MIT */
#include "reader/choose.h"

#include <errno.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdlib.h>

#include "reader/diagnose.h"
#include "reader/format.h"
#include "reader/report.h"
#include "reader/troubles.h"
#include "reader/view.h"

int choose_list(struct ht *h, unsigned flags, struct ht_place **ret,
		size_t *ret_count)
{
	int error = ht_list(h, NULL, flags, ret, ret_count);

	if (!error)
		return STATUS_OK;
	report("cannot look for segments in '%s': %s", ht_directory(),
	       report_errno(-error));
	return STATUS_NOT_OBSERVED;
}

void choose_hint(void)
{
	report("no process is being tallied in '%s': start one with "
	       "'heaptally run -- COMMAND' or after eval \"$(heaptally env)\"",
	       ht_directory());
}

/* ---- by PID ---- */

/* Returns the pid, 0 for what is none. */
static int parse_pid(const char *operand)
{
	char *end;
	long pid;

	errno = 0;
	pid = strtol(operand, &end, 10);
	return *operand < '0' || *operand > '9' || *end || errno ||
	       pid > INT_MAX ? 0 : (int)pid;
}

static void report_missing(const struct ht *h, int pid, int error)
{
	switch (error) {
	case -ENOENT:
		report("%d: %s", pid, diagnose_process(pid));
		return;
	case -EACCES:
	case -EPERM:
		report("%d: its segment belongs to another user: run as root",
		       pid);
		return;
	default:
		report("%d: its segment cannot be used: %s", pid,
		       ht_message(h));
	}
}

static int visit_pid(struct ht *h, int pid, choose_visit *visit,
		     void *argument)
{
	int error = ht_open_pid(h, NULL, pid);

	if (!error)
		return visit(h, argument);
	report_missing(h, pid, error);
	return STATUS_NOT_OBSERVED;
}

static int visit_pids(struct ht *h, const struct choice *c,
		      choose_visit *visit, void *argument)
{
	int worst = STATUS_OK;

	for (size_t i = 0; i < c->pid_count; i++)
		if (!parse_pid(c->pids[i]))
			return report_usage(c->command,
					    "'%s' is not a process id",
					    c->pids[i]);
	for (size_t i = 0; i < c->pid_count; i++) {
		int status = visit_pid(h, parse_pid(c->pids[i]), visit,
				       argument);

		if (status != STATUS_OK)
			worst = status;
	}
	return worst;
}

/* ---- by name, or the only one ---- */

struct candidates {
	struct ht_place *places; /* all, those chosen first */
	size_t count;            /* in all */
	size_t chosen;
	size_t ended;            /* would match, were they not over */
};

static bool matches(struct ht *h, const struct choice *c)
{
	return !c->glob ||
	       fnmatch(c->glob, ht_identity(h)->command, 0) == 0;
}

/* Moves those that match, and are alive or not, to the front. */
static void pick(struct candidates *all, struct ht *h, const struct choice *c,
		 bool live)
{
	struct troubles troubles = { 0 };

	for (size_t i = 0; i < all->count; i++) {
		struct ht_place place = all->places[i];
		int error = ht_open_place(h, NULL, &place);

		if (error) {
			if (live) /* the first of two passes */
				trouble_note(&troubles, h, &place, error);
			continue;
		}
		if (!matches(h, c))
			continue;
		if ((ht_state(h) == HT_STATE_LIVE) != live) {
			all->ended += live;
			continue;
		}
		/* What stood there was looked at, and not chosen. */
		all->places[i] = all->places[all->chosen];
		all->places[all->chosen++] = place;
	}
	troubles_print(&troubles);
}

/* Says which processes there are to choose from. */
static int refuse_several(const struct candidates *all, struct ht *h,
			  const char *command)
{
	for (size_t i = 0; i < all->chosen; i++)
		if (ht_open_place(h, NULL, &all->places[i]) == 0)
			report("tallied: %d (%s)", ht_identity(h)->pid,
			       format_escaped(ht_identity(h)->command).s);
	return report_usage(command, "%zu processes to choose from, name one "
			    "by its PID", all->chosen);
}

static int refuse_none(const struct choice *c, size_t ended)
{
	if (c->glob)
		report("no tallied process is named '%s', "
		       "see 'heaptally list'", c->glob);
	else if (ended)
		report("no tallied process is alive, %zu %s ended: name the "
		       "PID, see 'heaptally list'", ended,
		       ended == 1 ? "has" : "have");
	else
		choose_hint();
	return STATUS_NOT_OBSERVED;
}

static int visit_chosen(const struct candidates *all, struct ht *h,
			choose_visit *visit, void *argument)
{
	int worst = STATUS_OK;

	for (size_t i = 0; i < all->chosen; i++) {
		int status = STATUS_NOT_OBSERVED;

		if (ht_open_place(h, NULL, &all->places[i]) == 0)
			status = visit(h, argument);
		else
			report("%d: %s", all->places[i].pid, ht_message(h));
		if (status != STATUS_OK)
			worst = status;
	}
	return worst;
}

static int visit_matching(struct candidates *all, struct ht *h,
			  const struct choice *c, choose_visit *visit,
			  void *argument)
{
	pick(all, h, c, true);
	/* Without a name only a live process is meant: ended ones pile up. */
	if (all->chosen == 0 && c->glob)
		pick(all, h, c, false);
	if (all->chosen == 0)
		return refuse_none(c, all->ended);
	if (all->chosen > 1 && (c->single || !c->glob))
		return refuse_several(all, h, c->command);
	return visit_chosen(all, h, visit, argument);
}

int choose(const struct choice *choice, choose_visit *visit, void *argument)
{
	struct candidates all = { .places = NULL };
	struct ht *h = view_handle();
	int status;

	if (choice->pid_count && choice->glob) {
		ht_free(h);
		return report_usage(choice->command,
				    "--name and a PID exclude each other");
	}
	status = choose_list(h, 0, &all.places, &all.count);
	if (status == STATUS_OK)
		status = choice->pid_count ?
			visit_pids(h, choice, visit, argument) :
			visit_matching(&all, h, choice, visit, argument);
	free(all.places);
	ht_free(h);
	return status;
}
