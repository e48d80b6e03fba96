/* SPDX-License-Identifier: MIT */
#include "preload/fork.h"

#include <stddef.h>

#include "preload/process.h"

static struct fork_baseline baseline;

/* By its internal name and weak: musl lacks it, and pthread_atfork() itself
 * is a piece of static code that needs it. */
extern int __register_atfork(void (*prepare)(void), void (*parent)(void),
			     void (*child)(void), void *dso)
	__attribute__((weak));
extern void *__dso_handle __attribute__((visibility("hidden")));

/* Prepare handlers run last registered first, so that ours, registered as
 * the process began, sees what all others allocate. */
static void before_fork(void)
{
	struct process *p = process_if_on();
	const struct segment_header *h;
	uint32_t slots;

	/* A child that never counted passes on what it was born with. */
	if (!p)
		return;
	h = p->segment.header;
	baseline.live_objects = h->inherited_objects;
	baseline.live_bytes = h->inherited_bytes;
	slots = __atomic_load_n(&h->slots_hwm, __ATOMIC_ACQUIRE);
	for (uint32_t i = 0; i < slots; i++) {
		const struct slot *s = &p->segment.slots[i];

		baseline.live_objects += tally_net_objects(s);
		baseline.live_bytes += tally_net(s);
	}
	baseline.exact = __atomic_load_n(&h->threads_now, __ATOMIC_RELAXED) == 1 &&
			 !(h->flags & SEGMENT_BASELINE_APPROX);
}

static void after_fork_in_parent(void)
{
	if (process_if_on())
		baseline.exact = false;
}

static void after_fork_in_child(void)
{
	process_wipe_where_kernel_cannot();
}

void fork_register(void)
{
	if (__register_atfork)
		__register_atfork(before_fork, after_fork_in_parent,
				  after_fork_in_child, &__dso_handle);
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
