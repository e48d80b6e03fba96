/* SPDX-License-Identifier: MIT */
#include "reader/stacks.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "reader/mappings.h"
#include "reader/pagemap.h"
#include "reader/procfile.h"

/* Eight thousand threads of eight MiB; more takes too long to look at. */
#define LOOKED_AT_MAX_BYTES (64ULL << 30)

struct range {
	uint64_t low, high;
};

/* Everything of one look. */
struct look {
	const struct thread_rows *rows;
	int first_tid;
	struct mappings mappings;
	int pagemap;            /* descriptor; -1 = may not be read */
	uint64_t looked_at_bytes;
	struct range *ranges;   /* those of all rows; low == high: not known */
	struct range *live;     /* of threads alive, by address, each once */
	size_t live_count;
	struct stacks *stacks;
};

static bool is_empty(struct range r)
{
	return r.low >= r.high;
}

/* The program may hand out any part of a page, we see whole ones. */
static struct range whole_pages(uint64_t low, uint64_t high)
{
	uint64_t page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);

	if (low >= high || high > UINT64_MAX - page_bytes)
		return (struct range){ 0, 0 };
	return (struct range){ low / page_bytes * page_bytes,
			       (high + page_bytes - 1) / page_bytes * page_bytes };
}

/*
 * What was asked for, as far as it is there: an older libc takes the guard out
 * of it, a program may close a part of its own.
 */
static struct range bounds(const struct look *l, const struct thread_row *row)
{
	struct range r = whole_pages(row->stack_low, row->stack_high);
	const struct mapping *m;

	if (row->stack_high) {
		r.low = is_empty(r) ? r.high :
			mappings_writable_from(&l->mappings, r.low, r.high);
		return r;
	}
	m = mappings_find(&l->mappings, row->stack_address);
	if (row->tid == l->first_tid && m && m->is_main_stack)
		return (struct range){ m->low, m->high };
	return r;
}

static bool resident(struct look *l, struct range r, uint64_t *ret_bytes)
{
	uint64_t bytes = r.high - r.low;

	if (l->pagemap < 0 || bytes > LOOKED_AT_MAX_BYTES - l->looked_at_bytes)
		return false;
	l->looked_at_bytes += bytes;
	return pagemap_resident(l->pagemap, r.low, r.high, ret_bytes);
}

static void look_at_one(struct look *l, size_t i)
{
	struct stack *stack = &l->stacks->of[i];
	struct range r = bounds(l, &l->rows->rows[i]);

	l->ranges[i] = r;
	if (is_empty(r))
		return;
	stack->is_known = true;
	stack->reserved_bytes = r.high - r.low;
	stack->is_resident_known = resident(l, r, &stack->resident_bytes);
}

static int by_address(const void *a, const void *b)
{
	const struct range *one = a, *other = b;

	if (one->low != other->low)
		return one->low < other->low ? -1 : 1;
	return one->high < other->high ? -1 : one->high > other->high;
}

/* Does a thread alive use some of it? */
static bool is_in_use(const struct look *l, struct range r)
{
	size_t first = 0, end = l->live_count;

	while (first < end) {
		size_t middle = first + (end - first) / 2;

		if (l->live[middle].high <= r.low)
			first = middle + 1;
		else
			end = middle;
	}
	return first < l->live_count && l->live[first].low < r.high;
}

/* Sums what is of threads alive; a part that two of them claim makes none. */
static void add_live(struct look *l)
{
	struct stacks *s = l->stacks;

	s->is_complete = l->rows->alive > 0 && !l->rows->unknown &&
			 !l->rows->without_row;
	s->is_resident_known = true;
	for (size_t i = 0; i < l->rows->count; i++) {
		const struct stack *stack = &s->of[i];

		if (!l->rows->rows[i].is_alive)
			continue;
		s->is_complete = s->is_complete && stack->is_known;
		s->is_resident_known = s->is_resident_known &&
				       stack->is_resident_known;
		s->reserved_bytes += stack->reserved_bytes;
		s->resident_bytes += stack->resident_bytes;
		if (stack->is_known)
			l->live[l->live_count++] = l->ranges[i];
	}
	qsort(l->live, l->live_count, sizeof(*l->live), by_address);
	for (size_t i = 1; i < l->live_count; i++)
		if (l->live[i].low < l->live[i - 1].high)
			s->is_complete = false;
}

/*
 * Still as libc left it: anonymous memory right above a guard, which is not
 * what becomes of memory that was given back and taken for something else.
 */
static bool is_kept(const struct look *l, const struct thread_row *row,
		    struct range r)
{
	const struct mapping *guard;

	if (row->is_alive || row->stack_given || is_empty(r) ||
	    r.low != whole_pages(row->stack_low, row->stack_high).low)
		return false;
	guard = mappings_find(&l->mappings, r.low - 1);
	return guard && guard->inaccessible && guard->anonymous &&
	       mappings_find(&l->mappings, r.low)->anonymous &&
	       !is_in_use(l, r);
}

/* Several threads may have ended on the same: it counts once. */
static void add_cached(struct look *l)
{
	struct range *kept = l->ranges;
	size_t count = 0;

	for (size_t i = 0; i < l->rows->count; i++)
		if (is_kept(l, &l->rows->rows[i], l->ranges[i]))
			kept[count++] = l->ranges[i];
	qsort(kept, count, sizeof(*kept), by_address);
	for (size_t i = 0; i < count; i++) {
		uint64_t bytes;

		if (i > 0 && kept[i].low < kept[i - 1].high)
			continue;
		if (resident(l, kept[i], &bytes))
			l->stacks->cached_bytes += bytes;
		else
			l->stacks->is_resident_known = false;
	}
}

static void look_at_all(struct look *l, int process_fd)
{
	l->pagemap = openat(process_fd, "pagemap", O_RDONLY | O_CLOEXEC);
	for (size_t i = 0; i < l->rows->count; i++)
		if (l->rows->rows[i].is_alive)
			look_at_one(l, i);
		else
			l->ranges[i] = bounds(l, &l->rows->rows[i]);
	add_live(l);
	add_cached(l);
	if (l->pagemap >= 0)
		close(l->pagemap);
}

static bool read_mappings(struct mappings *ret, int process_fd)
{
	char *text = procfile_read(process_fd, "maps");
	bool done = text && mappings_parse(ret, text);

	free(text);
	return done;
}

bool stacks_read(struct stacks *ret, int process_fd,
		 const struct thread_rows *rows, int first_tid)
{
	struct look l = { .rows = rows, .first_tid = first_tid, .stacks = ret };

	*ret = (struct stacks){ .of = calloc(rows->count + 1, sizeof(*ret->of)) };
	l.ranges = calloc(rows->count + 1, sizeof(*l.ranges));
	l.live = calloc(rows->count + 1, sizeof(*l.live));
	if (!ret->of || !l.ranges || !l.live)
		stacks_release(ret);
	else if (read_mappings(&l.mappings, process_fd))
		look_at_all(&l, process_fd);
	mappings_release(&l.mappings);
	free(l.ranges);
	free(l.live);
	return ret->of != NULL;
}

void stacks_release(struct stacks *s)
{
	free(s->of);
	s->of = NULL;
}

void stacks_add(struct snapshot *s, const struct stacks *stacks)
{
	if (!stacks->is_complete)
		return;
	snapshot_add_u64(s, METRIC_THREADS_STACK_RESERVED_BYTES,
			 stacks->reserved_bytes);
	if (!stacks->is_resident_known)
		return;
	snapshot_add_u64(s, METRIC_THREADS_STACK_RESIDENT_BYTES,
			 stacks->resident_bytes);
	snapshot_add_u64(s, METRIC_THREADS_STACK_CACHED_BYTES,
			 stacks->cached_bytes);
}
