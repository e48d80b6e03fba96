/* SPDX-License-Identifier: MIT */
#ifndef READER_EXTRAS_H
#define READER_EXTRAS_H
/*
 * Asking a live target for extras, and waiting until it has noticed. A target
 * that does not allocate notices later. Main thread only.
 */
#include <stdbool.h>
#include <stdint.h>

#include "reader/discover.h"
#include "shm/control.h"

/*
 * Asks for the allocator's own figures and waits for them, a quarter of a
 * second at most. 0, -ETIMEDOUT when the target has not answered, or another
 * negative errno.
 */
int extras_ask_figures(const struct discovery *d, const struct place *p,
		       struct attachment *a);

/*
 * Switches some extras on and others off (bits of enum control_extra), and
 * waits as long; with none of both it only looks. Stores what is asked for by
 * then, and what is in force. 0 or a negative errno; 0 also for a target that
 * has not noticed.
 */
int extras_switch(const struct discovery *d, const struct place *p,
		  struct attachment *a, uint32_t on, uint32_t off,
		  uint32_t *ret_wanted, uint32_t *ret_in_force);

/* What such an error is, as the end of a message; see report_errno(). */
const char *extras_trouble(int error);

#endif /* READER_EXTRAS_H */
