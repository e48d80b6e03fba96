/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_SANDBOX_H
#define TESTS_UNIT_SANDBOX_H
/*
 * Where unit tests put their files, and what they ask of the process: a
 * directory of their own on tmpfs that goes away with the program, child
 * processes for what cannot be undone, counts of what may be left behind.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <unistd.h>

#define SANDBOX_TMPFS_MAGIC 0x01021994
#define SANDBOX_NOBODY      65534 /* also where there is no such account */

/* Children stop the program when they hang, rather than the test run. */
#define SANDBOX_CHILD_SECONDS 60

#if defined(__SANITIZE_ADDRESS__)
#define SANDBOX_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANDBOX_ASAN 1
#endif
#endif
#ifndef SANDBOX_ASAN
#define SANDBOX_ASAN 0
#endif

static struct {
	char path[64];
	int dirfd;
	pid_t owner;
} sandbox;

static inline void sandbox_fail(const char *what)
{
	fprintf(stderr, "sandbox: %s: %s\n", strerror(errno), what);
	exit(99);
}

static inline int sandbox_remove_one(const char *path, const struct stat *st,
				     int type, struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	return remove(path) == 0 || errno == ENOENT ? 0 : 1;
}

static inline void sandbox_remove_tree(const char *path)
{
	nftw(path, sandbox_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* Only in the process that made it: children exit as well. */
static inline void sandbox_remove(void)
{
	if (getpid() == sandbox.owner)
		sandbox_remove_tree(sandbox.path);
}

static inline bool is_tmpfs(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && fs.f_type == SANDBOX_TMPFS_MAGIC;
}

/*
 * Makes the directory sandbox.path; searchable for everyone, as tests of
 * other users' files need that. A machine without tmpfs fails the test.
 */
static inline void sandbox_init(void)
{
	strcpy(sandbox.path, "/dev/shm/ht-unit.XXXXXX");
	if (!is_tmpfs("/dev/shm") || !mkdtemp(sandbox.path))
		sandbox_fail("cannot make a directory on tmpfs in /dev/shm");
	sandbox.owner = getpid();
	atexit(sandbox_remove);
	chmod(sandbox.path, 0755);
	sandbox.dirfd = open(sandbox.path,
			     O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (sandbox.dirfd < 0)
		sandbox_fail(sandbox.path);
}

/* valgrind stands between us and some limits of the kernel. */
static inline bool under_valgrind(void)
{
	const char *preloaded = getenv("LD_PRELOAD");

	return preloaded && strstr(preloaded, "vgpreload");
}

/* Entries of a directory, without . and .. */
static inline unsigned count_entries(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	unsigned count = 0;

	if (!dir)
		sandbox_fail(path);
	while ((entry = readdir(dir)))
		count += strcmp(entry->d_name, ".") != 0 &&
			 strcmp(entry->d_name, "..") != 0;
	closedir(dir);
	return count;
}

/* The one that opendir() itself holds is in every count, so it cancels. */
static inline unsigned count_fds(void)
{
	return count_entries("/proc/self/fd");
}

/* Lines of /proc/self/maps that name the sandbox. */
static inline unsigned count_maps(void)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[512];
	unsigned count = 0;

	if (!maps)
		sandbox_fail("/proc/self/maps");
	while (fgets(line, sizeof(line), maps))
		count += strstr(line, sandbox.path) != NULL;
	fclose(maps);
	return count;
}

static inline void write_file(const char *name, const void *bytes,
			      size_t count)
{
	int fd = openat(sandbox.dirfd, name,
			O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, bytes, count) != (ssize_t)count)
		sandbox_fail(name);
	close(fd);
}

static inline void truncate_file(const char *name, off_t length)
{
	int fd = openat(sandbox.dirfd, name, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || ftruncate(fd, length) != 0)
		sandbox_fail(name);
	close(fd);
}

static inline int wait_for(pid_t child)
{
	int status;

	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			sandbox_fail("waitpid");
	return status;
}

/*
 * Runs a function in a child and returns its wait status; 0 means that it
 * returned 0. It may change limits, users, namespaces and signal handlers,
 * and must not report: only the parent counts.
 */
static inline int in_child(int (*function)(void *), void *argument)
{
	pid_t child = fork();

	if (child < 0)
		sandbox_fail("fork");
	if (child == 0) {
		alarm(SANDBOX_CHILD_SECONDS);
		_exit(function(argument));
	}
	return wait_for(child);
}

/* For functions of in_child(): says which expectation failed. */
#define EXPECT(condition)                                              \
	do {                                                           \
		if (!(condition)) {                                    \
			fprintf(stderr, "# %s:%d: %s\n", __FILE__,     \
				__LINE__, #condition);                 \
			return 1;                                      \
		}                                                      \
	} while (0)

/* An exit status of in_child() functions: not possible on this machine. */
#define CHILD_SKIPS 77

static inline bool child_skipped(int status)
{
	return WIFEXITED(status) && WEXITSTATUS(status) == CHILD_SKIPS;
}

#endif /* TESTS_UNIT_SANDBOX_H */
