/* SPDX-License-Identifier: MIT */
#include "reader/stacks.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "reader/pagemap.h"
#include "reader/sort.h"

/* Eight thousand threads of eight MiB; more takes too long to look at. */
#define LOOKED_AT_MAX_BYTES (64ULL << 30)

/* Everything of one look. */
struct look {
	const struct thread_rows *rows;
	int first_tid;
	int pagemap;            /* descriptor; -1 = may not be read */
	uint64_t looked_at_bytes;
	size_t live_count;
	struct stacks *stacks;
	const struct mappings *mappings; /* of it */
	struct stack_range *ranges;      /* those of all rows */
	struct stack_range *live;        /* of threads alive, by address */
};

static bool is_empty(struct stack_range r)
{
	return r.low >= r.high;
}

/* The program may hand out any part of a page, we see whole ones. */
static struct stack_range whole_pages(uint64_t low, uint64_t high)
{
	uint64_t page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);

	if (low >= high || high > UINT64_MAX - page_bytes)
		return (struct stack_range){ 0, 0 };
	return (struct stack_range){
		low / page_bytes * page_bytes,
		(high + page_bytes - 1) / page_bytes * page_bytes,
	};
}

/*
 * What was asked for, as far as it is there: an older libc takes the guard out
 * of it, a program may close a part of its own.
 */
static struct stack_range bounds(const struct look *l,
				 const struct thread_row *row)
{
	struct stack_range r = whole_pages(row->stack_low, row->stack_high);
	const struct mapping *m;

	if (row->stack_high) {
		r.low = is_empty(r) ? r.high :
			mappings_writable_from(l->mappings, r.low, r.high);
		return r;
	}
	m = mappings_find(l->mappings, row->stack_address);
	if (row->tid == l->first_tid && m && m->is_main_stack)
		return (struct stack_range){ m->low, m->high };
	return r;
}

static bool resident(struct look *l, struct stack_range r, uint64_t *ret_bytes)
{
	uint64_t bytes = r.high - r.low;

	if (l->pagemap < 0)
		return false;
	if (bytes > LOOKED_AT_MAX_BYTES - l->looked_at_bytes) {
		l->stacks->pagemap_error = EFBIG;
		return false;
	}
	l->looked_at_bytes += bytes;
	return pagemap_resident(l->pagemap, r.low, r.high, ret_bytes);
}

static void look_at_one(struct look *l, size_t i)
{
	struct stack *stack = &l->stacks->of[i];
	struct stack_range r = bounds(l, &l->rows->rows[i]);

	l->ranges[i] = r;
	if (is_empty(r))
		return;
	stack->is_known = true;
	stack->reserved_bytes = r.high - r.low;
	stack->is_resident_known = resident(l, r, &stack->resident_bytes);
}

static int by_address(const void *a, const void *b)
{
	const struct stack_range *one = a, *other = b;

	if (one->low != other->low)
		return one->low < other->low ? -1 : 1;
	return one->high < other->high ? -1 : one->high > other->high;
}

/* Does a thread alive use some of it? */
static bool is_in_use(const struct look *l, struct stack_range r)
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
	sort_items(l->live, l->live_count, sizeof(*l->live), by_address);
	for (size_t i = 1; i < l->live_count; i++)
		if (l->live[i].low < l->live[i - 1].high)
			s->is_complete = false;
}

/*
 * Still as libc left it: anonymous memory right above a guard, which is not
 * what becomes of memory that was given back and taken for something else.
 */
static bool is_kept(const struct look *l, const struct thread_row *row,
		    struct stack_range r)
{
	const struct mapping *guard;

	if (row->is_alive || row->stack_given || is_empty(r) ||
	    r.low != whole_pages(row->stack_low, row->stack_high).low)
		return false;
	guard = mappings_find(l->mappings, r.low - 1);
	return guard && guard->inaccessible && guard->anonymous &&
	       mappings_find(l->mappings, r.low)->anonymous &&
	       !is_in_use(l, r);
}

/* Several threads may have ended on the same: it counts once. */
static void add_cached(struct look *l)
{
	struct stack_range *kept = l->ranges;
	size_t count = 0;

	for (size_t i = 0; i < l->rows->count; i++)
		if (is_kept(l, &l->rows->rows[i], l->ranges[i]))
			kept[count++] = l->ranges[i];
	sort_items(kept, count, sizeof(*kept), by_address);
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
	if (l->pagemap < 0)
		l->stacks->pagemap_error = errno;
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

void stacks_forget(struct stacks *s, size_t rows)
{
	*s = (struct stacks){
		.of = s->of, .room = s->room, .ranges = s->ranges,
		.live = s->live, .mappings = s->mappings,
	};
	for (size_t i = 0; i < rows; i++)
		s->of[i] = (struct stack){ .is_known = false };
}

static bool reserve_rows(struct stacks *s, size_t rows)
{
	if (rows <= s->room)
		return true;
	stacks_release(s);
	s->of = malloc(rows * sizeof(*s->of));
	s->ranges = malloc(rows * sizeof(*s->ranges));
	s->live = malloc(rows * sizeof(*s->live));
	s->room = rows;
	return s->of && s->ranges && s->live;
}

bool stacks_reserve(struct stacks *s, size_t rows)
{
	if (reserve_rows(s, rows) &&
	    mappings_reserve(&s->mappings, PROCFILE_MAX_BYTES))
		return true;
	stacks_release(s);
	return false;
}

bool stacks_read(struct stacks *ret, struct procfile *file, int process_fd,
		 const struct thread_rows *rows, int first_tid)
{
	struct look l = { .rows = rows, .first_tid = first_tid, .stacks = ret,
			  .mappings = &ret->mappings };
	const char *text;

	if (!stacks_reserve(ret, rows->count))
		return false;
	stacks_forget(ret, rows->count);
	l.ranges = ret->ranges;
	l.live = ret->live;
	text = procfile_read(file, process_fd, "maps");
	if (!text)
		ret->maps_error = file->error;
	else if (mappings_parse(&ret->mappings, text))
		look_at_all(&l, process_fd);
	return true;
}

void stacks_release(struct stacks *s)
{
	free(s->of);
	free(s->ranges);
	free(s->live);
	mappings_release(&s->mappings);
	*s = (struct stacks){ .of = NULL };
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
