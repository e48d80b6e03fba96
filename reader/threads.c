/* SPDX-License-Identifier: MIT */
#include "reader/threads.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reader/process.h"
#include "reader/procfile.h"
#include "reader/report.h"

#define NS_PER_SECOND 1e9

/* More of them are believed to be alive unless they say otherwise. */
#define THREADS_LISTED 65536

/* ---- what the kernel tells ---- */

static DIR *open_tasks(int process_fd)
{
	int fd = openat(process_fd, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = fd >= 0 ? fdopendir(fd) : NULL;

	if (!directory && fd >= 0)
		close(fd);
	return directory;
}

/* The next thread's number as text; NULL at the end. */
static const char *next_task(DIR *tasks)
{
	struct dirent *entry;

	while ((entry = readdir(tasks)))
		if (entry->d_name[0] != '.')
			return entry->d_name;
	return NULL;
}

static int compare_tids(const void *a, const void *b)
{
	int one = *(const int *)a, other = *(const int *)b;

	return one < other ? -1 : one > other;
}

/* At most `room`, the count of all is returned. */
static size_t list_tids(DIR *tasks, int *ret, size_t room)
{
	size_t count = 0;
	const char *name;

	for (; (name = next_task(tasks)); count++)
		if (count < room)
			ret[count] = atoi(name);
	return count;
}

/* A thread that left by a bare system call told nobody. */
static void end_gone(struct thread_rows *rows, int process_fd)
{
	DIR *tasks = open_tasks(process_fd);
	static int tids[THREADS_LISTED];
	size_t count = tasks ? list_tids(tasks, tids, THREADS_LISTED) : 0;

	if (tasks)
		closedir(tasks);
	if (count == 0 || count > THREADS_LISTED)
		return;
	qsort(tids, count, sizeof(*tids), compare_tids);
	for (size_t i = 0; i < rows->count; i++)
		if (rows->rows[i].tid &&
		    !bsearch(&rows->rows[i].tid, tids, count, sizeof(*tids),
			     compare_tids))
			thread_row_end(rows, &rows->rows[i]);
}

/* The file of that name in the directory of a thread. */
static char *read_task(DIR *tasks, const char *tid_here, const char *file)
{
	char path[64];

	snprintf(path, sizeof(path), "%.32s/%s", tid_here, file);
	return procfile_read(dirfd(tasks), path);
}

/* The last number of "NSpid:	4711	12": what it is called in there. */
static int inner_tid(DIR *tasks, const char *tid_here)
{
	char *status = read_task(tasks, tid_here, "status");
	const char *numbers = status ? procfile_named(status, "NSpid") : NULL;
	const char *last = numbers;
	int tid = 0;

	for (; numbers && *numbers && *numbers != '\n'; numbers++)
		if (*numbers == '\t')
			last = numbers;
	if (last)
		tid = atoi(last);
	free(status);
	return tid;
}

static struct thread *find(struct threads *threads, int tid)
{
	for (size_t i = 0; tid && i < threads->count; i++)
		if (threads->all[i].tid == tid)
			return &threads->all[i];
	return NULL;
}

static void add_task(struct threads *threads, const struct target *t,
		     DIR *tasks, const char *tid_here)
{
	struct thread *thread = find(threads, t->is_here ? atoi(tid_here) :
					      inner_tid(tasks, tid_here));
	char *name = thread ? read_task(tasks, tid_here, "comm") : NULL;

	if (!name)
		return;
	name[strcspn(name, "\n")] = '\0';
	snprintf(thread->name, sizeof(thread->name), "%s", name);
	thread->tid_here = atoi(tid_here);
	free(name);
}

static void add_tasks(struct threads *threads, const struct target *t)
{
	int fd = process_open(t->pid_here, t->id.starttime_ticks);
	DIR *tasks = fd >= 0 ? open_tasks(fd) : NULL;
	const char *tid_here;

	while (tasks && (tid_here = next_task(tasks)))
		add_task(threads, t, tasks, tid_here);
	if (tasks)
		closedir(tasks);
	if (fd >= 0)
		close(fd);
}

/* ---- rows and stacks ---- */

/*
 * Reads rows and stacks, and adds their sums. The kernel is asked about
 * threads by the numbers that they have here, which are those of the rows only
 * where the target's are.
 */
static enum attach_error read_rows(struct thread_rows *rows,
				   struct stacks *stacks, struct target *t,
				   const struct attachment *a)
{
	enum attach_error error = attach_threads(a, rows);
	int fd;

	*stacks = (struct stacks){ .of = NULL };
	if (error || !t->pid_here)
		return error;
	fd = process_open(t->pid_here, t->id.starttime_ticks);
	if (fd < 0)
		return ATTACH_OK;
	if (t->is_here)
		end_gone(rows, fd);
	/* Of a process that is ending we would see the end of its memory. */
	if (stacks_read(stacks, fd, rows, t->id.pid)) {
		if (process_runs(t->pid_here, t->id.starttime_ticks))
			stacks_add(&t->snapshot, stacks);
		else
			stacks_release(stacks);
	}
	close(fd);
	return ATTACH_OK;
}

void threads_add_stacks(struct target *t, const struct attachment *a)
{
	struct thread_rows rows;
	struct stacks stacks;

	if (!t->pid_here || read_rows(&rows, &stacks, t, a) != ATTACH_OK)
		return;
	stacks_release(&stacks);
	thread_rows_release(&rows);
}

/* ---- the list ---- */

/* Clocks of the process and ours are one; what is ahead of it is a lie. */
static void set_times(struct thread *thread, const struct thread_row *row,
		      const struct target *t)
{
	uint64_t now = t->snapshot.monotonic_ns;
	uint64_t later = row->started_monotonic_ns -
			 t->id.started_monotonic_ns;

	thread->age_seconds = -1;
	if (!row->started_monotonic_ns)
		return;
	if (t->snapshot.state == TARGET_LIVE && row->started_monotonic_ns <= now)
		thread->age_seconds = (double)(now - row->started_monotonic_ns) /
				      NS_PER_SECOND;
	if (row->started_monotonic_ns <= now &&
	    row->started_monotonic_ns >= t->id.started_monotonic_ns)
		thread->started_realtime_ns = t->id.started_realtime_ns + later;
}

static void add_row(struct threads *threads, const struct thread_row *row,
		    const struct stack *stack, const struct target *t)
{
	struct thread *thread = &threads->all[threads->count++];

	thread->tid = row->tid;
	thread->counts = row->counts;
	thread->net_bytes = (int64_t)(row->counts.allocs_bytes -
				      row->counts.frees_bytes);
	thread->net_objects = (int64_t)(row->counts.allocs_objects -
					row->counts.frees_objects);
	set_times(thread, row, t);
	if (stack)
		thread->stack = *stack;
}

static int by_net_bytes(const void *a, const void *b)
{
	const struct thread *one = a, *other = b;

	if (one->net_bytes != other->net_bytes)
		return one->net_bytes < other->net_bytes ? 1 : -1;
	return one->tid < other->tid ? -1 : one->tid > other->tid;
}

enum attach_error threads_read(struct threads *ret, struct target *t,
			       const struct attachment *a)
{
	struct threads threads = { .all = NULL };
	struct stacks stacks;
	enum attach_error error = read_rows(&threads.rows, &stacks, t, a);

	if (error)
		return error;
	threads.all = report_oom(calloc(threads.rows.count + 1,
					sizeof(*threads.all)));
	for (size_t i = 0; i < threads.rows.count; i++)
		if (threads.rows.rows[i].is_alive)
			add_row(&threads, &threads.rows.rows[i],
				stacks.of ? &stacks.of[i] : NULL, t);
	stacks_release(&stacks);
	if (t->pid_here)
		add_tasks(&threads, t);
	qsort(threads.all, threads.count, sizeof(*threads.all), by_net_bytes);
	*ret = threads;
	return ATTACH_OK;
}

void threads_release(struct threads *threads)
{
	free(threads->all);
	threads->all = NULL;
	thread_rows_release(&threads->rows);
}
