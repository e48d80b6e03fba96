/* SPDX-License-Identifier: MIT */
#include "reader/kernel.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reader/cgroup.h"
#include "reader/process.h"
#include "reader/procfile.h"
#include "reader/tasks.h"

#define KIB 1024
#define NS_PER_SECOND 1000000000ULL

/*
 * The kernel walks all pages for the proportional set, at 16 microseconds for
 * a MiB, and the process may have to wait when it maps memory meanwhile.
 */
#define PROPORTIONAL_MAX_BYTES (64ULL << 20)

/* To add a figure of these files: a row here, and its metric. */
static const struct row {
	const char *file;
	const char *name; /* at the head of a line */
	uint64_t factor;
	enum metric_id id;
} rows[] = {
	{ "status", "VmHWM", KIB, METRIC_PROCESS_RESIDENT_PEAK_BYTES },
	{ "status", "RssFile", KIB, METRIC_PROCESS_MAPPED_FILES_BYTES },
	{ "status", "RssShmem", KIB, METRIC_PROCESS_SHARED_MEMORY_BYTES },
	{ "status", "VmSwap", KIB, METRIC_PROCESS_SWAPPED_BYTES },
	{ "limits", "Max open files", 1, METRIC_PROCESS_MAX_FDS_FDS },
	{ "limits", "Max address space", 1, METRIC_PROCESS_MAX_VIRTUAL_BYTES },
	{ "io", "rchar", 1, METRIC_IO_READ_BYTES },
	{ "io", "wchar", 1, METRIC_IO_WRITTEN_BYTES },
	{ "io", "read_bytes", 1, METRIC_IO_DISK_READ_BYTES },
	{ "io", "write_bytes", 1, METRIC_IO_DISK_WRITTEN_BYTES },
};

/* Fields of /proc/PID/stat, which are of the whole process. */
static const struct stat_row {
	unsigned field;
	enum metric_id id;
} stat_rows[] = {
	{ 10, METRIC_MEMORY_FAULTS_MINOR_FAULTS },
	{ 12, METRIC_MEMORY_FAULTS_MAJOR_FAULTS },
	{ 14, METRIC_CPU_USER_CPU_SECONDS },
	{ 15, METRIC_CPU_SYSTEM_CPU_SECONDS },
};

static const enum metric_id cgroup_ids[CGROUP_FIELDS] = {
	[CGROUP_MEMORY_CURRENT] = METRIC_CGROUP_MEMORY_CURRENT_BYTES,
	[CGROUP_MEMORY_PEAK] = METRIC_CGROUP_MEMORY_PEAK_BYTES,
	[CGROUP_MEMORY_LIMIT] = METRIC_CGROUP_MEMORY_LIMIT_BYTES,
	[CGROUP_MEMORY_OOM_KILLS] = METRIC_CGROUP_MEMORY_OOM_KILLS_EVENTS,
	[CGROUP_CPU_USAGE] = METRIC_CGROUP_CPU_USAGE_CPU_SECONDS,
	[CGROUP_CPU_THROTTLED] = METRIC_CGROUP_CPU_THROTTLED_SECONDS,
	[CGROUP_CPU_QUOTA] = METRIC_CGROUP_CPU_QUOTA_CPU_SECONDS,
	[CGROUP_CPU_PERIOD] = METRIC_CGROUP_CPU_PERIOD_SECONDS,
	[CGROUP_PIDS_CURRENT] = METRIC_CGROUP_PIDS_CURRENT_THREADS,
	[CGROUP_PIDS_LIMIT] = METRIC_CGROUP_PIDS_LIMIT_THREADS,
};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* Times are counted in whole numbers, and shown as seconds. */
static void add_scaled(struct snapshot *s, enum metric_id id, uint64_t value,
		       uint64_t per_second)
{
	const struct metric *m = metric_by_id(id);

	if (metric_unit_is_real(metric_unit_of_key(m->key)))
		snapshot_add_f64(s, id, (double)value / (double)per_second);
	else
		snapshot_add_u64(s, id, value);
}

static void add_rows(struct snapshot *s, int process_fd)
{
	char *text = NULL;

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		uint64_t value;

		if (i == 0 || strcmp(rows[i].file, rows[i - 1].file) != 0) {
			free(text);
			text = procfile_read(process_fd, rows[i].file);
		}
		if (text && procfile_named_number(text, rows[i].name, &value) &&
		    !__builtin_mul_overflow(value, rows[i].factor, &value))
			snapshot_add_u64(s, rows[i].id, value);
	}
	free(text);
}

static void add_stat(struct snapshot *s, int process_fd)
{
	char *line = procfile_read(process_fd, "stat");

	for (size_t i = 0; line && i < COUNT_OF(stat_rows); i++) {
		uint64_t value;

		if (procfile_stat_number(line, stat_rows[i].field, &value))
			add_scaled(s, stat_rows[i].id, value,
				   (uint64_t)sysconf(_SC_CLK_TCK));
	}
	free(line);
}

/* Looks again at what is cheap, as the walk is bounded by it. */
static void add_proportional(struct snapshot *s, int process_fd)
{
	char *status = procfile_read(process_fd, "status");
	char *rollup = NULL;
	uint64_t kib;

	if (status && procfile_named_number(status, "VmRSS", &kib) &&
	    kib <= PROPORTIONAL_MAX_BYTES / KIB)
		rollup = procfile_read(process_fd, "smaps_rollup");
	if (rollup && procfile_named_number(rollup, "Pss", &kib) &&
	    kib <= UINT64_MAX / KIB)
		snapshot_add_u64(s, METRIC_PROCESS_PROPORTIONAL_BYTES,
				 kib * KIB);
	free(status);
	free(rollup);
}

/* "FROM-TO rw-p OFFSET DEVICE INODE NAME": 0 unless private and anonymous. */
static uint64_t private_bytes(const char *line)
{
	unsigned long long from, to, inode;
	char permissions[5];

	if (sscanf(line, "%llx-%llx %4s %*x %*s %llu", &from, &to, permissions,
		   &inode) != 4 ||
	    to < from || strlen(permissions) != 4)
		return 0;
	return permissions[1] == 'w' && permissions[3] == 'p' && !inode ?
		       to - from : 0;
}

/* Every process has mappings: an empty file is one that may not be known. */
static void add_private(struct snapshot *s, int process_fd)
{
	char *text = procfile_read(process_fd, "maps");
	uint64_t bytes = 0;

	for (char *line = text; line && *line;) {
		char *end = strchr(line, '\n');

		/* sscanf() looks for the end of the string, far away. */
		if (end)
			*end = '\0';
		bytes += private_bytes(line);
		line = end ? end + 1 : NULL;
	}
	if (bytes)
		snapshot_add_u64(s, METRIC_PROCESS_PRIVATE_MAPPED_BYTES, bytes);
	free(text);
}

static void add_descriptors(struct snapshot *s, int process_fd)
{
	int fd = openat(process_fd, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *entry;
	uint64_t count = 0;

	if (!directory) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((entry = readdir(directory)))
		count += entry->d_name[0] != '.';
	closedir(directory);
	snapshot_add_u64(s, METRIC_PROCESS_OPEN_FDS_FDS, count);
}

static void add_cgroup(struct snapshot *s, int process_fd, const char *root)
{
	struct cgroup_figures figures;

	cgroup_read(&figures, process_fd, root);
	for (unsigned i = 0; i < CGROUP_FIELDS; i++)
		if (figures.present & 1u << i)
			add_scaled(s, cgroup_ids[i], figures.values[i],
				   NS_PER_SECOND);
}

/* The lowest of what the group and the process itself are bound to. */
static void add_limit(struct snapshot *s, int process_fd)
{
	const struct metric_value *group =
		snapshot_value(s, METRIC_CGROUP_MEMORY_LIMIT_BYTES);
	char *limits = procfile_read(process_fd, "limits");
	static const char *const names[] = { "Max address space",
					     "Max data size" };
	uint64_t lowest = group ? group->value.u64 : UINT64_MAX;

	for (size_t i = 0; limits && i < COUNT_OF(names); i++) {
		uint64_t value;

		if (procfile_named_number(limits, names[i], &value) &&
		    value < lowest)
			lowest = value;
	}
	if (lowest != UINT64_MAX)
		snapshot_add_u64(s, METRIC_MEMORY_LIMIT_BYTES, lowest);
	free(limits);
}

/* Quota by period, rounded up; no more than there are CPUs. */
static uint64_t processors(const struct snapshot *s, uint64_t cpus)
{
	const struct metric_value *quota =
		snapshot_value(s, METRIC_CGROUP_CPU_QUOTA_CPU_SECONDS);
	const struct metric_value *period =
		snapshot_value(s, METRIC_CGROUP_CPU_PERIOD_SECONDS);
	double ratio;
	uint64_t whole;

	if (!quota || !period)
		return cpus;
	ratio = quota->value.f64 / period->value.f64;
	if (ratio >= (double)cpus)
		return cpus;
	whole = (uint64_t)ratio;
	whole += ratio > (double)whole;
	return whole ? whole : 1;
}

static void add_cpus(struct snapshot *s, int pid)
{
	cpu_set_t mask[8]; /* of 8,192 CPUs, what the kernel may have */
	uint64_t cpus;

	if (sched_getaffinity(pid, sizeof(mask), mask) != 0)
		return;
	cpus = (uint64_t)CPU_COUNT_S(sizeof(mask), mask);
	snapshot_add_u64(s, METRIC_SCHED_CPUS_CPUS, cpus);
	snapshot_add_u64(s, METRIC_SCHED_PROCESSORS_THREADS,
			 processors(s, cpus));
}

static void add_start(struct snapshot *s, uint64_t starttime_ticks)
{
	uint64_t start_ns = process_start_realtime_ns(starttime_ticks);

	if (start_ns)
		snapshot_add_f64(s, METRIC_PROCESS_START_TIME_SECONDS,
				 (double)start_ns / (double)NS_PER_SECOND);
}

void kernel_add_files(struct snapshot *s, int process_fd, const char *root)
{
	add_stat(s, process_fd);
	add_rows(s, process_fd);
	add_proportional(s, process_fd);
	add_private(s, process_fd);
	add_descriptors(s, process_fd);
	add_cgroup(s, process_fd, root);
	add_limit(s, process_fd);
	tasks_add(s, process_fd);
}

void kernel_add(struct snapshot *s, int pid, uint64_t starttime_ticks)
{
	int fd = process_open(pid, starttime_ticks);
	size_t before = s->count;

	if (fd < 0)
		return;
	kernel_add_files(s, fd, "");
	add_cpus(s, pid);
	add_start(s, starttime_ticks);
	/* Of a process that is ending, much reads as 0: not what it had. */
	if (!process_runs(pid, starttime_ticks))
		s->count = before;
	close(fd);
}
