/* SPDX-License-Identifier: MIT */
#include "reader/target.h"

#include <stdio.h>
#include <string.h>

#include "reader/container.h"
#include "reader/process.h"
#include "reader/threads.h"

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

static void add_memory(struct target *t, struct kernel_reader *k)
{
	static const enum metric_id ids[PROCESS_MEMORY_FIELDS] = {
		[PROCESS_RESIDENT] = METRIC_PROCESS_RESIDENT_BYTES,
		[PROCESS_ANONYMOUS] = METRIC_PROCESS_ANONYMOUS_BYTES,
		[PROCESS_VIRTUAL] = METRIC_PROCESS_VIRTUAL_BYTES,
	};
	struct process_memory memory;

	if (!process_memory(&k->file, t->pid_here, t->id.starttime_ticks,
			    &memory))
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

static void find_start(struct target *t)
{
	t->uptime_seconds = process_age_seconds(t->id.starttime_ticks);
	if (t->uptime_seconds >= 0)
		t->started_realtime_ns =
			process_start_realtime_ns(t->id.starttime_ticks);
}

static void add_process(struct target *t, struct kernel_reader *k)
{
	add_memory(t, k);
	if (t->uptime_seconds >= 0)
		snapshot_add_f64(&t->snapshot, METRIC_PROCESS_UPTIME_SECONDS,
				 t->uptime_seconds);
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

bool target_is_here(const struct target_identity *id)
{
	return id->pidns_inode == 0 || id->pidns_inode == process_namespace();
}

int target_find_pid(const struct attachment *a)
{
	const struct target_identity *id = attach_identity(a);

	if (attach_state(a) != TARGET_LIVE)
		return 0;
	return target_is_here(id) ? id->pid :
	       container_host_pid(id->pidns_inode, id->pid,
				  id->starttime_ticks);
}

enum attach_error target_begin(struct target *ret, const struct attachment *a,
			       int pid_here)
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
	ret->is_here = target_is_here(&ret->id);
	ret->pid_here = 0;
	ret->uptime_seconds = -1;
	ret->started_realtime_ns = ret->id.started_realtime_ns;
	snprintf(ret->exe, sizeof(ret->exe), "%s", ret->id.exe);
	/* What lives on after an exec is another program: not our figures. */
	if (ret->snapshot.state != TARGET_LIVE)
		return ATTACH_OK;
	ret->pid_here = pid_here;
	find_start(ret);
	if (pid_here)
		find_executable(ret);
	return ATTACH_OK;
}

enum attach_error target_take(struct target *ret, const struct attachment *a,
			      struct kernel_reader *k, int pid_here)
{
	enum attach_error error = target_begin(ret, a, pid_here);

	if (error)
		return error;
	if (ret->pid_here)
		add_process(ret, k);
	return ATTACH_OK;
}

bool target_look(struct target *t, struct kernel_reader *k,
		 struct thread_reader *threads, const struct attachment *a)
{
	if (!t->pid_here)
		return true;
	return kernel_add(k, &t->snapshot, t->pid_here,
			  t->id.starttime_ticks) &&
	       (!threads || threads_add_stacks(threads, k, a, &t->snapshot,
					       t->pid_here));
}

bool target_is_observed(const struct target *t)
{
	return strcmp(t->id.coverage, "none") != 0;
}
