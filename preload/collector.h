/* SPDX-License-Identifier: MIT */
#ifndef PRELOAD_COLLECTOR_H
#define PRELOAD_COLLECTOR_H
/*
 * The Boehm-Demers-Weiser garbage collector (libgc), where the program has
 * it: collections and pauses, as it tells them itself.
 */
/* Listens to the collector, if it is loaded. Start of the program only. */
void collector_find(void);

/* A process begins: says whether there is a collector. */
void collector_start(void);

#endif /* PRELOAD_COLLECTOR_H */
