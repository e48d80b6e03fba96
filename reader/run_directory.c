/* SPDX-License-Identifier: MIT */
#include "reader/run_directory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reader/api/heaptally.h"
#include "reader/process.h"
#include "reader/report.h"
#include "reader/segment_directory.h"

static char *answer;

#define say(...) report_clause(&answer, __VA_ARGS__)

static const char *make_below(struct run_directory *r, const char *parent)
{
	uint64_t starttime_ticks = 0;
	char state;
	size_t length = strlen(parent);

	process_start(getpid(), &starttime_ticks, &state);
	segment_name_format(r->name, RUN_DIRECTORY_PREFIX, getpid(),
			    starttime_ticks, -1);
	/* Room for the name of a segment, too. */
	if (length + 2UL * SEGMENT_NAME_BYTES > SEGMENT_PATH_BYTES)
		return say("the path of '%s' is too long", parent);
	snprintf(r->path, sizeof(r->path), "%s/%s", parent, r->name);
	if (mkdirat(r->parent_fd, r->name, 0700) != 0)
		return say("cannot make '%s': %s", r->path,
			   report_errno(errno));
	r->fd = openat(r->parent_fd, r->name, O_RDONLY | O_DIRECTORY |
		       O_NOFOLLOW | O_CLOEXEC);
	/* The umask may have taken rights of our own. */
	if (r->fd < 0 || fchmod(r->fd, 0700) != 0)
		return say("cannot open '%s': %s", r->path,
			   report_errno(errno));
	flock(r->fd, LOCK_EX | LOCK_NB);
	return NULL;
}

/* Of a run within a run both directories are to be found by `list`. */
static void leave_outer_run(char *path)
{
	char *slash = strrchr(path, '/');
	uint64_t starttime_ticks;
	int pid;

	if (slash && slash > path &&
	    segment_name_parse(slash + 1, RUN_DIRECTORY_PREFIX, &pid,
			       &starttime_ticks))
		*slash = '\0';
}

const char *run_directory_make(struct run_directory *ret)
{
	const char *directory = ht_directory();
	char parent[PATH_MAX];
	const char *why;

	ret->fd = -1;
	if (!realpath(directory, parent))
		return say("no directory '%s': %s", directory,
			   report_errno(errno));
	leave_outer_run(parent);
	ret->parent_fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (ret->parent_fd < 0)
		return say("cannot open '%s': %s", parent,
			   report_errno(errno));
	why = segment_directory_check(ret->parent_fd, parent);
	if (!why)
		why = make_below(ret, parent);
	if (why)
		run_directory_close(ret, true);
	return why;
}

size_t run_directory_users(const struct run_directory *r)
{
	char assignment[sizeof(r->path) + 16];

	snprintf(assignment, sizeof(assignment), "HEAPTALLY_DIR=%s", r->path);
	return process_count_environment(assignment);
}

void run_directory_close(struct run_directory *r, bool remove)
{
	if (r->fd >= 0 && remove)
		unlinkat(r->parent_fd, r->name, AT_REMOVEDIR);
	if (r->fd >= 0)
		close(r->fd);
	close(r->parent_fd);
	r->fd = -1;
}
