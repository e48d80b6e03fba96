/* SPDX-License-Identifier: MIT */
#ifndef PRELOAD_FORK_H
#define PRELOAD_FORK_H
/*
 * What a forked child must know of its parent: how much was live when it was
 * born, so that its later frees of inherited blocks do not go below zero. It
 * lies in ordinary memory, which the child gets a copy of.
 */
#include <stdbool.h>
#include <stdint.h>

struct fork_baseline {
	uint64_t live_objects;
	uint64_t live_bytes;
	bool exact; /* taken by the fork handler, the parent single-threaded */
};

/* Registers the fork handlers. Start of the process only, once. */
void fork_register(void);

/*
 * Those handlers: before a fork, and after it in either process. _Fork, which
 * runs none, calls them as well. Signal-safe.
 */
void fork_prepare(void);
void fork_parent(void);
void fork_child(void);

/*
 * Remembers live figures now and then, for kinds of fork that run no
 * handlers (a raw clone): better than nothing. Signal-safe.
 */
void fork_note_baseline(uint64_t live_objects, uint64_t live_bytes);

/* What this child was born with. Signal-safe. */
struct fork_baseline fork_get_baseline(void);

#endif /* PRELOAD_FORK_H */
