/* SPDX-License-Identifier: MIT */
#include "reader/container.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "reader/process.h"
#include "shm/segment_name.h"

#define DIRECTORIES_MAX 4096 /* told apart; more than a machine has containers */

int container_inner_pid(int pid)
{
	char name[32], line[512];
	int inner = 0;
	FILE *status;

	snprintf(name, sizeof(name), "/proc/%d/status", pid);
	status = fopen(name, "re");
	if (!status)
		return 0;
	while (fgets(line, sizeof(line), status)) {
		if (strncmp(line, "NSpid:", 6) != 0)
			continue;
		/* From the outermost namespace that we can see inwards. */
		inner = atoi(strrchr(line, '\t') ? strrchr(line, '\t') + 1 : "");
		break;
	}
	fclose(status);
	return inner;
}

uint64_t container_namespace(int pid)
{
	char name[40];
	struct stat st;

	snprintf(name, sizeof(name), "/proc/%d/ns/pid", pid);
	return stat(name, &st) == 0 ? st.st_ino : 0;
}

static bool is_that(int pid, uint64_t pidns_inode, int inner_pid,
		    uint64_t starttime_ticks)
{
	return process_runs(pid, starttime_ticks) &&
	       container_namespace(pid) == pidns_inode &&
	       container_inner_pid(pid) == inner_pid;
}

/* The next process in /proc; 0 at the end. */
static int next_pid(DIR *proc)
{
	struct dirent *entry;

	while ((entry = readdir(proc)))
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
			return atoi(entry->d_name);
	return 0;
}

int container_host_pid(uint64_t pidns_inode, int inner_pid,
		       uint64_t starttime_ticks)
{
	int pid;
	DIR *proc;

	if (pidns_inode == 0 || starttime_ticks == 0)
		return 0;
	proc = opendir("/proc");
	if (!proc)
		return 0;
	while ((pid = next_pid(proc)))
		if (is_that(pid, pidns_inode, inner_pid, starttime_ticks))
			break;
	closedir(proc);
	return pid;
}

/*
 * Below another root a link such as /dev/shm -> /somewhere would be followed
 * from ours; openat2 (Linux 5.6) keeps it in there.
 */
static int open_below(int root, const char *path)
{
	struct open_how how = {
		.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};

	return (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
}

int container_open_directory(int pid)
{
	char name[32];
	char *directory = process_variable(pid, "HEAPTALLY_DIR");
	int root, fd, saved;

	snprintf(name, sizeof(name), "/proc/%d/root", pid);
	root = open(name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	fd = root < 0 ? -1 : open_below(root, directory && *directory ?
					directory : SEGMENT_DEFAULT_DIRECTORY);
	saved = errno;
	if (root >= 0)
		close(root);
	free(directory);
	errno = saved;
	return fd;
}

/* Directories that were met already. */
struct seen {
	struct {
		dev_t device;
		ino_t inode;
	} entries[DIRECTORIES_MAX];
	size_t count;
};

static bool is_new(struct seen *seen, int fd)
{
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0 || seen->count == DIRECTORIES_MAX)
		return false;
	for (size_t i = 0; i < seen->count; i++)
		if (seen->entries[i].device == st.st_dev &&
		    seen->entries[i].inode == st.st_ino)
			return false;
	seen->entries[seen->count].device = st.st_dev;
	seen->entries[seen->count++].inode = st.st_ino;
	return true;
}

int container_each(int own_fd, void (*found)(int pid, void *argument),
		   void *argument)
{
	struct seen *seen = calloc(1, sizeof(*seen));
	DIR *proc;
	int pid;

	if (!seen)
		return -ENOMEM;
	proc = opendir("/proc");
	is_new(seen, own_fd);
	while (proc && (pid = next_pid(proc))) {
		int fd = container_open_directory(pid);

		if (is_new(seen, fd))
			found(pid, argument);
		if (fd >= 0)
			close(fd);
	}
	if (proc)
		closedir(proc);
	free(seen);
	return 0;
}
