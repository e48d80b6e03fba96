/* SPDX-License-Identifier: MIT */
#include "preload/fork.h"

#include <errno.h>
#include <stddef.h>

#include "preload/cc.h"
#include "preload/process.h"
#include "shm/syscalls.h"

static struct fork_baseline baseline;

/* Where the parent's segment is, which no child has a mapping of. */
static void *segment_start;
static size_t segment_bytes;

/*
 * Where zeros were put in place of it, in this generation and in the one
 * before: a program that renews itself by forks would pile them up for ever.
 * Only who interrupted an interrupted function could need older ones.
 */
static struct {
	void *start;
	size_t bytes;
} zeros[2];

/* By its internal name and weak: musl lacks it, and pthread_atfork() itself
 * is a piece of static code that needs it. */
extern int __register_atfork(void (*prepare)(void), void (*parent)(void),
			     void (*child)(void), void *dso)
	__attribute__((weak));
extern void *__dso_handle __attribute__((visibility("hidden")));

/* Prepare handlers run last registered first, so that ours, registered as
 * the process began, sees what all others allocate. */
void fork_prepare(void)
{
	struct process *p = process_if_on();
	const struct segment_header *h;
	uint32_t slots;

	if (!p) {
		/* A child that never counted passes on what it was born with,
		 * unless it did without us what we could not count. */
		if (process_is_off())
			baseline.exact = false;
		return;
	}
	segment_start = kept.segment.header;
	segment_bytes = kept.segment.map_bytes;
	h = kept.segment.header;
	baseline.live_objects = h->inherited_objects;
	baseline.live_bytes = h->inherited_bytes;
	slots = __atomic_load_n(&h->slots_hwm, __ATOMIC_ACQUIRE);
	for (uint32_t i = 0; i < slots; i++) {
		const struct slot *s = &kept.segment.slots[i];

		baseline.live_objects += tally_net_objects(s);
		baseline.live_bytes += tally_net(s);
	}
	baseline.exact = __atomic_load_n(&h->threads_now, __ATOMIC_RELAXED) == 1 &&
			 !(h->flags & SEGMENT_BASELINE_APPROX);
}

void fork_parent(void)
{
	if (process_if_on())
		baseline.exact = false;
}

static void put_zeros(void)
{
	if (sys_mmap_zeros_at(segment_start, segment_bytes) != 0)
		return;
	if (zeros[1].start)
		sys_munmap(zeros[1].start, zeros[1].bytes);
	zeros[1] = zeros[0];
	zeros[0].start = segment_start;
	zeros[0].bytes = segment_bytes;
}

/*
 * A handler that forks may have interrupted an addition of ours: its child
 * returns into that, and must find memory there.
 */
void fork_child(void)
{
	int saved = errno;

	process_is_born();
	if (segment_start && !process_is_sandboxed())
		put_zeros();
	segment_start = NULL;
	errno = saved;
}

void fork_register(void)
{
	if (__register_atfork)
		__register_atfork(fork_prepare, fork_parent, fork_child,
				  &__dso_handle);
}

void fork_note_baseline(uint64_t live_objects, uint64_t live_bytes)
{
	baseline.live_objects = live_objects;
	baseline.live_bytes = live_bytes;
	baseline.exact = false;
}

struct fork_baseline fork_get_baseline(void)
{
	return baseline;
}
