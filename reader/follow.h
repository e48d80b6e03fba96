/* SPDX-License-Identifier: MIT */
#ifndef READER_FOLLOW_H
#define READER_FOLLOW_H
/*
 * Staying with a process that executes another program. Main thread only.
 */
#include <stdbool.h>

#include "reader/view.h"

/*
 * To be called when `last`, read from *process, is no longer live. Has the
 * process only become another program, which takes a moment to make its own
 * segment? Then that is opened in *spare, the two change places, and the
 * answer is true. Waits for at most a second, and only while the process
 * itself lives on.
 */
bool follow_exec(struct ht **process, struct ht **spare,
		 const struct view *last);

#endif /* READER_FOLLOW_H */
