/* SPDX-License-Identifier: MIT */
#include "preload/collector.h"

#include <dlfcn.h>
#include <link.h>
#include <string.h>

#include "preload/clock.h"
#include "preload/extras.h"
#include "preload/object.h"

/* As in its gc.h (GC_EventType), from 7.4 on. */
enum collector_event {
	EVENT_END = 5,
	EVENT_PRE_STOP_WORLD = 6,
	EVENT_POST_START_WORLD = 9,
};

typedef void (*event_handler)(unsigned event);

static event_handler handler_before;
static unsigned long (*collections)(void);
static uint64_t pause_start_ns;

/* Collections before the tally, of a child's parent for one. */
static unsigned long collections_before;

static void add(uint64_t *word, uint64_t n)
{
	__atomic_fetch_add(word, n, __ATOMIC_RELAXED);
}

static void end_pause(struct segment_header *h)
{
	uint64_t ns = clock_monotonic_ns() - pause_start_ns;

	if (!pause_start_ns)
		return;
	pause_start_ns = 0;
	add(&h->gc_pause_ns[clock_bucket(ns)], 1);
	add(&h->gc_pauses_ns, ns);
}

static void store(uint64_t *word, uint64_t value)
{
	__atomic_store_n(word, value, __ATOMIC_RELAXED);
}

/* Under the collector's lock, one at a time, and partly while all other
 * threads stand still: nothing here may wait for anything. */
static void on_event(unsigned event)
{
	struct process *p = process_if_on();
	struct segment_header *h = p ? kept.segment.header : NULL;

	if (event == EVENT_PRE_STOP_WORLD)
		pause_start_ns = clock_monotonic_ns();
	else if (h && event == EVENT_POST_START_WORLD)
		end_pause(h);
	else if (h && event == EVENT_END)
		store(&h->gc_last_realtime_ns, clock_read_ns(CLOCK_REALTIME));
	if (h)
		store(&h->gc_cycles, collections() - collections_before);
	if (handler_before)
		handler_before(event);
}

static int look_for_libgc(struct dl_phdr_info *info, size_t bytes, void *found)
{
	const char *slash = strrchr(info->dlpi_name, '/');

	(void)bytes;
	*(bool *)found = strncmp(slash ? slash + 1 : info->dlpi_name,
				 "libgc.so", 8) == 0;
	return *(bool *)found;
}

/* The names are looked for only where they are: see next.c on dlsym that
 * fails. */
void collector_find(void)
{
	void (*set)(event_handler);
	event_handler (*get)(void);
	bool found = false;

	object_walk(look_for_libgc, &found);
	if (!found)
		return;
	set = (void (*)(event_handler))dlsym(RTLD_DEFAULT,
					     "GC_set_on_collection_event");
	get = (event_handler (*)(void))dlsym(RTLD_DEFAULT,
					     "GC_get_on_collection_event");
	collections = (unsigned long (*)(void))dlsym(RTLD_DEFAULT, "GC_get_gc_no");
	if (!set || !get || !collections) {
		collections = NULL;
		return;
	}
	handler_before = get();
	set(on_event);
}

void collector_start(void)
{
	if (!collections)
		return;
	collections_before = collections();
	extras_available(kept.segment.header, AVAILABLE_GC);
}
