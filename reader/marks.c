/* SPDX-License-Identifier: MIT */
#include "reader/marks.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#define VISITS_MAX   16
#define OPEN_FLAGS   (O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
#define OPEN_TRIES   8 /* it may come and go meanwhile */
#define CHUNK_BYTES  65536
#define KEPT_BYTES   (1 << 20)

/* ---- the file ---- */

/* Ours, or one that root may use for somebody. */
static bool is_sound(int fd)
{
	uid_t me = geteuid();
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	       st.st_nlink == 1 && (me == 0 || st.st_uid == me);
}

static int open_sound(int dirfd, const char *name, int flags)
{
	int fd = openat(dirfd, name, flags | OPEN_FLAGS, 0600);

	if (fd < 0)
		return -errno;
	if (is_sound(fd))
		return fd;
	close(fd);
	return -EPERM;
}

/*
 * Made first and found second, never both at once: in a directory like
 * /dev/shm the kernel refuses to "make" what is there and another user's.
 */
static int make_or_join(int dirfd, const char *name)
{
	int fd = -EEXIST;

	for (int i = 0; i < OPEN_TRIES && (fd == -EEXIST || fd == -ENOENT);
	     i++)
		fd = open_sound(dirfd, name, i % 2 ? O_RDWR :
				O_RDWR | O_CREAT | O_EXCL);
	return fd;
}

static int watch(int fd)
{
	int notify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (notify_fd >= 0 && inotify_add_watch(notify_fd, path, IN_MODIFY) < 0) {
		close(notify_fd);
		notify_fd = -1;
	}
	return notify_fd;
}

int marks_open(struct marks *ret, int dirfd, const char *name, unsigned owner)
{
	struct stat st;

	*ret = (struct marks){ .dirfd = dirfd, .notify_fd = -1 };
	snprintf(ret->file, sizeof(ret->file), "%s", name);
	ret->fd = make_or_join(dirfd, name);
	if (ret->fd < 0)
		return ret->fd;
	flock(ret->fd, LOCK_SH);
	/* Who cannot mark still has his memory recorded. */
	if (geteuid() == 0 && owner != 0 &&
	    fchown(ret->fd, owner, (gid_t)-1) != 0)
		errno = 0;
	/* What others counted before is not ours. */
	if (fstat(ret->fd, &st) == 0)
		ret->offset_bytes = st.st_size;
	ret->notify_fd = watch(ret->fd);
	return 0;
}

void marks_close(struct marks *m)
{
	if (m->fd < 0)
		return;
	/* Taken only where no other recorder shares it. */
	if (flock(m->fd, LOCK_EX | LOCK_NB) == 0)
		unlinkat(m->dirfd, m->file, 0);
	close(m->fd);
	if (m->notify_fd >= 0)
		close(m->notify_fd);
	m->fd = m->notify_fd = -1;
}

void marks_file_of(char *name, const struct ht_place *p)
{
	segment_name_format(name, MARKS_PREFIX, p->pid, p->starttime_ticks,
			    -1);
}

int marks_directory(const struct ht *h)
{
	return openat(ht_dirfd(h), ht_place(h)->run[0] ? ".." : ".",
		      O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* ---- reading ---- */

/* Neighbours of one name, not yet visited. */
struct batch {
	marks_visit *visit;
	void *context;
	unsigned visits;
	uint64_t count;
	char name[MARK_NAME_BYTES];
};

static void hand_over(struct batch *b)
{
	if (b->count)
		b->visit(b->context, b->count, b->name);
	b->visits += b->count > 0;
	b->count = 0;
}

static void take_line(struct marks *m, struct batch *b)
{
	m->name[m->name_bytes] = '\0';
	if (b->count && strcmp(b->name, m->name) != 0 &&
	    b->visits < VISITS_MAX - 1)
		hand_over(b);
	if (!b->count)
		memcpy(b->name, m->name, sizeof(b->name));
	b->count++;
	m->name_bytes = 0;
}

static void take_byte(struct marks *m, struct batch *b, char byte)
{
	if (byte == '\n')
		take_line(m, b);
	else if (byte && m->name_bytes < sizeof(m->name) - 1)
		m->name[m->name_bytes++] = byte;
}

static void drain(int notify_fd)
{
	char events[4096];

	while (notify_fd >= 0 && read(notify_fd, events, sizeof(events)) > 0)
		continue;
}

/*
 * Gives back what was read long ago; it reads as zeros then. The rest stays
 * for another recorder of the same file, which may be behind.
 */
static void forget_read(struct marks *m)
{
	int64_t end = m->offset_bytes - KEPT_BYTES;

	if (end - m->forgotten_bytes < KEPT_BYTES)
		return;
	if (fallocate(m->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
		      end) == 0)
		m->forgotten_bytes = end;
}

void marks_read(struct marks *m, marks_visit *visit, void *context)
{
	struct batch b = { .visit = visit, .context = context };
	static char chunk[CHUNK_BYTES];
	ssize_t got;

	if (m->fd < 0)
		return;
	drain(m->notify_fd);
	while ((got = pread(m->fd, chunk, sizeof(chunk),
			    m->offset_bytes)) > 0) {
		for (ssize_t i = 0; i < got; i++)
			take_byte(m, &b, chunk[i]);
		m->offset_bytes += got;
	}
	hand_over(&b);
	forget_read(m);
}

/* ---- marking ---- */

/* The name without what would end the line, and a newline. */
static unsigned format_line(char line[MARK_NAME_BYTES + 1], const char *mark)
{
	unsigned length = 0;

	for (; *mark && length < MARK_NAME_BYTES - 1; mark++)
		line[length++] = *mark == '\n' ? ' ' : *mark;
	line[length++] = '\n';
	return length;
}

static bool is_recorded(int fd)
{
	return flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

int marks_append(int dirfd, const char *name, const char *mark)
{
	int fd = open_sound(dirfd, name, O_WRONLY | O_APPEND);
	char line[MARK_NAME_BYTES + 1];
	unsigned length = format_line(line, mark);
	int error = 0;

	if (fd < 0)
		return fd;
	if (!is_recorded(fd))
		error = -ENOENT;
	else if (write(fd, line, length) != (ssize_t)length)
		error = errno ? -errno : -EIO;
	close(fd);
	return error;
}

bool marks_is_stale(int dirfd, const char *name)
{
	int fd = open_sound(dirfd, name, O_RDONLY);
	bool stale = fd >= 0 && !is_recorded(fd);

	if (fd >= 0)
		close(fd);
	return stale;
}
