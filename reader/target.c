/* SPDX-License-Identifier: MIT */
#include "reader/target.h"

#include <stdio.h>
#include <string.h>

#include "reader/container.h"
#include "reader/kernel.h"
#include "reader/process.h"
#include "reader/threads.h"

/* Less is fragmentation, stacks and data of a program of some size. */
#define UNSEEN_LEAST_BYTES (64u << 20)

/*
 * A thread that left by a bare exit system call ran no destructor, so that
 * the tally still has it; the kernel, which is asked later, has not.
 */
static void add_threads(struct snapshot *s, uint64_t threads)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->values[i].id == METRIC_THREADS_LIVE_THREADS &&
		    s->values[i].value.u64 > threads)
			s->values[i].value.u64 = threads;
	snapshot_add_u64(s, METRIC_THREADS_KERNEL_THREADS, threads);
}

static void add_memory(struct target *t)
{
	static const enum metric_id ids[PROCESS_MEMORY_FIELDS] = {
		[PROCESS_RESIDENT] = METRIC_PROCESS_RESIDENT_BYTES,
		[PROCESS_ANONYMOUS] = METRIC_PROCESS_ANONYMOUS_BYTES,
		[PROCESS_VIRTUAL] = METRIC_PROCESS_VIRTUAL_BYTES,
	};
	struct process_memory memory;

	if (!process_memory(t->pid_here, t->id.starttime_ticks, &memory))
		return;
	for (unsigned i = 0; i < PROCESS_MEMORY_FIELDS; i++)
		if (memory.present & 1u << i)
			snapshot_add_u64(&t->snapshot, ids[i],
					 memory.bytes[i]);
	if (memory.threads)
		add_threads(&t->snapshot, memory.threads);
}

/* The path in the segment is cut to its last bytes, the kernel's is whole. */
static void find_executable(struct target *t)
{
	snprintf(t->exe, sizeof(t->exe), "%s", t->id.exe);
	if (strlen(t->id.exe) == sizeof(t->id.exe) - 2)
		process_executable(t->pid_here, t->exe, sizeof(t->exe));
}

static void add_process(struct target *t)
{
	t->uptime_seconds = process_age_seconds(t->id.starttime_ticks);
	if (t->uptime_seconds >= 0)
		t->started_realtime_ns =
			process_start_realtime_ns(t->id.starttime_ticks);
	if (!t->pid_here)
		return;
	find_executable(t);
	add_memory(t);
	if (t->uptime_seconds >= 0)
		snapshot_add_f64(&t->snapshot, METRIC_PROCESS_UPTIME_SECONDS,
				 t->uptime_seconds);
}

/* Place in metrics.def; a metric of a newer writer goes behind them all. */
static size_t rank(const struct metric_value *value)
{
	size_t count;
	const struct metric *all = metrics_all(&count);

	for (size_t i = 0; i < count; i++)
		if (all[i].id == value->id)
			return i;
	return count;
}

/* By insertion: it is stable, and the values come nearly in order. */
static void sort_values(struct snapshot *s)
{
	for (size_t i = 1; i < s->count; i++) {
		struct metric_value moved = s->values[i];
		size_t place = i;

		while (place > 0 &&
		       rank(&s->values[place - 1]) > rank(&moved)) {
			s->values[place] = s->values[place - 1];
			place--;
		}
		s->values[place] = moved;
	}
}

/* Counters that nothing reaches are not zero: they tell nothing. */
static void drop_heap(struct snapshot *s)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->count; i++)
		if (strncmp(s->values[i].key, "/heap/", 6) != 0)
			s->values[kept++] = s->values[i];
	s->count = kept;
}

/* What follows from two others is not stored. */
static void add_idle(struct snapshot *s)
{
	uint64_t sys = snapshot_u64(s, METRIC_HEAP_SYS_BYTES);
	uint64_t in_use = snapshot_u64(s, METRIC_HEAP_IN_USE_BYTES);

	if (snapshot_value(s, METRIC_HEAP_IN_USE_BYTES) && sys >= in_use)
		snapshot_add_u64(s, METRIC_HEAP_IDLE_BYTES, sys - in_use);
}

static int find_pid_here(const struct target *t)
{
	return t->is_here ? t->id.pid :
	       container_host_pid(t->id.pidns_inode, t->id.pid,
				  t->id.starttime_ticks);
}

enum attach_error target_read(struct target *ret, const struct attachment *a)
{
	enum attach_error error = attach_snapshot(a, &ret->snapshot);

	if (error)
		return error;
	ret->id = *attach_identity(a);
	ret->id.coverage = ret->snapshot.coverage;
	memcpy(ret->id.coverage_reason, ret->snapshot.coverage_reason,
	       sizeof(ret->id.coverage_reason));
	if (!target_is_observed(ret))
		drop_heap(&ret->snapshot);
	else
		add_idle(&ret->snapshot);
	snapshot_add_u64(&ret->snapshot, METRIC_HEAPTALLY_CLAMPED_EVENTS,
			 ret->snapshot.clamped);
	ret->is_here = ret->id.pidns_inode == 0 ||
		       ret->id.pidns_inode == process_namespace();
	ret->pid_here = 0;
	ret->uptime_seconds = -1;
	ret->started_realtime_ns = ret->id.started_realtime_ns;
	snprintf(ret->exe, sizeof(ret->exe), "%s", ret->id.exe);
	/* What lives on after an exec is another program: not our figures. */
	if (ret->snapshot.state == TARGET_LIVE) {
		ret->pid_here = find_pid_here(ret);
		add_process(ret);
	}
	sort_values(&ret->snapshot);
	return ATTACH_OK;
}

void target_add_kernel(struct target *t, const struct attachment *a)
{
	if (!t->pid_here)
		return;
	kernel_add(&t->snapshot, t->pid_here, t->id.starttime_ticks);
	if (a)
		threads_add_stacks(t, a);
	sort_values(&t->snapshot);
}

bool target_is_observed(const struct target *t)
{
	return strcmp(t->id.coverage, "none") != 0;
}

uint64_t target_unseen_bytes(const struct target *t)
{
	const struct snapshot *s = &t->snapshot;
	uint64_t anonymous = snapshot_u64(s, METRIC_PROCESS_ANONYMOUS_BYTES);
	uint64_t live = snapshot_u64(s, METRIC_HEAP_LIVE_BYTES);

	if (s->state != TARGET_LIVE || !target_is_observed(t) ||
	    anonymous <= live ||
	    anonymous - live <= UNSEEN_LEAST_BYTES ||
	    anonymous - live <= anonymous / 2)
		return 0;
	return anonymous - live;
}

const struct metric_value *target_value(const struct target *t,
					const char *key)
{
	for (size_t i = 0; i < t->snapshot.count; i++)
		if (strcmp(t->snapshot.values[i].key, key) == 0)
			return &t->snapshot.values[i];
	return NULL;
}
