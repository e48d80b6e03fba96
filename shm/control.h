/* SPDX-License-Identifier: MIT */
#ifndef SHM_CONTROL_H
#define SHM_CONTROL_H
/*
 * Asking a live target for extras, by the one page of its segment that a
 * reader may write. Written through the file, not a mapping, so that a file
 * cut short is an error and no signal. The target looks at the page when it
 * allocates or starts threads: whether it has obeyed, a later snapshot tells
 * (extras_on, figures_asked). For readers; safe in any thread.
 */
#include <stddef.h>
#include <stdint.h>

#include "snapshot.h"

enum control_extra {
	CONTROL_MUTEX = 1u << 0,
	CONTROL_STALL = 1u << 1,
	CONTROL_REQUESTED = 1u << 2,
	CONTROL_ALLOCATOR = 1u << 3,
};

struct control_row {
	enum control_extra extra;
	const char *name; /* as options and outputs have it */
	const char *help; /* a clause */
};

/* All extras, and how many there are in *ret_count. */
const struct control_row *control_all(size_t *ret_count);

struct control {
	int fd;
	uint64_t offset_bytes; /* of the page in the file */
};

/*
 * Opens the control page of what is attached; dirfd and name as for
 * attach_open(). 0 or a negative errno: -EACCES and the like, -ESTALE when
 * the name is another file by now, -ENOTSUP when the segment has no such page
 * or its library, an older one, does not look at it.
 */
int control_open(struct control *ret, const struct attachment *a, int dirfd,
		 const char *name);
void control_close(struct control *c);

/* What is asked for at present, bits of enum control_extra. 0 or -errno. */
int control_wanted(const struct control *c, uint32_t *ret);

/*
 * Asks to switch some on and others off; one reader at a time. 0 or a
 * negative errno: -EBUSY when another one has been at it for too long.
 */
int control_switch(const struct control *c, uint32_t on, uint32_t off);

/*
 * Asks once for the allocator's own figures. They are there when a snapshot's
 * figures_asked is *ret. 0 or a negative errno.
 */
int control_ask(const struct control *c, uint64_t *ret);

#endif /* SHM_CONTROL_H */
