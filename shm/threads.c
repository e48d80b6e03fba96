/* SPDX-License-Identifier: MIT */
/*
 * A slot counts for all its owners, one after the other. What it held when
 * the last one took it stands beside its name; the rest is that thread's own.
 */
#include "threads.h"

#include <stdlib.h>

#include "attachment.h"

#define TRIES 1000 /* to find a row that is not just being written */

struct reading {
	struct thread_rows *rows;
	uint64_t started;   /* threads, main one included */
	uint64_t exited;
};

static const struct slot *slot_at(const struct attachment *a, uint32_t index)
{
	const struct segment_section *s = &a->header.slots;

	return (const void *)(a->map + s->offset_bytes +
			      (uint64_t)index * s->stride_bytes);
}

#define LOAD(word) __atomic_load_n(&(word), __ATOMIC_ACQUIRE)

static uint64_t sum(const uint64_t *buckets)
{
	uint64_t total = 0;

	for (unsigned i = 0; i < SIZE_BUCKETS; i++)
		total += LOAD(buckets[i]);
	return total;
}

/* Frees first, as in snapshot.c. */
static struct thread_counts counts_of(const struct slot *slot)
{
	struct thread_counts counts;

	counts.frees_objects = sum(slot->free_by_size);
	counts.frees_bytes = LOAD(slot->free_bytes);
	counts.allocs_objects = sum(slot->alloc_by_size);
	counts.allocs_bytes = LOAD(slot->alloc_bytes);
	return counts;
}

static struct thread_counts base_of(const struct slot *slot)
{
	return (struct thread_counts){
		.allocs_objects = LOAD(slot->base_alloc_objects),
		.allocs_bytes = LOAD(slot->base_alloc_bytes),
		.frees_objects = LOAD(slot->base_free_objects),
		.frees_bytes = LOAD(slot->base_free_bytes),
	};
}

static void add(struct thread_counts *to, const struct thread_counts *more)
{
	to->allocs_objects += more->allocs_objects;
	to->allocs_bytes += more->allocs_bytes;
	to->frees_objects += more->frees_objects;
	to->frees_bytes += more->frees_bytes;
}

static void subtract(struct thread_counts *from, const struct thread_counts *less)
{
	from->allocs_objects -= less->allocs_objects;
	from->allocs_bytes -= less->allocs_bytes;
	from->frees_objects -= less->frees_objects;
	from->frees_bytes -= less->frees_bytes;
}

static void copy(const struct slot *slot, struct thread_row *row,
		 struct thread_counts *base)
{
	row->is_alive = LOAD(slot->owned) != 0;
	row->tid = LOAD(slot->tid);
	row->started_monotonic_ns = LOAD(slot->started_monotonic_ns);
	row->stack_address = LOAD(slot->stack_address);
	row->stack_low = LOAD(slot->stack_low);
	row->stack_high = LOAD(slot->stack_high);
	row->stack_given = LOAD(slot->stack_given) != 0;
	*base = base_of(slot);
	row->counts = counts_of(slot);
}

/* Counts and name belong together: no other thread came in between. */
static bool read_row(const struct slot *slot, struct thread_row *row,
		     struct thread_counts *base)
{
	for (int tries = 0; tries < TRIES; tries++) {
		/* Acquire: pairs with the release that made it even. */
		uint32_t before = LOAD(slot->sequence);

		if (before & 1)
			continue;
		copy(slot, row, base);
		/* Those loads are acquires: this one comes after them. */
		if (__atomic_load_n(&slot->sequence, __ATOMIC_RELAXED) == before)
			return true;
	}
	return false;
}

static void add_slot(struct thread_rows *rows, const struct slot *slot)
{
	struct thread_row row;
	struct thread_counts base;

	if (!read_row(slot, &row, &base)) {
		rows->unknown++;
		base = counts_of(slot);
	} else if (row.is_alive) {
		subtract(&row.counts, &base);
		rows->rows[rows->count++] = row;
		rows->alive++;
	} else {
		base = row.counts;
		row.counts = (struct thread_counts){ 0 };
		if (row.stack_high)
			rows->rows[rows->count++] = row;
	}
	add(&rows->others, &base);
}

static void count_threads(struct reading *r, const struct slot *slot)
{
	r->exited += LOAD(slot->threads_exited);
	r->started += LOAD(slot->threads_started);
}

/* Of the slots at the head everybody has a part. */
static bool has_rows(const struct attachment *a, uint32_t index)
{
	return a->header.flags & SEGMENT_THREAD_BASES &&
	       index >= a->header.overflow_slots;
}

static void read_slots(const struct attachment *a, void *to)
{
	const struct segment_header *shared = (const void *)a->map;
	struct reading *r = to;
	struct thread_rows *rows = r->rows;
	uint32_t count = attach_slots_to_read(a);

	rows->overflow_threads = LOAD(shared->overflow_threads);
	r->started = LOAD(shared->threads_base);
	for (uint32_t i = 0; i < count; i++) {
		const struct slot *slot = slot_at(a, i);

		count_threads(r, slot);
		if (has_rows(a, i)) {
			add_slot(rows, slot);
		} else {
			struct thread_counts counts = counts_of(slot);

			add(&rows->others, &counts);
		}
	}
}

/* Threads that came while the slots were read are not among those. */
static size_t without_row(const struct thread_rows *rows, const struct reading *r)
{
	uint64_t with = rows->alive + rows->unknown;
	uint64_t alive = r->started > r->exited ? r->started - r->exited : 0;
	uint64_t without = alive > with ? alive - with : 0;

	return without < rows->overflow_threads ? without : rows->overflow_threads;
}

/* All but the memory. */
static void forget(struct thread_rows *rows)
{
	*rows = (struct thread_rows){ .rows = rows->rows, .room = rows->room };
}

bool thread_rows_reserve(struct thread_rows *rows, const struct attachment *a)
{
	size_t room = a->header.slots.count;

	if (room <= rows->room)
		return true;
	thread_rows_release(rows);
	rows->rows = malloc(room * sizeof(*rows->rows));
	rows->room = rows->rows ? room : 0;
	return rows->rows != NULL;
}

enum attach_error attach_threads(const struct attachment *a,
				 struct thread_rows *ret)
{
	struct reading r = { .rows = ret };

	forget(ret);
	if (!thread_rows_reserve(ret, a))
		return ATTACH_SYSTEM;
	if (!attach_read_guarded(a, read_slots, &r)) {
		forget(ret);
		return ATTACH_TRUNCATED;
	}
	ret->is_told = a->header.flags & SEGMENT_THREAD_BASES;
	ret->without_row = without_row(ret, &r);
	return ATTACH_OK;
}

void thread_rows_release(struct thread_rows *rows)
{
	free(rows->rows);
	*rows = (struct thread_rows){ .rows = NULL };
}

void thread_row_end(struct thread_rows *rows, struct thread_row *row)
{
	if (!row->is_alive)
		return;
	add(&rows->others, &row->counts);
	row->is_alive = false;
	row->tid = 0;
	rows->alive--;
}
