/* SPDX-License-Identifier: MIT */
#include "leftovers.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>

#include "segment_name.h"
#include "syscalls.h"

#define MIN_AGE_SECONDS 10
#define FILES_MAX       100000 /* in a directory that anybody may fill */

/* As getdents64(2) has it; libc's readdir() allocates. */
struct entry {
	uint64_t inode;
	int64_t offset;
	uint16_t bytes;
	uint8_t type;
	char name[];
};

/* The name must still lead to the file when its lock is ours. */
static bool is_still(int directory, const char *name, const struct stat *st)
{
	struct stat now;
	int fd = sys_openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK |
			    O_CLOEXEC, 0);
	bool same = fd >= 0 && sys_fstat(fd, &now) == 0 &&
		    now.st_ino == st->st_ino && now.st_dev == st->st_dev;

	if (fd >= 0)
		sys_close(fd);
	return same;
}

static bool is_old(const struct stat *st)
{
	struct timespec now;

	return sys_clock_gettime(CLOCK_REALTIME, &now) == 0 &&
	       now.tv_sec - st->st_mtim.tv_sec > MIN_AGE_SECONDS;
}

static bool is_gone(int pid)
{
	return syscall(SYS_kill, pid, 0) != 0 && errno == ESRCH;
}

/*
 * A lock for reading, which the writer's stands against: one for writing would
 * make the file look alive to readers. Other sweepers may have the like, so
 * one of flock() in addition, which knows nothing of that: of two who both saw
 * the old file the second could unlink a new one of the same name.
 */
static bool take_locks(int fd)
{
	struct flock lock = { .l_type = F_RDLCK, .l_whence = SEEK_SET };

	return sys_fcntl(fd, F_OFD_SETLK, &lock) == 0 &&
	       sys_flock(fd, LOCK_EX | LOCK_NB) == 0;
}

static bool remove_one(int directory, const char *name, unsigned uid)
{
	struct stat st;
	uint64_t starttime_ticks;
	bool removed;
	int pid, fd;

	if (!segment_name_parse(name, SEGMENT_PREFIX, &pid, &starttime_ticks) ||
	    !is_gone(pid))
		return false;
	fd = sys_openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK |
			O_CLOEXEC, 0);
	if (fd < 0)
		return false;
	removed = sys_fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
		  st.st_uid == uid && is_old(&st) &&
		  take_locks(fd) &&
		  is_still(directory, name, &st) &&
		  sys_unlinkat(directory, name) == 0;
	sys_close(fd);
	return removed;
}

bool leftovers_remove(const char *directory, unsigned uid)
{
	_Alignas(struct entry) char buffer[4096];
	int fd = sys_open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	unsigned files = 0;
	bool any = false;
	long got;

	if (fd < 0)
		return false;
	while (files < FILES_MAX &&
	       (got = syscall(SYS_getdents64, fd, buffer, sizeof(buffer))) > 0)
		for (long at = 0; at < got; files++) {
			struct entry *entry = (struct entry *)(buffer + at);

			any |= remove_one(fd, entry->name, uid);
			at += entry->bytes;
		}
	sys_close(fd);
	return any;
}
