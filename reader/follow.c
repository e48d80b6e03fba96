/* SPDX-License-Identifier: MIT */
#include "reader/follow.h"

#include <string.h>
#include <time.h>

#include "reader/discover.h"
#include "reader/process.h"
#include "reader/select.h"

#define GRACE_LOOKS 50 /* for a new image to show up: a second */
#define LOOK_NS     20000000L

/* True when a newer live image of the same process was found and attached. */
static bool attach_next_image(struct attachment **attachment)
{
	const struct target_identity *old = attach_identity(*attachment);
	const struct target_identity *new;
	const struct place *place = NULL;
	struct attachment *a = NULL;
	struct discovery d;
	bool found = false;

	if (discover_scan(&d) != 0)
		return false;
	if (select_pid(&d, old->pid, &place, &a) == ATTACH_OK) {
		new = attach_identity(a);
		found = attach_state(a) == TARGET_LIVE &&
			new->starttime_ticks == old->starttime_ticks &&
			new->pidns_inode == old->pidns_inode &&
			strcmp(new->instance, old->instance) != 0;
	}
	if (found) {
		attach_close(*attachment);
		*attachment = a;
	} else {
		attach_close(a);
	}
	discover_release(&d);
	return found;
}

bool follow_exec(struct attachment **attachment, const struct target *last)
{
	const struct timespec pause = { .tv_nsec = LOOK_NS };

	for (int look = 0; look < GRACE_LOOKS; look++) {
		if (attach_next_image(attachment))
			return true;
		if (!last->is_here ||
		    !process_runs(last->id.pid, last->id.starttime_ticks))
			return false;
		nanosleep(&pause, NULL);
	}
	return false;
}
