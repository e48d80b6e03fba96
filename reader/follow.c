/* SPDX-License-Identifier: MIT */
#include "reader/follow.h"

#include <string.h>
#include <time.h>

#include "reader/process.h"

#define GRACE_LOOKS 50 /* for a new image to show up: a second */
#define LOOK_NS     20000000L

/* True when a newer live image of the same process was found and opened. */
static bool open_next_image(struct ht *h, const struct ht_identity *old)
{
	const struct ht_identity *new;

	if (ht_open_pid(h, NULL, old->pid) != 0)
		return false;
	new = ht_identity(h);
	return ht_state(h) == HT_STATE_LIVE &&
	       new->starttime_ticks == old->starttime_ticks &&
	       new->pidns_inode == old->pidns_inode &&
	       strcmp(new->instance, old->instance) != 0;
}

static void swap(struct ht **one, struct ht **other)
{
	struct ht *h = *one;

	*one = *other;
	*other = h;
}

bool follow_exec(struct ht **process, struct ht **spare,
		 const struct view *last)
{
	const struct timespec pause = { .tv_nsec = LOOK_NS };
	const struct ht_identity *id = &last->id;

	for (int look = 0; look < GRACE_LOOKS; look++) {
		if (open_next_image(*spare, id)) {
			swap(process, spare);
			return true;
		}
		if (!id->in_our_namespace ||
		    !process_runs(id->pid, id->starttime_ticks))
			return false;
		nanosleep(&pause, NULL);
	}
	return false;
}
