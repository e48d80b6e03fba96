/* SPDX-License-Identifier: MIT */
/*
 * Removing what nobody needs any more. A file goes only while we hold locks
 * that a living writer, a program about to replace the file and any other
 * sweeper stand against, and only if its name still leads to it: two
 * sweepers, or one and a program that is just starting, cannot take each
 * other's files.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "reader/choose.h"
#include "reader/commands/commands.h"
#include "reader/marks.h"
#include "reader/process.h"
#include "reader/procfile.h"
#include "reader/report.h"
#include "reader/troubles.h"
#include "reader/view.h"

static bool dry_run;
static double min_age_seconds = 10;

const struct option_row sweep_options[] = {
	{ 'n', "dry-run", NULL, OPTION_FLAG, &dry_run,
	  "only say what would be removed" },
	{ 0, "min-age", "SEC", OPTION_SECONDS, &min_age_seconds,
	  "leave younger files alone, 10 by default" },
	{ 0 }
};

struct sweep {
	int dirfd;               /* of the main directory */
	struct ht_place *places; /* segments, and directories of runs */
	size_t count;
	size_t removed;
	size_t failed;
};

/* Ours to remove, and older than a program needs to set its segment up. */
static bool is_candidate(const struct stat *st)
{
	struct timespec now;
	double age;

	clock_gettime(CLOCK_REALTIME, &now);
	age = (double)(now.tv_sec - st->st_mtim.tv_sec) +
	      (double)(now.tv_nsec - st->st_mtim.tv_nsec) / 1e9;
	return age >= min_age_seconds &&
	       (geteuid() == 0 || st->st_uid == geteuid());
}

static bool is_still(int dirfd, const char *name, const struct stat *st)
{
	struct stat now;

	return fstatat(dirfd, name, &now, AT_SYMLINK_NOFOLLOW) == 0 &&
	       now.st_dev == st->st_dev && now.st_ino == st->st_ino;
}

/*
 * Freed with the descriptor. Against the writer one for reading, as one for
 * writing would make the file look alive to others; against other sweepers,
 * who may have that as well, one of flock(), which knows nothing of the first.
 */
static bool take_locks(int fd)
{
	struct flock lock = { .l_type = F_RDLCK, .l_whence = SEEK_SET };

	return fcntl(fd, F_OFD_SETLK, &lock) == 0 &&
	       flock(fd, LOCK_EX | LOCK_NB) == 0;
}

static void tell(struct sweep *s, const struct ht_place *p, int error)
{
	char *path = place_path(p);

	if (error) {
		report("cannot remove '%s': %s", path, report_errno(error));
		s->failed++;
	} else {
		printf("%s %s\n", dry_run ? "would remove" : "removed", path);
		s->removed++;
	}
	free(path);
}

/* True when the name is gone, or would be. */
static bool remove_name(struct sweep *s, const struct ht_place *p, int dirfd,
			const char *name, int flags)
{
	if (dry_run || unlinkat(dirfd, name, flags) == 0) {
		tell(s, p, 0);
		return true;
	}
	if (errno == ENOENT) /* another sweeper was faster */
		return true;
	if (errno != ENOTEMPTY && errno != EEXIST)
		tell(s, p, errno);
	return false;
}

/*
 * The process must be gone, not only the lock free: while it lives it may be
 * amid an exec and about to replace this file by one of the same name.
 */
static bool sweep_segment(struct sweep *s, const struct ht_place *p, int dirfd)
{
	bool removed = false;
	struct stat st;
	int fd = openat(dirfd, p->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK |
			O_NOCTTY | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && is_candidate(&st) &&
	    !process_runs(p->pid, p->starttime_ticks) && take_locks(fd) &&
	    is_still(dirfd, p->name, &st))
		removed = remove_name(s, p, dirfd, p->name, 0);
	close(fd);
	return removed;
}

/* The short name is ours in the directory of a run only. */
static bool is_marks_file(const char *run, const char *name)
{
	return *run ? strcmp(name, MARKS_RUN_NAME) == 0 :
		      strncmp(name, MARKS_PREFIX, strlen(MARKS_PREFIX)) == 0;
}

/* Who records holds a lock on the file. */
static void sweep_marks_file(struct sweep *s, const char *run, int fd,
			     const char *name)
{
	struct ht_place p = { .pid = 0 };
	struct stat st;

	if (strlen(name) >= sizeof(p.name) ||
	    fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
	    !S_ISREG(st.st_mode) || !is_candidate(&st) ||
	    !marks_is_stale(fd, name))
		return;
	snprintf(p.run, sizeof(p.run), "%s", run);
	snprintf(p.name, sizeof(p.name), "%s", name);
	remove_name(s, &p, fd, name, 0);
}

static void sweep_marks(struct sweep *s, const char *run, int dirfd)
{
	struct procfile_list list;
	const char *name;

	if (!procfile_list_open(&list, dirfd, "."))
		return;
	while ((name = procfile_list_next(&list)))
		if (is_marks_file(run, name))
			sweep_marks_file(s, run, dirfd, name);
	procfile_list_close(&list);
}

/* Sweeps what is below `run`, "" for the main directory. */
static bool sweep_directory(struct sweep *s, const char *run, int fd)
{
	bool all_removed = true;

	sweep_marks(s, run, fd);
	for (size_t i = 0; i < s->count; i++)
		if (s->places[i].name[0] &&
		    strcmp(s->places[i].run, run) == 0)
			all_removed &= sweep_segment(s, &s->places[i], fd);
	return all_removed;
}

/*
 * A run that is alive holds a lock on its directory, and reads what is in it
 * itself. The process is asked for too, as it makes before it locks.
 */
static bool is_abandoned(const struct ht_place *run, int fd)
{
	return !process_runs(run->pid, run->starttime_ticks) &&
	       flock(fd, LOCK_EX | LOCK_NB) == 0;
}

/* Returns -1 for one that is not a real directory of this user's. */
static int open_run(const struct sweep *s, const char *name, struct stat *ret)
{
	int fd = openat(s->dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
			O_CLOEXEC);

	if (fd < 0 || (fstat(fd, ret) == 0 &&
		       (geteuid() == 0 || ret->st_uid == geteuid())))
		return fd;
	close(fd);
	return -1;
}

static void sweep_run(struct sweep *s, const struct ht_place *run)
{
	struct stat st; /* before the sweeping, which renews the time */
	int fd = open_run(s, run->run, &st);

	if (fd < 0)
		return;
	if (is_abandoned(run, fd) && sweep_directory(s, run->run, fd) &&
	    is_candidate(&st))
		remove_name(s, run, s->dirfd, run->run, AT_REMOVEDIR);
	close(fd);
}

static void sweep_all(struct sweep *s)
{
	sweep_directory(s, "", s->dirfd);
	for (size_t i = 0; i < s->count; i++)
		if (!s->places[i].name[0])
			sweep_run(s, &s->places[i]);
	printf("%zu %s\n", s->removed,
	       dry_run ? "would be removed" : "removed");
}

int cmd_sweep(int argc, char **argv)
{
	struct ht *h = view_handle();
	struct sweep s = { .places = NULL };
	int status = choose_list(h, HT_LIST_RUNS, &s.places, &s.count);

	(void)argc;
	(void)argv;
	ht_free(h);
	if (status != STATUS_OK)
		return status;
	s.dirfd = open(ht_directory(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s.dirfd >= 0) {
		sweep_all(&s);
		close(s.dirfd);
	}
	free(s.places);
	return s.failed ? STATUS_FAILED : STATUS_OK;
}
