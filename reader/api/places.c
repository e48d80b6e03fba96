/* SPDX-License-Identifier: MIT */
#include "reader/api/places.h"

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

#define DIRECTORY_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

const char *places_directory(void)
{
	const char *directory = getenv("HEAPTALLY_DIR");

	return directory && *directory ? directory : SEGMENT_DEFAULT_DIRECTORY;
}

/* 0 or -ENOMEM. */
static int append(struct place **places, size_t *count, const struct place *p)
{
	struct place *larger;

	/* Powers of two: the array is full exactly when it must double. */
	if ((*count & (*count - 1)) == 0) {
		larger = reallocarray(*places, *count ? *count * 2 : 1,
				      sizeof(**places));
		if (!larger)
			return -ENOMEM;
		*places = larger;
	}
	(*places)[(*count)++] = *p;
	return 0;
}

/* In a shell where the library is preloaded this process is tallied, too. */
static bool is_ourselves(const struct place *p)
{
	uint64_t starttime_ticks;
	char state;

	return p->pid == getpid() &&
	       process_start(p->pid, &starttime_ticks, &state) &&
	       starttime_ticks == p->starttime_ticks;
}

static int scan_file(struct places *places, int inside_pid, const char *run,
		     const char *name)
{
	struct place p = { .inside_pid = inside_pid };

	if (strlen(name) >= sizeof(p.name) ||
	    !segment_name_parse(name, SEGMENT_PREFIX, &p.pid,
				&p.starttime_ticks) ||
	    is_ourselves(&p))
		return 0;
	snprintf(p.name, sizeof(p.name), "%s", name);
	snprintf(p.run, sizeof(p.run), "%s", run);
	return append(&places->items, &places->count, &p);
}

static int scan_run(struct places *places, int inside_pid, const char *name)
{
	struct place p = { .inside_pid = inside_pid };

	if (strlen(name) >= sizeof(p.run) ||
	    !segment_name_parse(name, RUN_DIRECTORY_PREFIX, &p.pid,
				&p.starttime_ticks))
		return 0;
	snprintf(p.run, sizeof(p.run), "%s", name);
	return append(&places->runs, &places->run_count, &p);
}

/* Takes over `fd`. Returns 0 or a negative errno. */
static int scan_directory(struct places *places, int fd, int inside_pid,
			  const char *run)
{
	DIR *directory = fdopendir(fd);
	struct dirent *entry;
	int error = 0;

	if (!directory) {
		error = -errno;
		close(fd);
		return error;
	}
	for (errno = 0; !error && (entry = readdir(directory)); errno = 0) {
		error = scan_file(places, inside_pid, run, entry->d_name);
		if (!error && !*run)
			error = scan_run(places, inside_pid, entry->d_name);
	}
	if (!error)
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
static int scan_runs(struct places *places, int dirfd, size_t first)
{
	int error = 0;

	for (size_t i = first; i < places->run_count && error != -ENOMEM; i++) {
		int fd = places_open_directory(dirfd, &places->runs[i]);

		if (fd >= 0)
			error = scan_directory(places, fd,
					       places->runs[i].inside_pid,
					       places->runs[i].run);
	}
	return error == -ENOMEM ? error : 0;
}

int places_scan(struct places *ret, int dirfd)
{
	struct places places = { .count = 0 };
	int fd = openat(dirfd, ".", DIRECTORY_FLAGS);
	int error = fd < 0 ? -errno : scan_directory(&places, fd, 0, "");

	if (!error)
		error = scan_runs(&places, dirfd, 0);
	if (error) {
		places_release(&places);
		return error;
	}
	if (places.count)
		qsort(places.items, places.count, sizeof(*places.items),
		      compare_places);
	*ret = places;
	return 0;
}

void places_release(struct places *p)
{
	free(p->items);
	free(p->runs);
	*p = (struct places){ .count = 0 };
}

int places_scan_inside(struct places *p, int dirfd, int pid)
{
	size_t first = p->run_count;
	int fd = container_open_directory(pid);
	int error = fd < 0 ? -errno : scan_directory(p, fd, pid, "");

	return error ? error : scan_runs(p, dirfd, first);
}

struct everywhere {
	struct places *places;
	int dirfd;
	int error;
};

static void scan_found(int pid, void *argument)
{
	struct everywhere *e = argument;
	int error = places_scan_inside(e->places, e->dirfd, pid);

	if (error == -ENOMEM)
		e->error = error;
}

int places_scan_everywhere(struct places *p, int dirfd)
{
	struct everywhere e = { .places = p, .dirfd = dirfd };
	int error = container_each(dirfd, scan_found, &e);

	return error ? error : e.error;
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

int places_open_directory(int dirfd, const struct place *p)
{
	uid_t me = geteuid();
	struct stat st;
	int fd = p->inside_pid ? open_inside(p->inside_pid, p->run) :
				 open_in(dirfd, p->run);

	if (fd < 0 || !*p->run)
		return fd;
	if (fstat(fd, &st) == 0 && (me == 0 || st.st_uid == me))
		return fd;
	close(fd);
	errno = EPERM;
	return -1;
}

/* Attaches, and verifies the pid. */
static enum attach_error attach_verified(int fd, const struct place *p,
					 struct attachment **ret)
{
	struct attachment *a = NULL;
	enum attach_error error = attach_open(&a, fd, p->name, 0);

	if (error)
		return error;
	if (attach_identity(a)->pid != p->pid) {
		attach_close(a);
		return ATTACH_CORRUPT;
	}
	*ret = a;
	return ATTACH_OK;
}

enum attach_error places_attach(int dirfd, const struct place *p,
				struct attachment **ret, int *ret_dirfd)
{
	int fd = places_open_directory(dirfd, p);
	enum attach_error error;
	int saved_errno;

	if (fd < 0)
		return errno == ENOENT ? ATTACH_GONE : ATTACH_DENIED;
	error = attach_verified(fd, p, ret);
	if (!error && ret_dirfd) {
		*ret_dirfd = fd;
		return ATTACH_OK;
	}
	saved_errno = errno;
	close(fd);
	errno = saved_errno;
	return error;
}

/* The greater, the better; equal ranks are decided by age. */
static int rank(const struct attachment *a, uint64_t namespace_inode)
{
	uint64_t theirs = attach_identity(a)->pidns_inode;

	return (theirs == 0 || theirs == namespace_inode ? 2 : 0) +
	       (attach_state(a) == TARGET_LIVE ? 1 : 0);
}

static bool is_better(const struct attachment *a, const struct attachment *best,
		      uint64_t namespace_inode)
{
	int difference = rank(a, namespace_inode) -
			 rank(best, namespace_inode);

	if (difference)
		return difference > 0;
	return attach_identity(a)->started_realtime_ns >
	       attach_identity(best)->started_realtime_ns;
}

enum attach_error places_attach_pid(const struct places *p, size_t first,
				    int dirfd, uint64_t namespace_inode,
				    int pid, const struct place **ret_place,
				    struct attachment **ret)
{
	enum attach_error last_error = ATTACH_GONE;
	struct attachment *best = NULL;

	for (size_t i = first; i < p->count; i++) {
		struct attachment *a = NULL;
		enum attach_error error;

		if (p->items[i].pid != pid)
			continue;
		error = places_attach(dirfd, &p->items[i], &a, NULL);
		if (error) {
			last_error = error;
			continue;
		}
		if (best && !is_better(a, best, namespace_inode)) {
			attach_close(a);
			continue;
		}
		attach_close(best);
		best = a;
		*ret_place = &p->items[i];
	}
	if (!best)
		return last_error;
	*ret = best;
	return ATTACH_OK;
}

enum attach_error places_attach_inside(struct places *p, int dirfd, int pid,
				       const struct place **ret_place,
				       struct attachment **ret)
{
	size_t first = p->count;
	int inner_pid = container_inner_pid(pid);

	if (!inner_pid || places_scan_inside(p, dirfd, pid) != 0)
		return ATTACH_GONE;
	return places_attach_pid(p, first, dirfd, container_namespace(pid),
				 inner_pid, ret_place, ret);
}
