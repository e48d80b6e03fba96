/* SPDX-License-Identifier: MIT */
/*
 * listener_shim.so: listens to libgc from its constructor on, which runs
 * before that of libraries preloaded before it, and counts pauses.
 */
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

enum { PRE_STOP_WORLD = 6, POST_START_WORLD = 9 };

extern void GC_set_on_collection_event(void (*)(unsigned)) __attribute__((weak));
extern uint64_t heard_pauses, heard_ns;

uint64_t heard_pauses, heard_ns;

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void on_event(unsigned event)
{
	static uint64_t start_ns;

	if (event == PRE_STOP_WORLD) {
		start_ns = now_ns();
	} else if (event == POST_START_WORLD) {
		heard_pauses++;
		heard_ns += now_ns() - start_ns;
	}
}

__attribute__((constructor)) static void begin(void)
{
	if (GC_set_on_collection_event)
		GC_set_on_collection_event(on_event);
}
