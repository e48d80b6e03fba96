/* SPDX-License-Identifier: MIT */
#include "reader/process.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_SECOND 1000000000ULL

uint64_t process_namespace(void)
{
	static uint64_t known; /* asked for with each segment, never changes */
	uint64_t inode = __atomic_load_n(&known, __ATOMIC_RELAXED);
	struct stat st;

	if (inode == 0 && stat("/proc/self/ns/pid", &st) == 0) {
		inode = st.st_ino;
		__atomic_store_n(&known, inode, __ATOMIC_RELAXED);
	}
	return inode;
}

/*
 * Opens /proc/PID. The descriptor stays with this process: once it is gone,
 * files below cannot be opened any more, even if the pid is used again.
 */
static int open_process(int pid)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d", pid);
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static FILE *open_file(int process_fd, const char *name)
{
	int fd = openat(process_fd, name, O_RDONLY | O_CLOEXEC);
	FILE *file = fd >= 0 ? fdopen(fd, "re") : NULL;

	if (!file && fd >= 0)
		close(fd);
	return file;
}

/* Field 3 is the state, field 22 the start time, counted from the pid. */
static bool parse_stat(const char *line, uint64_t *ret_starttime_ticks,
		       char *ret_state)
{
	/* The name in field 2 may hold spaces and parentheses. */
	const char *at = strrchr(line, ')');

	if (!at || at[1] != ' ' || !at[2])
		return false;
	*ret_state = at[2];
	at += 2;
	for (int field = 3; field < 22; field++) {
		at = strchr(at, ' ');
		if (!at)
			return false;
		at++;
	}
	return sscanf(at, "%" SCNu64, ret_starttime_ticks) == 1;
}

static bool read_start(int process_fd, uint64_t *ret_starttime_ticks,
		       char *ret_state)
{
	/* A name of 15 bytes and 51 numbers of 20 digits fit. */
	char line[2048];
	int fd = openat(process_fd, "stat", O_RDONLY | O_CLOEXEC);
	ssize_t length = fd >= 0 ? read(fd, line, sizeof(line) - 1) : -1;

	if (fd >= 0)
		close(fd);
	if (length <= 0)
		return false;
	line[length] = '\0';
	return parse_stat(line, ret_starttime_ticks, ret_state);
}

bool process_start(int pid, uint64_t *ret_starttime_ticks, char *ret_state)
{
	int fd = open_process(pid);
	bool found;

	if (fd < 0)
		return false;
	found = read_start(fd, ret_starttime_ticks, ret_state);
	close(fd);
	return found;
}

static bool is_running(int process_fd, uint64_t starttime_ticks)
{
	uint64_t found_ticks = 0;
	char state = 0;

	return read_start(process_fd, &found_ticks, &state) && state != 'Z' &&
	       state != 'X' &&
	       (!starttime_ticks || found_ticks == starttime_ticks);
}

bool process_runs(int pid, uint64_t starttime_ticks)
{
	int fd = open_process(pid);
	bool running;

	if (fd < 0)
		return false;
	running = is_running(fd, starttime_ticks);
	close(fd);
	return running;
}

int process_open(int pid, uint64_t starttime_ticks)
{
	int fd = open_process(pid);

	if (fd < 0 || is_running(fd, starttime_ticks))
		return fd;
	close(fd);
	return -1;
}

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now = { 0 };

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * NS_PER_SECOND + (uint64_t)now.tv_nsec;
}

/* Nanoseconds after boot; false where it is unknown or in the future. */
static bool start_after_boot(uint64_t starttime_ticks, uint64_t now_ns,
			     uint64_t *ret_ns)
{
	uint64_t tick_ns = NS_PER_SECOND / (uint64_t)sysconf(_SC_CLK_TCK);

	/* The tick of now has begun already, hence <=. */
	if (starttime_ticks == 0 || starttime_ticks > now_ns / tick_ns)
		return false;
	*ret_ns = starttime_ticks * tick_ns;
	return true;
}

double process_age_seconds(uint64_t starttime_ticks)
{
	uint64_t ticks = (uint64_t)sysconf(_SC_CLK_TCK);
	uint64_t now_ns = clock_ns(CLOCK_BOOTTIME);
	uint64_t start_ns, age_ticks;

	if (!start_after_boot(starttime_ticks, now_ns, &start_ns))
		return -1;
	/* To the tick, like the start: more digits would be noise. */
	age_ticks = (now_ns - start_ns) / (NS_PER_SECOND / ticks);
	return (double)age_ticks / (double)ticks;
}

uint64_t process_start_realtime_ns(uint64_t starttime_ticks)
{
	uint64_t now_ns = clock_ns(CLOCK_BOOTTIME);
	uint64_t boot_ns = clock_ns(CLOCK_REALTIME) - now_ns;
	uint64_t start_ns;
	uint64_t tick_ns = NS_PER_SECOND / 100;

	if (!start_after_boot(starttime_ticks, now_ns, &start_ns))
		return 0;
	/* Rounded: the two clocks are not read at one instant. */
	return (boot_ns + start_ns + tick_ns / 2) / tick_ns * tick_ns;
}

static bool read_memory(struct procfile *file, int process_fd,
			struct process_memory *ret)
{
	static const char *const names[PROCESS_MEMORY_FIELDS] = {
		[PROCESS_RESIDENT] = "VmRSS",
		[PROCESS_ANONYMOUS] = "RssAnon",
		[PROCESS_VIRTUAL] = "VmSize",
	};
	const char *status = procfile_read(file, process_fd, "status");

	if (!status)
		return false;
	for (unsigned i = 0; i < PROCESS_MEMORY_FIELDS; i++) {
		uint64_t kib;

		if (!procfile_named_number(status, names[i], &kib) ||
		    kib > UINT64_MAX / 1024)
			continue;
		ret->bytes[i] = kib * 1024;
		ret->present |= 1u << i;
	}
	procfile_named_number(status, "Threads", &ret->threads);
	return true;
}

/*
 * A process whose main thread has left by pthread_exit() looks like a zombie
 * as long as others go on. One of those that do; -1 where there is none.
 */
static int open_running_task(int process_fd, uint64_t starttime_ticks)
{
	uint64_t found_ticks = 0;
	char state = 0;
	struct procfile_list tasks;
	const char *tid;
	int found = -1;

	if (!read_start(process_fd, &found_ticks, &state) || state != 'Z' ||
	    (starttime_ticks && found_ticks != starttime_ticks) ||
	    !procfile_list_open(&tasks, process_fd, "task"))
		return -1;
	while (found < 0 && (tid = procfile_list_next(&tasks))) {
		found = openat(tasks.fd, tid,
			       O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (found >= 0 && !is_running(found, 0)) {
			close(found);
			found = -1;
		}
	}
	procfile_list_close(&tasks);
	return found;
}

bool process_memory(struct procfile *file, int pid, uint64_t starttime_ticks,
		    struct process_memory *ret)
{
	int fd = open_process(pid), task = -1;
	bool found;

	ret->present = 0;
	ret->threads = 0;
	if (fd < 0)
		return false;
	found = is_running(fd, starttime_ticks);
	if (!found)
		task = open_running_task(fd, starttime_ticks);
	found = (found || task >= 0) &&
		read_memory(file, task >= 0 ? task : fd, ret);
	if (task >= 0)
		close(task);
	close(fd);
	return found;
}

bool process_executable(int pid, char *path, size_t path_bytes)
{
	char link[40];
	ssize_t length;

	snprintf(link, sizeof(link), "/proc/%d/exe", pid);
	length = readlink(link, path, path_bytes - 1);
	if (length < 0)
		return false;
	path[length] = '\0';
	return true;
}

/*
 * Calls `matches` with each "NAME=value" of a process until it returns true;
 * that entry is returned, for the caller to free. Entries of environ end in
 * NUL, so getdelim() gives one at a time.
 */
static char *find_environment(int pid, const char *wanted,
			      bool (*matches)(const char *entry,
					      const char *wanted))
{
	int fd = open_process(pid);
	FILE *environment = fd >= 0 ? open_file(fd, "environ") : NULL;
	char *entry = NULL;
	size_t room = 0;
	bool found = false;

	while (environment && !found &&
	       getdelim(&entry, &room, 0, environment) >= 0)
		found = matches(entry, wanted);
	if (environment)
		fclose(environment);
	if (fd >= 0)
		close(fd);
	if (found)
		return entry;
	free(entry);
	return NULL;
}

static bool is_assignment(const char *entry, const char *wanted)
{
	return strcmp(entry, wanted) == 0;
}

static bool has_environment(int pid, const char *assignment)
{
	char *entry = find_environment(pid, assignment, is_assignment);
	bool found = entry != NULL;

	free(entry);
	return found;
}

static bool is_variable(const char *entry, const char *name)
{
	size_t length = strlen(name);

	return strncmp(entry, name, length) == 0 && entry[length] == '=';
}

char *process_variable(int pid, const char *name)
{
	char *entry = find_environment(pid, name, is_variable);
	size_t skipped = strlen(name) + 1;

	if (entry)
		memmove(entry, entry + skipped, strlen(entry) - skipped + 1);
	return entry;
}

size_t process_count_environment(const char *assignment)
{
	DIR *directory = opendir("/proc");
	struct dirent *entry;
	size_t count = 0;

	while (directory && (entry = readdir(directory))) {
		int pid = atoi(entry->d_name);

		if (pid > 0 && pid != getpid() &&
		    has_environment(pid, assignment))
			count++;
	}
	if (directory)
		closedir(directory);
	return count;
}

bool process_is_secure(int pid)
{
	int fd = open_process(pid);
	FILE *vector = fd >= 0 ? open_file(fd, "auxv") : NULL;
	unsigned long entry[2]; /* type and value */
	bool secure = false;

	while (vector && fread(entry, sizeof(entry), 1, vector) == 1)
		if (entry[0] == AT_SECURE)
			secure = entry[1] != 0;
	if (vector)
		fclose(vector);
	if (fd >= 0)
		close(fd);
	return secure;
}

void process_name(int pid, char *name, size_t name_bytes)
{
	int process_fd = open_process(pid);
	FILE *comm = process_fd >= 0 ? open_file(process_fd, "comm") : NULL;

	name[0] = '\0';
	if (comm && fgets(name, (int)name_bytes, comm))
		name[strcspn(name, "\n")] = '\0';
	if (comm)
		fclose(comm);
	if (process_fd >= 0)
		close(process_fd);
}

bool process_uid(int pid, unsigned *ret_uid)
{
	struct stat st;
	int fd = open_process(pid);
	bool found = fd >= 0 && fstat(fd, &st) == 0;

	if (fd >= 0)
		close(fd);
	if (found)
		*ret_uid = st.st_uid;
	return found;
}
