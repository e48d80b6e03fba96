/* SPDX-License-Identifier: MIT */
#include "reader/collect.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "reader/process.h"
#include "reader/procfile.h"
#include "reader/view_json.h"
#include "shm/segment_name.h"

#define SETTLE_TRIES 20
#define SETTLE_NS    10000000L

static struct collected summarize(const struct view *v)
{
	struct collected one = {
		.pid = v->id.pid,
		.state = v->snapshot.state,
		.peak_bytes = view_u64(v, HEAP_PEAK_BYTES),
		.live_bytes = view_u64(v, HEAP_LIVE_BYTES),
		.live_objects = view_u64(v, HEAP_LIVE_OBJECTS),
		.allocs_objects = view_u64(v, HEAP_ALLOCS_OBJECTS),
		.threads_peak = view_u64(v, THREADS_PEAK_THREADS),
	};

	memcpy(one.command, v->id.command, sizeof(one.command));
	return one;
}

/* Keeps the highest peaks in order; of equal ones the first stays first. */
static void rank(struct collector *c, const struct collected *one)
{
	size_t place = c->top_count;

	while (place > 0 && c->top[place - 1].peak_bytes < one->peak_bytes)
		place--;
	if (place == COLLECT_TOP)
		return;
	if (c->top_count < COLLECT_TOP)
		c->top_count++;
	memmove(&c->top[place + 1], &c->top[place],
		(c->top_count - place - 1) * sizeof(*one));
	c->top[place] = *one;
}

/*
 * A process that became another program counts as running: its new image may
 * be about to replace the segment by one of the same name.
 */
static bool is_running(enum ht_state state)
{
	return state == HT_STATE_LIVE || state == HT_STATE_REPLACED;
}

static void add_up(struct collected_totals *totals, const struct view *v)
{
	totals->processes++;
	totals->running += is_running(v->snapshot.state);
	totals->not_full += v->id.coverage != HT_COVERAGE_FULL;
	totals->none += !view_is_observed(v);
	totals->approximate += v->snapshot.approximate;
	totals->allocs_objects += view_u64(v, HEAP_ALLOCS_OBJECTS);
	totals->allocs_bytes += view_u64(v, HEAP_ALLOCS_BYTES);
	totals->frees_objects += view_u64(v, HEAP_FREES_OBJECTS);
	totals->frees_bytes += view_u64(v, HEAP_FREES_BYTES);
	totals->reallocs_calls += view_u64(v, HEAP_REALLOCS_CALLS);
	totals->failures_calls +=
		view_u64(v, HEAP_ALLOC_FAILURES_CALLS);
	totals->foreign_objects +=
		view_u64(v, HEAP_FOREIGN_FREES_OBJECTS);
	totals->threads_started +=
		view_u64(v, THREADS_STARTED_THREADS);
}

static void count(struct collector *c, const struct view *v)
{
	struct collected one = summarize(v);
	uint64_t unseen_bytes = view_unseen_bytes(v);

	add_up(&c->totals, v);
	rank(c, &one);
	if (unseen_bytes > c->unseen_bytes) {
		c->unseen_bytes = unseen_bytes;
		c->unseen = one;
	}
	if (v->id.coverage_reason[0])
		memcpy(c->reason, v->id.coverage_reason, sizeof(c->reason));
	if (v->id.pid == c->main_pid && v->id.in_our_namespace) {
		c->has_main = true;
		c->main = *v;
	}
	c->last = *v;
	if (c->processes)
		view_append_json(c->processes, v);
}

static struct ht *reader(struct collector *c)
{
	if (!c->reader)
		c->reader = view_handle();
	return c->reader;
}

void collect_end(struct collector *c)
{
	ht_free(c->reader);
	c->reader = NULL;
}

static void collect_segment(struct collector *c, const char *name,
			    bool take_running)
{
	struct ht *h = reader(c);
	int error = ht_open_file(h, c->dirfd, name);
	struct view v;

	c->seen++;
	if (error) {
		/* One that is being set up is read when it is done. */
		c->totals.unreadable += take_running && error != -ENOENT;
		return;
	}
	if ((!take_running && is_running(ht_state(h))) ||
	    view_read(&v, h, VIEW_TALLY) != 0)
		return;
	/* The state was taken before the figures: these are final. */
	if (!is_running(v.snapshot.state)) {
		unlinkat(c->dirfd, name, 0);
		c->ended++;
	}
	count(c, &v);
}

static void each_segment(struct collector *c,
			 void (*visit)(struct collector *c, const char *name))
{
	struct procfile_list list;
	uint64_t starttime_ticks;
	const char *name;
	int pid;

	if (!procfile_list_open(&list, c->dirfd, "."))
		return;
	while ((name = procfile_list_next(&list)))
		if (segment_name_parse(name, SEGMENT_PREFIX, &pid,
				       &starttime_ticks))
			visit(c, name);
	procfile_list_close(&list);
}

static void visit_ended(struct collector *c, const char *name)
{
	collect_segment(c, name, false);
}

static void visit_any(struct collector *c, const char *name)
{
	collect_segment(c, name, true);
}

void collect_ended(struct collector *c)
{
	c->seen = c->ended = 0;
	each_segment(c, visit_ended);
}

/* A lock goes with the last user of the memory, perhaps after the process. */
static bool is_settled(struct collector *c, const char *name)
{
	struct ht *h = reader(c);
	const struct ht_identity *id;

	if (ht_open_file(h, c->dirfd, name) != 0)
		return true;
	id = ht_identity(h);
	return ht_state(h) != HT_STATE_LIVE || !id->in_our_namespace ||
	       process_runs(id->pid, id->starttime_ticks);
}

/* Waits a little where the lock of a process outlives it. */
static void visit_settling(struct collector *c, const char *name)
{
	const struct timespec pause = { .tv_nsec = SETTLE_NS };

	for (int tries = 0; tries < SETTLE_TRIES; tries++) {
		if (is_settled(c, name))
			break;
		nanosleep(&pause, NULL);
	}
}

void collect_rest(struct collector *c)
{
	collect_ended(c);
	each_segment(c, visit_settling);
	each_segment(c, visit_any);
}
