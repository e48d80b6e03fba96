/* SPDX-License-Identifier: MIT */
/*
 * The list of threads: their rows, with what the kernel tells of each.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "reader/api/handle.h"
#include "reader/process.h"

#define NS_PER_SECOND 1000000000ULL

struct list {
	struct ht_thread *all;
	size_t count;
};

/* ---- what the tally tells ---- */

static struct ht_thread_counts counts_of(const struct thread_counts *c)
{
	return (struct ht_thread_counts){
		.allocs_objects = c->allocs_objects,
		.allocs_bytes = c->allocs_bytes,
		.frees_objects = c->frees_objects,
		.frees_bytes = c->frees_bytes,
	};
}

static uint64_t now_monotonic_ns(void)
{
	struct timespec now = { 0 };

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_SECOND + (uint64_t)now.tv_nsec;
}

/* Clocks of the process and ours are one; what is ahead of it is a lie. */
static void set_times(struct ht_thread *thread, uint64_t started_ns,
		      const struct target_identity *id, bool is_live)
{
	uint64_t now_ns = now_monotonic_ns();

	thread->age_seconds = -1;
	if (!started_ns || started_ns > now_ns)
		return;
	if (is_live)
		thread->age_seconds = (double)(now_ns - started_ns) /
				      (double)NS_PER_SECOND;
	if (started_ns >= id->started_monotonic_ns)
		thread->start_realtime_ns = id->started_realtime_ns +
			(started_ns - id->started_monotonic_ns);
}

static void set_stack(struct ht_thread *thread, const struct stack *stack)
{
	thread->has_stack_reserved = stack->is_known;
	thread->has_stack_resident = stack->is_resident_known;
	thread->stack_reserved_bytes = stack->reserved_bytes;
	thread->stack_resident_bytes = stack->resident_bytes;
}

/* Of those that have ended a row tells the stack alone. */
static void add_rows(struct list *list, const struct thread_reader *r,
		     const struct target_identity *id, bool is_live)
{
	for (size_t i = 0; i < r->rows.count; i++) {
		const struct thread_row *row = &r->rows.rows[i];
		struct ht_thread *thread = &list->all[list->count];

		if (!row->is_alive)
			continue;
		thread->tid = row->tid;
		thread->counts = counts_of(&row->counts);
		set_times(thread, row->started_monotonic_ns, id, is_live);
		set_stack(thread, &r->stacks.of[i]);
		list->count++;
	}
}

/* ---- what the kernel tells ---- */

/* Returns the file of that name in the directory of a thread, or NULL. */
static const char *read_task(struct procfile *file, int tasks_fd,
			     const char *tid_here, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "%.32s/%s", tid_here, name);
	return procfile_read(file, tasks_fd, path);
}

/* The last number of "NSpid:	4711	12": what it is called in there. */
static int inner_tid(struct procfile *file, int tasks_fd, const char *tid_here)
{
	const char *status = read_task(file, tasks_fd, tid_here, "status");
	const char *numbers = status ? procfile_named(status, "NSpid") : NULL;
	const char *last = numbers;

	for (; numbers && *numbers && *numbers != '\n'; numbers++)
		if (*numbers == '\t')
			last = numbers;
	return last ? atoi(last) : 0;
}

static struct ht_thread *find(const struct list *list, int tid)
{
	for (size_t i = 0; tid && i < list->count; i++)
		if (list->all[i].tid == tid)
			return &list->all[i];
	return NULL;
}

static void add_task(struct list *list, struct procfile *file, int tasks_fd,
		     const char *tid_here, bool is_here)
{
	struct ht_thread *thread =
		find(list, is_here ? atoi(tid_here) :
				     inner_tid(file, tasks_fd, tid_here));
	const char *name = thread ? read_task(file, tasks_fd, tid_here, "comm") :
				    NULL;

	if (!name)
		return;
	thread->host_tid = atoi(tid_here);
	snprintf(thread->name, sizeof(thread->name), "%.*s",
		 (int)strcspn(name, "\n"), name);
}

static void add_tasks(struct list *list, struct ht *h,
		      const struct target_identity *id)
{
	int fd = process_open(h->pid_here, id->starttime_ticks);
	struct procfile_list tasks;
	const char *tid_here;

	if (fd < 0)
		return;
	if (procfile_list_open(&tasks, fd, "task")) {
		while ((tid_here = procfile_list_next(&tasks)))
			add_task(list, &h->kernel.file, tasks.fd, tid_here,
				 target_is_here(id));
		procfile_list_close(&tasks);
	}
	close(fd);
}

/* ---- the list ---- */

static int64_t net_bytes(const struct ht_thread *thread)
{
	return (int64_t)(thread->counts.allocs_bytes -
			 thread->counts.frees_bytes);
}

static int compare_threads(const void *a, const void *b)
{
	const struct ht_thread *one = a, *other = b;

	if (net_bytes(one) != net_bytes(other))
		return net_bytes(one) < net_bytes(other) ? 1 : -1;
	return one->tid < other->tid ? -1 : one->tid > other->tid;
}

/* NULL when out of memory. */
static struct ht_thread *make_list(struct ht *h, size_t *ret_count)
{
	const struct target_identity *id = attach_identity(h->attachment);
	bool is_live = attach_state(h->attachment) == TARGET_LIVE;
	struct list list = { .count = 0 };

	/* One more, so that an empty list is one to free as well. */
	list.all = calloc(h->threads.rows.count + 1, sizeof(*list.all));
	if (!list.all)
		return NULL;
	add_rows(&list, &h->threads, id, is_live);
	if (is_live && h->pid_here)
		add_tasks(&list, h, id);
	qsort(list.all, list.count, sizeof(*list.all), compare_threads);
	*ret_count = list.count;
	return list.all;
}

static void set_rest(struct ht_threads_rest *rest, const struct thread_rows *rows)
{
	*rest = (struct ht_threads_rest){
		.counts = counts_of(&rows->others),
		.without_row = rows->without_row,
		.unknown_rows = rows->unknown,
		.overflow_threads = rows->overflow_threads,
	};
}

int ht_threads(struct ht *h, struct ht_thread **ret, size_t *ret_count,
	       struct ht_threads_rest *ret_rest)
{
	struct ht_thread *list;
	enum attach_error error;

	if (!h->attachment)
		return handle_fail(h, -EBADF, "nothing is open");
	error = threads_look(&h->threads, &h->kernel.file, h->attachment,
			     h->pid_here);
	if (error)
		return handle_fail(h, -ESTALE, "%s", attach_error_text(error));
	if (!h->threads.rows.is_told)
		return handle_fail(h, -ENOTSUP, "the library of that process "
						"is older");
	list = make_list(h, ret_count);
	if (!list)
		return handle_fail_errno(h, "cannot list threads", ENOMEM);
	*ret = list;
	set_rest(ret_rest, &h->threads.rows);
	return 0;
}
