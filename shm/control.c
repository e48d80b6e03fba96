/* SPDX-License-Identifier: MIT */
#include "control.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "attachment.h"

#define LOCK_TRIES 50 /* of 5 ms */

/* To add an extra: a bit in layout.h and control.h, a row here, and what it
 * does in preload/extras.c. */
static const struct control_row rows[] = {
	{ CONTROL_MUTEX, "mutex", "time spent waiting for pthread locks" },
	{ CONTROL_STALL, "stall", "duration of sampled allocator calls" },
	{ CONTROL_REQUESTED, "requested",
	  "bytes asked for, before the allocator rounds them up" },
	{ CONTROL_ALLOCATOR, "allocator",
	  "the allocator's own figures, kept fresh" },
};

_Static_assert(CONTROL_MUTEX == (int)EXTRA_MUTEX &&
	       CONTROL_STALL == (int)EXTRA_STALL &&
	       CONTROL_REQUESTED == (int)EXTRA_REQUESTED &&
	       CONTROL_ALLOCATOR == (int)EXTRA_ALLOCATOR,
	       "readers have names of their own for the bits");

const struct control_row *control_all(size_t *ret_count)
{
	*ret_count = sizeof(rows) / sizeof(rows[0]);
	return rows;
}

/* Does the control page, of which s is the section, lie in `other`? */
static bool is_within(const struct segment_section *s, uint64_t page_bytes,
		      const struct segment_section *other)
{
	uint64_t bytes = (uint64_t)other->count * other->stride_bytes;

	return s->offset_bytes < other->offset_bytes + bytes &&
	       other->offset_bytes < s->offset_bytes + page_bytes;
}

/* A page of its own, not on top of what the target counts with. The other
 * sections are known to be in the file. */
static bool is_sound(const struct segment_header *h)
{
	const struct segment_section *s = &h->control;

	return s->count >= 1 && s->stride_bytes >= sizeof(struct segment_control) &&
	       s->offset_bytes >= h->header_bytes &&
	       s->offset_bytes % h->page_bytes == 0 &&
	       s->offset_bytes < h->file_bytes &&
	       !is_within(s, h->page_bytes, &h->metrics) &&
	       !is_within(s, h->page_bytes, &h->slots);
}

/* A header without extras is of a library that never looks at the page. */
static bool is_obeyed(const struct segment_header *h)
{
	return h->header_bytes >= sizeof(*h);
}

int control_open(struct control *ret, const struct attachment *a, int dirfd,
		 const char *name)
{
	struct stat st;
	int fd;

	if (!is_sound(&a->header) || !is_obeyed(&a->header))
		return -ENOTSUP;
	fd = openat(dirfd, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY |
				 O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) != 0 || st.st_dev != a->device ||
	    st.st_ino != a->inode) {
		close(fd);
		return -ESTALE;
	}
	ret->fd = fd;
	ret->offset_bytes = a->header.control.offset_bytes;
	return 0;
}

void control_close(struct control *c)
{
	close(c->fd);
}

static int transferred(ssize_t got, size_t bytes)
{
	if (got < 0)
		return -errno;
	return (size_t)got == bytes ? 0 : -EIO;
}

static int get(const struct control *c, size_t at, void *to, size_t bytes)
{
	return transferred(pread(c->fd, to, bytes, (off_t)(c->offset_bytes + at)),
			   bytes);
}

static int put(const struct control *c, size_t at, const void *from, size_t bytes)
{
	struct stat st;

	/* Never makes a file grow that was cut short. */
	if (fstat(c->fd, &st) != 0 ||
	    (uint64_t)st.st_size < c->offset_bytes + sizeof(struct segment_control))
		return -EIO;
	return transferred(pwrite(c->fd, from, bytes,
				  (off_t)(c->offset_bytes + at)), bytes);
}

int control_wanted(const struct control *c, uint32_t *ret)
{
	int error = get(c, offsetof(struct segment_control, want_flags), ret,
			sizeof(*ret));

	/* The target believes no other bits either. */
	*ret = error ? 0 : *ret & EXTRA_ALL;
	return error;
}

/* Several readers may switch at once. Whoever holds the lock all the time,
 * maybe out of malice, is not waited for. */
static int lock(const struct control *c)
{
	const struct timespec step = { .tv_nsec = 5000000 };

	for (int tries = 0; flock(c->fd, LOCK_EX | LOCK_NB) != 0; tries++) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -errno;
		if (tries == LOCK_TRIES)
			return -EBUSY;
		nanosleep(&step, NULL);
	}
	return 0;
}

static int change(const struct control *c, uint32_t on, uint32_t off)
{
	uint32_t flags;
	int error = control_wanted(c, &flags);

	if (error)
		return error;
	flags = (flags | on) & ~off;
	return put(c, offsetof(struct segment_control, want_flags), &flags,
		   sizeof(flags));
}

int control_switch(const struct control *c, uint32_t on, uint32_t off)
{
	int error = lock(c);

	if (error)
		return error;
	error = change(c, on, off);
	flock(c->fd, LOCK_UN);
	return error;
}

int control_ask(const struct control *c, uint64_t *ret)
{
	const size_t at = offsetof(struct segment_control, asked);
	uint64_t asked;
	int error = get(c, at, &asked, sizeof(asked));

	if (error)
		return error;
	*ret = asked + 1;
	return put(c, at, ret, sizeof(*ret));
}
