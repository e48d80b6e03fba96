/* SPDX-License-Identifier: MIT */
#ifndef PRELOAD_LOCKS_H
#define PRELOAD_LOCKS_H
/*
 * Timing of waits for pthread locks; see interpose_lock.c.
 */
#include <stdbool.h>

/*
 * Puts functions that time before those of the pthread library, or takes them
 * away. After next_resolve(); one caller at a time. Signal-safe.
 */
void locks_switch(bool on);

#endif /* PRELOAD_LOCKS_H */
