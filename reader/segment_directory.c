/* SPDX-License-Identifier: MIT */
#include "reader/segment_directory.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "reader/format.h"
#include "reader/report.h"

#define SEGMENT_ROOM_BYTES (64u << 10) /* one segment needs about that */

static char *answer;

#define say(...) report_clause(&answer, __VA_ARGS__)

/* The targets refuse other file systems, where a store can block. */
const char *segment_directory_check(int fd, const char *path)
{
	struct statfs fs;

	if (fstatfs(fd, &fs) != 0)
		return say("cannot look at '%s': %s", path,
			   report_errno(errno));
	if (fs.f_type != TMPFS_MAGIC)
		return say("'%s' is not on tmpfs", path);
	/* A tmpfs without a limit has no blocks to count. */
	if (fs.f_blocks && fs.f_bavail * (uint64_t)fs.f_bsize <
			   SEGMENT_ROOM_BYTES)
		return say("'%s' is full: 'heaptally sweep' may help", path);
	return NULL;
}

static const char *examine_fd(int fd, const char *path,
			      uint64_t *ret_free_bytes)
{
	const char *why = segment_directory_check(fd, path);
	struct statfs fs;

	if (why)
		return why;
	if (faccessat(fd, ".", W_OK | X_OK, AT_EACCESS) != 0)
		return say("'%s' cannot be written: %s", path,
			   report_errno(errno));
	*ret_free_bytes = UINT64_MAX;
	if (fstatfs(fd, &fs) == 0 && fs.f_blocks)
		*ret_free_bytes = fs.f_bavail * (uint64_t)fs.f_bsize;
	return NULL;
}

const char *segment_directory_examine(const char *path,
				      uint64_t *ret_free_bytes)
{
	struct escaped_text shown = format_escaped(path);
	/* Without the right to list it segments can be made all the same. */
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	const char *why;

	if (*path != '/')
		why = say("'%s' is not an absolute path", shown.s);
	else if (fd < 0)
		why = say("no directory '%s': %s", shown.s,
			  report_errno(errno));
	else
		why = examine_fd(fd, shown.s, ret_free_bytes);
	if (fd >= 0)
		close(fd);
	return why;
}
