/* SPDX-License-Identifier: MIT */
#ifndef PRELOAD_SAMPLING_H
#define PRELOAD_SAMPLING_H
/*
 * Timing of sampled calls of the allocator, and counting of bytes asked for.
 * Both need to be there before a call is made, where the hot path is not: so
 * while one of them is on, other functions stand between the hot path and
 * the provider, and while none is, nothing does.
 */

/* Puts these functions there, or takes them away. `extras`: enum extra. */
void sampling_switch(unsigned extras);

#endif /* PRELOAD_SAMPLING_H */
