/* SPDX-License-Identifier: MIT */
#ifndef PRELOAD_FIGURES_H
#define PRELOAD_FIGURES_H
/*
 * What the allocator itself knows: address space, idle memory, book-keeping.
 * It takes locks of the allocator and may walk its free blocks, so it is
 * done only while somebody asks, seldom, and not at all where it would hold
 * up the program.
 */
#include "preload/process.h"

/* Finds the functions of that provider. Start of the program only. */
void figures_find(const char *provider);

/* A process begins, perhaps a forked child. */
void figures_start(struct segment_header *h);

/*
 * Stores the figures in the header, unless they are recent, and that request
 * `asked` (struct segment_control) is answered. Only where no call of the
 * provider is under way, so that none of its locks is this thread's: a
 * program that allocates in a signal handler, which may have interrupted such
 * a call, must not be asked.
 */
void figures_take(struct process *p, uint64_t asked);

#endif /* PRELOAD_FIGURES_H */
