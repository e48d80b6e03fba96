/* SPDX-License-Identifier: MIT */
#include "control.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <unistd.h>

#include "attachment.h"

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

static bool is_sound(const struct segment_header *h)
{
	const struct segment_section *s = &h->control;

	return s->count >= 1 && s->stride_bytes >= sizeof(struct segment_control) &&
	       s->offset_bytes >= h->header_bytes &&
	       s->offset_bytes % h->page_bytes == 0 &&
	       s->offset_bytes < h->file_bytes &&
	       /* Not on top of what the target counts with. */
	       s->offset_bytes != h->metrics.offset_bytes &&
	       (s->offset_bytes < h->slots.offset_bytes ||
		s->offset_bytes >= h->slots.offset_bytes +
			(uint64_t)h->slots.count * h->slots.stride_bytes);
}

int control_open(struct control *ret, const struct attachment *a, int dirfd,
		 const char *name)
{
	struct stat st;
	int fd;

	if (!is_sound(&a->header))
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
	return get(c, offsetof(struct segment_control, want_flags), ret,
		   sizeof(*ret));
}

int control_switch(const struct control *c, uint32_t on, uint32_t off)
{
	uint32_t flags;
	int error = control_wanted(c, &flags);

	if (error)
		return error;
	flags = (flags | on) & ~off;
	return put(c, offsetof(struct segment_control, want_flags), &flags,
		   sizeof(flags));
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
