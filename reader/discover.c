/* SPDX-License-Identifier: MIT */
#include "reader/discover.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reader/container.h"
#include "reader/process.h"
#include "reader/report.h"

#define DIRECTORY_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
#define NAMED_MAX       5 /* damaged files named one by one */

const char *discover_directory(void)
{
	const char *directory = getenv("HEAPTALLY_DIR");

	return directory && *directory ? directory : SEGMENT_DEFAULT_DIRECTORY;
}

static void append(struct place **places, size_t *count, const struct place *p)
{
	/* Powers of two: the array is full exactly when it must double. */
	if ((*count & (*count - 1)) == 0)
		*places = report_oom(reallocarray(
			*places, *count ? *count * 2 : 1, sizeof(**places)));
	(*places)[(*count)++] = *p;
}

/* In a shell where the library is preloaded this command is tallied, too. */
static bool is_ourselves(const struct place *p)
{
	uint64_t starttime_ticks;
	char state;

	return p->pid == getpid() &&
	       process_start(p->pid, &starttime_ticks, &state) &&
	       starttime_ticks == p->starttime_ticks;
}

static void scan_file(struct discovery *d, int inside_pid, const char *run,
		      const char *name)
{
	struct place p = { .inside_pid = inside_pid };

	if (strlen(name) >= sizeof(p.name) ||
	    !segment_name_parse(name, SEGMENT_PREFIX, &p.pid,
				&p.starttime_ticks) ||
	    is_ourselves(&p))
		return;
	snprintf(p.name, sizeof(p.name), "%s", name);
	snprintf(p.run, sizeof(p.run), "%s", run);
	append(&d->places, &d->count, &p);
}

static void scan_run(struct discovery *d, int inside_pid, const char *name)
{
	struct place p = { .inside_pid = inside_pid };

	if (strlen(name) >= sizeof(p.run) ||
	    !segment_name_parse(name, RUN_DIRECTORY_PREFIX, &p.pid,
				&p.starttime_ticks))
		return;
	snprintf(p.run, sizeof(p.run), "%s", name);
	append(&d->runs, &d->run_count, &p);
}

/* Takes over `fd`. Returns 0 or a negative errno. */
static int scan_directory(struct discovery *d, int fd, int inside_pid,
			  const char *run)
{
	DIR *directory = fdopendir(fd);
	struct dirent *entry;
	int error;

	if (!directory) {
		error = -errno;
		close(fd);
		return error;
	}
	for (errno = 0; (entry = readdir(directory)); errno = 0) {
		scan_file(d, inside_pid, run, entry->d_name);
		if (!*run)
			scan_run(d, inside_pid, entry->d_name);
	}
	error = -errno;
	closedir(directory);
	return error;
}

static int compare_places(const void *left, const void *right)
{
	const struct place *a = left, *b = right;

	if (a->pid != b->pid)
		return a->pid < b->pid ? -1 : 1;
	if (a->starttime_ticks != b->starttime_ticks)
		return a->starttime_ticks < b->starttime_ticks ? -1 : 1;
	return strcmp(a->name, b->name);
}

/* From the given one on. One that went away or is not ours is no failure. */
static void scan_runs(struct discovery *d, size_t first)
{
	for (size_t i = first; i < d->run_count; i++) {
		int fd = discover_open_directory(d, &d->runs[i]);

		if (fd >= 0)
			scan_directory(d, fd, d->runs[i].inside_pid,
				       d->runs[i].run);
	}
}

int discover_scan(struct discovery *ret)
{
	struct discovery d = { .directory = discover_directory() };
	int fd, error;

	d.dirfd = open(d.directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d.dirfd < 0)
		return -errno;
	fd = openat(d.dirfd, ".", DIRECTORY_FLAGS);
	error = fd < 0 ? -errno : scan_directory(&d, fd, 0, "");
	if (error) {
		discover_release(&d);
		return error;
	}
	scan_runs(&d, 0);
	if (d.count)
		qsort(d.places, d.count, sizeof(*d.places), compare_places);
	*ret = d;
	return 0;
}

int discover_scan_inside(struct discovery *d, int pid)
{
	size_t first = d->run_count;
	int fd = container_open_directory(pid);
	int error = fd < 0 ? -errno : scan_directory(d, fd, pid, "");

	if (!error)
		scan_runs(d, first);
	return error;
}

static void scan_found(int pid, void *discovery)
{
	discover_scan_inside(discovery, pid);
}

void discover_scan_everywhere(struct discovery *d)
{
	container_each(d->dirfd, scan_found, d);
}

void discover_release(struct discovery *d)
{
	free(d->places);
	free(d->runs);
	if (d->dirfd >= 0)
		close(d->dirfd);
}

static int open_in(int directory, const char *name)
{
	return openat(directory, *name ? name : ".", DIRECTORY_FLAGS);
}

static int open_inside(int pid, const char *name)
{
	int directory = container_open_directory(pid);
	int fd, saved;

	if (directory < 0 || !*name)
		return directory;
	fd = open_in(directory, name);
	saved = errno;
	close(directory);
	errno = saved;
	return fd;
}

int discover_open_directory(const struct discovery *d, const struct place *p)
{
	uid_t me = geteuid();
	struct stat st;
	int fd = p->inside_pid ? open_inside(p->inside_pid, p->run) :
				 open_in(d->dirfd, p->run);

	if (fd < 0 || !*p->run)
		return fd;
	if (fstat(fd, &st) == 0 && (me == 0 || st.st_uid == me))
		return fd;
	close(fd);
	errno = EPERM;
	return -1;
}

enum attach_error discover_attach(const struct discovery *d,
				  const struct place *p,
				  struct attachment **ret)
{
	struct attachment *a = NULL;
	int fd = discover_open_directory(d, p);
	enum attach_error error;
	int saved_errno;

	if (fd < 0)
		return errno == ENOENT ? ATTACH_GONE : ATTACH_DENIED;
	error = attach_open(&a, fd, p->name, 0);
	saved_errno = errno;
	close(fd);
	errno = saved_errno;
	if (error)
		return error;
	if (attach_identity(a)->pid != p->pid) {
		attach_close(a);
		return ATTACH_CORRUPT;
	}
	*ret = a;
	return ATTACH_OK;
}

bool discover_is_current(const struct discovery *d, const struct place *p,
			 const struct attachment *a)
{
	int fd = discover_open_directory(d, p);
	bool current = fd >= 0 && attach_is_current(a, fd, p->name);

	if (fd >= 0)
		close(fd);
	return current;
}

char *discover_path(const struct discovery *d, const struct place *p)
{
	char *path = NULL, root[32] = "";

	if (p->inside_pid)
		snprintf(root, sizeof(root), "/proc/%d/root", p->inside_pid);
	if (asprintf(&path, "%s%s%s%s%s%s", root, d->directory, *p->run ? "/" : "",
		     p->run, *p->name ? "/" : "", p->name) < 0)
		path = NULL;
	return report_oom(path);
}

/* What is done about each reason: named, counted, or nothing to tell. */
enum trouble_class { TROUBLE_NAMED, TROUBLE_COUNTED, TROUBLE_NONE };

static enum trouble_class classify(enum attach_error error)
{
	switch (error) {
	case ATTACH_DENIED:
	case ATTACH_FOREIGN:
		return TROUBLE_COUNTED;
	case ATTACH_GONE: /* it ended between the look and the attach */
		return TROUBLE_NONE;
	default:
		return TROUBLE_NAMED;
	}
}

void discover_trouble(struct discover_troubles *t, const struct discovery *d,
		      const struct place *p, enum attach_error error)
{
	char *path;

	t->counts[error]++;
	if (classify(error) != TROUBLE_NAMED || ++t->named > NAMED_MAX)
		return;
	path = discover_path(d, p);
	if (error == ATTACH_SYSTEM)
		report("cannot read '%s': %s", path, report_errno(errno));
	else
		report("skipped '%s': %s", path, attach_error_text(error));
	free(path);
}

void discover_trouble_notes(const struct discover_troubles *t)
{
	size_t foreign = t->counts[ATTACH_DENIED] + t->counts[ATTACH_FOREIGN];

	if (t->named > NAMED_MAX)
		report("skipped %zu more files that cannot be read",
		       t->named - NAMED_MAX);
	if (foreign)
		report("%zu segment%s to other users: run as root to see %s",
		       foreign, foreign == 1 ? " belongs" : "s belong",
		       foreign == 1 ? "it" : "them");
}
