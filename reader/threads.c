/* SPDX-License-Identifier: MIT */
#include "reader/threads.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "reader/process.h"
#include "reader/sort.h"
#include "reader/target.h"

/* More of them are believed to be alive unless they say otherwise. */
#define THREADS_LISTED 65536

void threads_release(struct thread_reader *r)
{
	thread_rows_release(&r->rows);
	stacks_release(&r->stacks);
	free(r->tids);
	r->tids = NULL;
}

bool threads_reserve(struct thread_reader *r, const struct attachment *a)
{
	if (!r->tids)
		r->tids = malloc(THREADS_LISTED * sizeof(*r->tids));
	return r->tids && thread_rows_reserve(&r->rows, a) &&
	       stacks_reserve(&r->stacks, r->rows.room);
}

/* ---- threads that went without a word ---- */

static int compare_tids(const void *a, const void *b)
{
	int one = *(const int *)a, other = *(const int *)b;

	return one < other ? -1 : one > other;
}

/* At most THREADS_LISTED, the count of all is returned; 0 where none is told. */
static size_t list_tids(int *ret, int process_fd)
{
	struct procfile_list tasks;
	size_t count = 0;
	const char *tid;

	if (!procfile_list_open(&tasks, process_fd, "task"))
		return 0;
	for (; (tid = procfile_list_next(&tasks)); count++)
		if (count < THREADS_LISTED)
			ret[count] = atoi(tid);
	procfile_list_close(&tasks);
	return count;
}

/* A thread that left by a bare system call told nobody. */
static void end_gone(struct thread_reader *r, int process_fd)
{
	struct thread_rows *rows = &r->rows;
	size_t count = list_tids(r->tids, process_fd);

	if (count == 0 || count > THREADS_LISTED)
		return;
	sort_items(r->tids, count, sizeof(*r->tids), compare_tids);
	for (size_t i = 0; i < rows->count; i++)
		if (rows->rows[i].tid &&
		    !bsearch(&rows->rows[i].tid, r->tids, count,
			     sizeof(*r->tids), compare_tids))
			thread_row_end(rows, &rows->rows[i]);
}

/* ---- a look ---- */

/*
 * The kernel lists threads by the numbers that they have here, which are those
 * of the rows only where the target's are. False when it ended: we would have
 * seen the end of its memory.
 */
static bool look_at_process(struct thread_reader *r, struct procfile *file,
			    const struct target_identity *id, int pid_here)
{
	int fd = process_open(pid_here, id->starttime_ticks);
	bool runs;

	if (fd < 0)
		return false;
	if (target_is_here(id))
		end_gone(r, fd);
	stacks_read(&r->stacks, file, fd, &r->rows, id->pid);
	runs = process_runs(pid_here, id->starttime_ticks);
	close(fd);
	return runs;
}

/* As threads_look(); *ret_runs: it was there, and still is. */
static enum attach_error look(struct thread_reader *r, struct procfile *file,
			      const struct attachment *a, int pid_here,
			      bool *ret_runs)
{
	enum attach_error error = attach_threads(a, &r->rows);

	*ret_runs = !error && pid_here &&
		    look_at_process(r, file, attach_identity(a), pid_here);
	if (!*ret_runs)
		stacks_forget(&r->stacks, r->rows.count);
	return error;
}

enum attach_error threads_look(struct thread_reader *r, struct procfile *file,
			       const struct attachment *a, int pid_here)
{
	bool runs;

	return look(r, file, a, pid_here, &runs);
}

/* To be told like those of the kernel's other files. */
static void keep_errors(struct kernel_reader *k, const struct stacks *s)
{
	int maps = s->is_complete ? 0 : s->maps_error ? s->maps_error : ENODATA;
	int pagemap = s->is_resident_known ? 0 :
		      s->pagemap_error ? s->pagemap_error : ENODATA;

	k->errors[KERNEL_STACKS] = maps;
	k->errors[KERNEL_PAGEMAP] = maps ? maps : pagemap;
}

bool threads_add_stacks(struct thread_reader *r, struct kernel_reader *k,
			const struct attachment *a, struct snapshot *s,
			int pid_here)
{
	bool runs;
	enum attach_error error = look(r, &k->file, a, pid_here, &runs);

	keep_errors(k, &r->stacks);
	if (error)
		return true; /* of that, who reads the counts will hear */
	if (runs)
		stacks_add(s, &r->stacks);
	return runs;
}
