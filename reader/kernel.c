/* SPDX-License-Identifier: MIT */
#include "reader/kernel.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "reader/cgroup.h"
#include "reader/process.h"
#include "reader/tasks.h"

#define KIB 1024
#define NS_PER_SECOND 1000000000ULL

/*
 * The kernel walks all pages for the proportional set, at 16 microseconds for
 * a MiB, and the process may have to wait when it maps memory meanwhile.
 */
#define PROPORTIONAL_MAX_BYTES (64ULL << 20)

static const char *const names[KERNEL_SOURCES + 1] = {
	[KERNEL_STATUS] = "status",
	[KERNEL_STAT] = "stat",
	[KERNEL_LIMITS] = "limits",
	[KERNEL_IO] = "io",
	[KERNEL_SMAPS_ROLLUP] = "smaps_rollup",
	[KERNEL_MAPS] = "maps",
	[KERNEL_FD] = "fd",
	[KERNEL_CGROUP] = "cgroup",
	[KERNEL_TASK] = "task",
	[KERNEL_AFFINITY] = "sched_getaffinity",
	[KERNEL_STACKS] = "maps",
	[KERNEL_PAGEMAP] = "pagemap",
	[KERNEL_SOURCES] = "?",
};

/* To add a figure of these files: a row here, and its metric. */
static const struct row {
	enum kernel_source file;
	const char *name; /* at the head of a line */
	uint64_t factor;
	enum metric_id id;
} rows[] = {
	{ KERNEL_STATUS, "VmHWM", KIB, METRIC_PROCESS_RESIDENT_PEAK_BYTES },
	{ KERNEL_STATUS, "RssFile", KIB, METRIC_PROCESS_MAPPED_FILES_BYTES },
	{ KERNEL_STATUS, "RssShmem", KIB, METRIC_PROCESS_SHARED_MEMORY_BYTES },
	{ KERNEL_STATUS, "VmSwap", KIB, METRIC_PROCESS_SWAPPED_BYTES },
	{ KERNEL_LIMITS, "Max open files", 1, METRIC_PROCESS_MAX_FDS_FDS },
	{ KERNEL_LIMITS, "Max address space", 1,
	  METRIC_PROCESS_MAX_VIRTUAL_BYTES },
	{ KERNEL_IO, "rchar", 1, METRIC_IO_READ_BYTES },
	{ KERNEL_IO, "wchar", 1, METRIC_IO_WRITTEN_BYTES },
	{ KERNEL_IO, "read_bytes", 1, METRIC_IO_DISK_READ_BYTES },
	{ KERNEL_IO, "write_bytes", 1, METRIC_IO_DISK_WRITTEN_BYTES },
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

/* Where the figures come from that are in no table above or below. */
static const struct origin {
	enum metric_id id;
	enum kernel_source source;
} origins[] = {
	{ METRIC_PROCESS_RESIDENT_BYTES, KERNEL_STATUS },
	{ METRIC_PROCESS_ANONYMOUS_BYTES, KERNEL_STATUS },
	{ METRIC_PROCESS_VIRTUAL_BYTES, KERNEL_STATUS },
	{ METRIC_THREADS_KERNEL_THREADS, KERNEL_STATUS },
	{ METRIC_PROCESS_UPTIME_SECONDS, KERNEL_STAT },
	{ METRIC_PROCESS_START_TIME_SECONDS, KERNEL_STAT },
	{ METRIC_PROCESS_PROPORTIONAL_BYTES, KERNEL_SMAPS_ROLLUP },
	{ METRIC_PROCESS_PRIVATE_MAPPED_BYTES, KERNEL_MAPS },
	{ METRIC_THREADS_STACK_RESERVED_BYTES, KERNEL_STACKS },
	{ METRIC_THREADS_STACK_RESIDENT_BYTES, KERNEL_PAGEMAP },
	{ METRIC_THREADS_STACK_CACHED_BYTES, KERNEL_PAGEMAP },
	{ METRIC_PROCESS_OPEN_FDS_FDS, KERNEL_FD },
	{ METRIC_MEMORY_LIMIT_BYTES, KERNEL_LIMITS },
	{ METRIC_SCHED_PROCESSORS_THREADS, KERNEL_AFFINITY },
	{ METRIC_SCHED_CPUS_CPUS, KERNEL_AFFINITY },
	{ METRIC_THREADS_STATE_RUNNABLE_THREADS, KERNEL_TASK },
	{ METRIC_THREADS_STATE_SLEEPING_THREADS, KERNEL_TASK },
	{ METRIC_THREADS_STATE_UNINTERRUPTIBLE_THREADS, KERNEL_TASK },
	{ METRIC_THREADS_STATE_STOPPED_THREADS, KERNEL_TASK },
	{ METRIC_THREADS_STATE_ZOMBIE_THREADS, KERNEL_TASK },
	{ METRIC_CPU_PURGE_CPU_SECONDS, KERNEL_TASK },
	{ METRIC_SCHED_RUN_DELAY_SECONDS, KERNEL_TASK },
	{ METRIC_SCHED_TIMESLICES_SLICES, KERNEL_TASK },
	{ METRIC_SCHED_SWITCHES_VOLUNTARY_SWITCHES, KERNEL_TASK },
	{ METRIC_SCHED_SWITCHES_INVOLUNTARY_SWITCHES, KERNEL_TASK },
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

/* Returns its text, NULL with the reason kept. */
static char *read_file(struct kernel_reader *k, int process_fd,
		       enum kernel_source source)
{
	char *text = procfile_read(&k->file, process_fd, names[source]);

	k->errors[source] = text ? 0 : k->file.error;
	return text;
}

static void add_rows(struct kernel_reader *k, struct snapshot *s,
		     int process_fd)
{
	const char *text = NULL;

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		uint64_t value;

		if (i == 0 || rows[i].file != rows[i - 1].file)
			text = read_file(k, process_fd, rows[i].file);
		if (text && procfile_named_number(text, rows[i].name, &value) &&
		    !__builtin_mul_overflow(value, rows[i].factor, &value))
			snapshot_add_u64(s, rows[i].id, value);
	}
}

static void add_stat(struct kernel_reader *k, struct snapshot *s,
		     int process_fd)
{
	const char *line = read_file(k, process_fd, KERNEL_STAT);

	for (size_t i = 0; line && i < COUNT_OF(stat_rows); i++) {
		uint64_t value;

		if (procfile_stat_number(line, stat_rows[i].field, &value))
			add_scaled(s, stat_rows[i].id, value,
				   (uint64_t)sysconf(_SC_CLK_TCK));
	}
}

/* Looks again at what is cheap, as the walk is bounded by it. */
static bool is_small(struct kernel_reader *k, int process_fd)
{
	const char *status = read_file(k, process_fd, KERNEL_STATUS);
	uint64_t kib;

	return status && procfile_named_number(status, "VmRSS", &kib) &&
	       kib <= PROPORTIONAL_MAX_BYTES / KIB;
}

static void add_proportional(struct kernel_reader *k, struct snapshot *s,
			     int process_fd)
{
	const char *rollup;
	uint64_t kib;

	if (!is_small(k, process_fd)) {
		k->errors[KERNEL_SMAPS_ROLLUP] =
			k->errors[KERNEL_STATUS] ? k->errors[KERNEL_STATUS] :
						   EFBIG;
		return;
	}
	rollup = read_file(k, process_fd, KERNEL_SMAPS_ROLLUP);
	if (rollup && procfile_named_number(rollup, "Pss", &kib) &&
	    kib <= UINT64_MAX / KIB)
		snapshot_add_u64(s, METRIC_PROCESS_PROPORTIONAL_BYTES,
				 kib * KIB);
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
static void add_private(struct kernel_reader *k, struct snapshot *s,
			int process_fd)
{
	char *text = read_file(k, process_fd, KERNEL_MAPS);
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
	else if (text)
		k->errors[KERNEL_MAPS] = EACCES;
}

static void add_descriptors(struct kernel_reader *k, struct snapshot *s,
			    int process_fd)
{
	struct procfile_list list;
	uint64_t count = 0;

	if (!procfile_list_open(&list, process_fd, names[KERNEL_FD])) {
		k->errors[KERNEL_FD] = errno;
		return;
	}
	while (procfile_list_next(&list))
		count++;
	procfile_list_close(&list);
	snapshot_add_u64(s, METRIC_PROCESS_OPEN_FDS_FDS, count);
}

static void add_cgroup(struct kernel_reader *k, struct snapshot *s,
		       int process_fd, const char *root)
{
	struct cgroup_figures figures;

	k->errors[KERNEL_CGROUP] =
		cgroup_read(&figures, &k->file, process_fd, root);
	for (unsigned i = 0; i < CGROUP_FIELDS; i++)
		if (figures.present & 1u << i)
			add_scaled(s, cgroup_ids[i], figures.values[i],
				   NS_PER_SECOND);
}

/* The lowest of what the group and the process itself are bound to. */
static void add_limit(struct kernel_reader *k, struct snapshot *s,
		      int process_fd)
{
	const struct metric_value *group =
		snapshot_value(s, METRIC_CGROUP_MEMORY_LIMIT_BYTES);
	const char *limits = read_file(k, process_fd, KERNEL_LIMITS);
	static const char *const lines[] = { "Max address space",
					     "Max data size" };
	uint64_t lowest = group ? group->value.u64 : UINT64_MAX;

	for (size_t i = 0; limits && i < COUNT_OF(lines); i++) {
		uint64_t value;

		if (procfile_named_number(limits, lines[i], &value) &&
		    value < lowest)
			lowest = value;
	}
	if (lowest != UINT64_MAX)
		snapshot_add_u64(s, METRIC_MEMORY_LIMIT_BYTES, lowest);
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

static void add_cpus(struct kernel_reader *k, struct snapshot *s, int pid)
{
	cpu_set_t mask[8]; /* of 8,192 CPUs, what the kernel may have */
	uint64_t cpus;

	if (sched_getaffinity(pid, sizeof(mask), mask) != 0) {
		k->errors[KERNEL_AFFINITY] = errno;
		return;
	}
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

void kernel_add_files(struct kernel_reader *k, struct snapshot *s,
		      int process_fd, const char *root)
{
	memset(k->errors, 0, sizeof(k->errors));
	add_stat(k, s, process_fd);
	add_rows(k, s, process_fd);
	add_proportional(k, s, process_fd);
	add_private(k, s, process_fd);
	add_descriptors(k, s, process_fd);
	add_cgroup(k, s, process_fd, root);
	add_limit(k, s, process_fd);
	k->errors[KERNEL_TASK] = tasks_add(s, &k->file, process_fd);
}

bool kernel_add(struct kernel_reader *k, struct snapshot *s, int pid,
		uint64_t starttime_ticks)
{
	int fd = process_open(pid, starttime_ticks);
	size_t before = s->count;
	bool runs;

	if (fd < 0)
		return false;
	kernel_add_files(k, s, fd, "");
	add_cpus(k, s, pid);
	add_start(s, starttime_ticks);
	/* Of a process that is ending, much reads as 0: not what it had. */
	runs = process_runs(pid, starttime_ticks);
	if (!runs)
		s->count = before;
	close(fd);
	return runs;
}

enum kernel_source kernel_source_of(unsigned metric_id)
{
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		if (rows[i].id == metric_id)
			return rows[i].file;
	for (size_t i = 0; i < COUNT_OF(stat_rows); i++)
		if (stat_rows[i].id == metric_id)
			return KERNEL_STAT;
	for (size_t i = 0; i < COUNT_OF(cgroup_ids); i++)
		if (cgroup_ids[i] == metric_id)
			return KERNEL_CGROUP;
	for (size_t i = 0; i < COUNT_OF(origins); i++)
		if (origins[i].id == metric_id)
			return origins[i].source;
	return KERNEL_SOURCES;
}

const char *kernel_source_name(enum kernel_source source)
{
	return names[source <= KERNEL_SOURCES ? source : KERNEL_SOURCES];
}
