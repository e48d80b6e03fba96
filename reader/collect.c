/* SPDX-License-Identifier: MIT */
#include "reader/collect.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "reader/document.h"
#include "reader/process.h"
#include "shm/segment_name.h"

#define SETTLE_TRIES 20
#define SETTLE_NS    10000000L

static struct collected summarize(const struct target *t)
{
	const struct snapshot *s = &t->snapshot;
	struct collected one = {
		.pid = t->id.pid,
		.state = s->state,
		.peak_bytes = snapshot_u64(s, METRIC_HEAP_PEAK_BYTES),
		.live_bytes = snapshot_u64(s, METRIC_HEAP_LIVE_BYTES),
		.live_objects = snapshot_u64(s, METRIC_HEAP_LIVE_OBJECTS),
		.allocs_objects = snapshot_u64(s, METRIC_HEAP_ALLOCS_OBJECTS),
		.threads_peak = snapshot_u64(s, METRIC_THREADS_PEAK_THREADS),
	};

	memcpy(one.command, t->id.comm, sizeof(one.command));
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
static bool is_running(enum target_state state)
{
	return state == TARGET_LIVE || state == TARGET_REPLACED;
}

static void add_up(struct collected_totals *totals, const struct target *t)
{
	const struct snapshot *s = &t->snapshot;

	totals->processes++;
	totals->running += is_running(s->state);
	totals->not_full += strcmp(t->id.coverage, "full") != 0;
	totals->none += !target_is_observed(t);
	totals->approximate += s->approximate;
	totals->allocs_objects += snapshot_u64(s, METRIC_HEAP_ALLOCS_OBJECTS);
	totals->allocs_bytes += snapshot_u64(s, METRIC_HEAP_ALLOCS_BYTES);
	totals->frees_objects += snapshot_u64(s, METRIC_HEAP_FREES_OBJECTS);
	totals->frees_bytes += snapshot_u64(s, METRIC_HEAP_FREES_BYTES);
	totals->reallocs_calls += snapshot_u64(s, METRIC_HEAP_REALLOCS_CALLS);
	totals->failures_calls +=
		snapshot_u64(s, METRIC_HEAP_ALLOC_FAILURES_CALLS);
	totals->foreign_objects +=
		snapshot_u64(s, METRIC_HEAP_FOREIGN_FREES_OBJECTS);
	totals->threads_started +=
		snapshot_u64(s, METRIC_THREADS_STARTED_THREADS);
}

static void count(struct collector *c, const struct target *t)
{
	struct collected one = summarize(t);
	uint64_t unseen_bytes = target_unseen_bytes(t);

	add_up(&c->totals, t);
	rank(c, &one);
	if (unseen_bytes > c->unseen_bytes) {
		c->unseen_bytes = unseen_bytes;
		c->unseen = one;
	}
	if (t->id.coverage_reason[0])
		memcpy(c->reason, t->id.coverage_reason, sizeof(c->reason));
	if (t->id.pid == c->main_pid && t->is_here) {
		c->has_main = true;
		c->main = *t;
	}
	c->last = *t;
	if (c->processes)
		document_add(c->processes, t);
}

static void collect_segment(struct collector *c, const char *name,
			    bool take_running)
{
	struct attachment *a = NULL;
	enum attach_error error = attach_open(&a, c->dirfd, name, 0);
	struct target t;

	c->seen++;
	if (error) {
		/* One that is being set up is read when it is done. */
		c->totals.unreadable += take_running && error != ATTACH_GONE;
		return;
	}
	if ((take_running || !is_running(attach_state(a))) &&
	    target_read(&t, a) == ATTACH_OK) {
		/* The state was taken before the figures: these are final. */
		if (!is_running(t.snapshot.state)) {
			unlinkat(c->dirfd, name, 0);
			c->ended++;
		}
		count(c, &t);
	}
	attach_close(a);
}

static void each_segment(struct collector *c,
			 void (*visit)(struct collector *c, const char *name))
{
	int fd = openat(c->dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *entry;
	uint64_t starttime_ticks;
	int pid;

	if (!directory) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((entry = readdir(directory)))
		if (segment_name_parse(entry->d_name, SEGMENT_PREFIX, &pid,
				       &starttime_ticks))
			visit(c, entry->d_name);
	closedir(directory);
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
static bool is_settled(const struct collector *c, const char *name)
{
	const struct target_identity *id;
	struct attachment *a = NULL;
	bool settled;

	if (attach_open(&a, c->dirfd, name, 0) != ATTACH_OK)
		return true;
	id = attach_identity(a);
	settled = attach_state(a) != TARGET_LIVE ||
		  id->pidns_inode != process_namespace() ||
		  process_runs(id->pid, id->starttime_ticks);
	attach_close(a);
	return settled;
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
