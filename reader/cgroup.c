/* SPDX-License-Identifier: MIT */
#include "reader/cgroup.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "reader/procfile.h"

/* Version 1 has a hierarchy for each controller, version 2 one for all. */
enum hierarchy { V1_MEMORY, V1_CPU, V1_CPUACCT, V1_PIDS, V2, HIERARCHIES };

static const char *const controllers[HIERARCHIES] = {
	[V1_MEMORY] = "memory",   [V1_CPU] = "cpu",
	[V1_CPUACCT] = "cpuacct", [V1_PIDS] = "pids",
	[V2] = NULL,
};

/* "No limit" of version 1: the highest multiple of a page, of up to 64 KiB. */
#define V1_NO_LIMIT 0x7fffffffffff0000ULL

/* To add a figure: its place in cgroup.h, its files here, its metric. */
static const struct source {
	enum cgroup_field field;
	enum hierarchy hierarchy; /* those of V1 first: they own it then */
	const char *file;
	const char *name;         /* of the line; NULL: the file is a number */
	uint64_t factor;          /* to the unit of the field */
	bool is_limit;            /* the groups above have a say as well */
} sources[] = {
	{ CGROUP_MEMORY_CURRENT, V1_MEMORY, "memory.usage_in_bytes",
	  NULL, 1, false },
	{ CGROUP_MEMORY_CURRENT, V2, "memory.current", NULL, 1, false },
	{ CGROUP_MEMORY_PEAK, V1_MEMORY, "memory.max_usage_in_bytes",
	  NULL, 1, false },
	{ CGROUP_MEMORY_PEAK, V2, "memory.peak", NULL, 1, false },
	{ CGROUP_MEMORY_LIMIT, V1_MEMORY, "memory.limit_in_bytes",
	  NULL, 1, true },
	{ CGROUP_MEMORY_LIMIT, V2, "memory.max", NULL, 1, true },
	{ CGROUP_MEMORY_OOM_KILLS, V1_MEMORY, "memory.oom_control",
	  "oom_kill", 1, false },
	{ CGROUP_MEMORY_OOM_KILLS, V2, "memory.events",
	  "oom_kill", 1, false },
	{ CGROUP_CPU_USAGE, V1_CPUACCT, "cpuacct.usage", NULL, 1, false },
	{ CGROUP_CPU_USAGE, V2, "cpu.stat", "usage_usec", 1000, false },
	{ CGROUP_CPU_THROTTLED, V1_CPU, "cpu.stat",
	  "throttled_time", 1, false },
	{ CGROUP_CPU_THROTTLED, V2, "cpu.stat",
	  "throttled_usec", 1000, false },
	{ CGROUP_PIDS_CURRENT, V1_PIDS, "pids.current", NULL, 1, false },
	{ CGROUP_PIDS_CURRENT, V2, "pids.current", NULL, 1, false },
	{ CGROUP_PIDS_LIMIT, V1_PIDS, "pids.max", NULL, 1, true },
	{ CGROUP_PIDS_LIMIT, V2, "pids.max", NULL, 1, true },
};

/* The directory of a group; at first, what the process calls the group. */
struct group {
	char path[PATH_MAX]; /* empty = there is none */
	size_t top;          /* where the name of the highest one ends */
};

/* Copies up to that end; false when it does not fit. */
static bool copy_word(char *to, size_t room, const char *from, char end)
{
	size_t length = strcspn(from, (char[]){ end, '\n', '\0' });

	if (length >= room)
		return false;
	memcpy(to, from, length);
	to[length] = '\0';
	return true;
}

/* Is the word one of a list with commas, which ends in any of `ends`? */
static bool list_has(const char *list, const char *word, const char *ends)
{
	const char *end = list + strcspn(list, ends);
	size_t length = strlen(word);

	while (list < end) {
		size_t item = strcspn(list, ",");

		if (list + item > end)
			item = (size_t)(end - list);
		if (item == length && memcmp(list, word, length) == 0)
			return true;
		list += item + 1;
	}
	return false;
}

static const char *next_line(const char *line)
{
	line = strchr(line, '\n');
	return line ? line + 1 : NULL;
}

/* Lines of /proc/PID/cgroup: "4:cpu,cpuacct:/path", version 2 "0::/path". */
static bool find_path(const char *lines, enum hierarchy h, char *path)
{
	for (; lines && *lines; lines = next_line(lines)) {
		const char *list = strchr(lines, ':');
		const char *end = list ? strchr(list + 1, ':') : NULL;

		if (!end || strcspn(lines, "\n") < (size_t)(end - lines))
			continue;
		if (h == V2 ? strncmp(lines, "0::", 3) != 0 :
			      !list_has(list + 1, controllers[h], ":"))
			continue;
		return copy_word(path, PATH_MAX, end + 1, '\n');
	}
	return false;
}

/* Space, tab, newline and backslash stand in mountinfo as \ooo. */
static void unescape(char *s)
{
	char *out = s;

	while (*s) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' &&
		    s[2] >= '0' && s[2] <= '7' && s[3] >= '0' && s[3] <= '7') {
			*out++ = (char)((s[1] - '0') << 6 |
					(s[2] - '0') << 3 | (s[3] - '0'));
			s += 4;
		} else {
			*out++ = *s++;
		}
	}
	*out = '\0';
}

/* Returns the place behind that many spaces of the line; NULL if fewer. */
static const char *skip_words(const char *line, unsigned count)
{
	for (; count; count--) {
		line += strcspn(line, " \n");
		if (*line++ != ' ')
			return NULL;
	}
	return line;
}

/* Is this line of mountinfo that hierarchy? "... - TYPE SOURCE OPTIONS" */
static bool is_hierarchy(const char *line, enum hierarchy h)
{
	const char *end = line + strcspn(line, "\n");
	const char *type = strstr(line, " - ");
	const char *options = type ? skip_words(type + 3, 2) : NULL;

	if (!options || type > end)
		return false;
	type += 3;
	return h == V2 ? strncmp(type, "cgroup2 ", 8) == 0 :
			 strncmp(type, "cgroup ", 7) == 0 &&
			 list_has(options, controllers[h], " \n");
}

/* What of path lies below the mounted directory; NULL when it does not. */
static const char *below(const char *path, const char *mounted)
{
	size_t length = strcmp(mounted, "/") == 0 ? 0 : strlen(mounted);

	/* A group outside our namespace is told as "/../x". */
	if (strncmp(path, mounted, length) != 0 || strstr(path, "/.."))
		return NULL;
	path += length;
	if (strcmp(path, "/") == 0)
		path++;
	return *path == '/' || *path == '\0' ? path : NULL;
}

static bool join(struct group *g, const char *root, const char *mount_point,
		 const char *rest)
{
	int top = snprintf(g->path, sizeof(g->path), "%s%s", root, mount_point);
	int length = snprintf(NULL, 0, "%s%s%s", root, mount_point, rest);

	if (length < 0 || (size_t)length >= sizeof(g->path)) {
		g->path[0] = '\0';
		return false;
	}
	memcpy(g->path + top, rest, strlen(rest) + 1);
	g->top = (size_t)top;
	return true;
}

/* Fields 4 and 5 of mountinfo: what of the hierarchy is mounted, and where. */
static void find_group(struct group *g, enum hierarchy h, const char *mounts,
		       const char *root)
{
	char path[PATH_MAX], mounted[PATH_MAX], mount_point[PATH_MAX];

	memcpy(path, g->path, sizeof(path));
	g->path[0] = '\0';
	if (!path[0])
		return;
	for (; mounts && *mounts; mounts = next_line(mounts)) {
		const char *words = skip_words(mounts, 3);
		const char *rest;

		if (!words || !is_hierarchy(mounts, h) ||
		    !copy_word(mounted, sizeof(mounted), words, ' ') ||
		    !skip_words(words, 1) ||
		    !copy_word(mount_point, sizeof(mount_point),
			       skip_words(words, 1), ' '))
			continue;
		unescape(mounted);
		unescape(mount_point);
		rest = below(path, mounted);
		if (rest && join(g, root, mount_point, rest))
			return;
	}
}

/* Cuts the last name off; false at the highest group that can be seen. */
static bool go_up(struct group *g)
{
	char *slash = strrchr(g->path, '/');

	if (!slash || (size_t)(slash - g->path) < g->top)
		return false;
	*slash = '\0';
	return true;
}

static const char *read_file(const struct group *g, struct procfile *f,
			     const char *file)
{
	char path[PATH_MAX + 64];

	if (!g->path[0])
		return NULL;
	snprintf(path, sizeof(path), "%s/%s", g->path, file);
	return procfile_read(f, AT_FDCWD, path);
}

static bool read_value(const struct group *g, struct procfile *f,
		       const struct source *from, uint64_t *ret)
{
	const char *text = read_file(g, f, from->file);
	uint64_t value = 0;
	bool found = text && (from->name ?
		procfile_named_number(text, from->name, &value) :
		procfile_number(text, &value));

	if (!found || (from->is_limit && value >= V1_NO_LIMIT) ||
	    __builtin_mul_overflow(value, from->factor, ret))
		return false;
	return true;
}

static void put(struct cgroup_figures *f, enum cgroup_field field,
		uint64_t value)
{
	f->values[field] = value;
	f->present |= 1u << field;
}

static bool has(const struct cgroup_figures *f, enum cgroup_field field)
{
	return f->present & 1u << field;
}

/* The lowest on the way up. By value: the way up eats the path. */
static void add_limit(struct cgroup_figures *f, struct procfile *file,
		      struct group g, const struct source *from)
{
	uint64_t value;

	do {
		if (read_value(&g, file, from, &value) &&
		    (!has(f, from->field) || value < f->values[from->field]))
			put(f, from->field, value);
	} while (go_up(&g));
}

static void add_value(struct cgroup_figures *f, struct procfile *file,
		      const struct group *g, const struct source *from)
{
	uint64_t value;

	if (read_value(g, file, from, &value))
		put(f, from->field, value);
}

/* Version 2: "QUOTA PERIOD" in one file; both in microseconds. */
static bool read_quota_v2(const struct group *g, struct procfile *file,
			  uint64_t *ret_quota, uint64_t *ret_period)
{
	const char *text = read_file(g, file, "cpu.max");
	const char *second = text ? skip_words(text, 1) : NULL;

	return second && procfile_number(text, ret_quota) &&
	       procfile_number(second, ret_period);
}

static bool read_quota_v1(const struct group *g, struct procfile *file,
			  uint64_t *ret_quota, uint64_t *ret_period)
{
	static const struct source quota = { .file = "cpu.cfs_quota_us",
					     .factor = 1 };
	static const struct source period = { .file = "cpu.cfs_period_us",
					      .factor = 1 };

	return read_value(g, file, &quota, ret_quota) &&
	       read_value(g, file, &period, ret_period);
}

static bool is_stricter(const struct cgroup_figures *f, uint64_t quota,
			uint64_t period)
{
	return !has(f, CGROUP_CPU_QUOTA) ||
	       (double)quota / (double)period <
		       (double)f->values[CGROUP_CPU_QUOTA] /
			       (double)f->values[CGROUP_CPU_PERIOD];
}

typedef bool quota_reader(const struct group *g, struct procfile *file,
			  uint64_t *ret_quota, uint64_t *ret_period);

static void add_quota(struct cgroup_figures *f, struct procfile *file,
		      struct group g, quota_reader *read_quota)
{
	const uint64_t most = UINT64_MAX / 1000;
	uint64_t quota, period;

	do {
		if (!read_quota(&g, file, &quota, &period) || !period ||
		    quota > most || period > most ||
		    !is_stricter(f, quota * 1000, period * 1000))
			continue;
		put(f, CGROUP_CPU_QUOTA, quota * 1000);
		put(f, CGROUP_CPU_PERIOD, period * 1000);
	} while (go_up(&g));
}

static void add_all(struct cgroup_figures *f, struct procfile *file,
		    const struct group groups[HIERARCHIES])
{
	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
		const struct source *from = &sources[i];
		const struct group *g = &groups[from->hierarchy];

		if (from->is_limit)
			add_limit(f, file, *g, from);
		else if (!has(f, from->field))
			add_value(f, file, g, from);
	}
	add_quota(f, file, groups[V1_CPU], read_quota_v1);
	add_quota(f, file, groups[V2], read_quota_v2);
}

int cgroup_read(struct cgroup_figures *ret, struct procfile *file,
		int process_fd, const char *root)
{
	char mountinfo[PATH_MAX];
	const char *text;
	struct group groups[HIERARCHIES];

	ret->present = 0;
	text = procfile_read(file, process_fd, "cgroup");
	if (!text)
		return file->error;
	for (unsigned h = 0; h < HIERARCHIES; h++)
		if (!find_path(text, (enum hierarchy)h, groups[h].path))
			groups[h].path[0] = '\0';
	snprintf(mountinfo, sizeof(mountinfo), "%s/proc/self/mountinfo", root);
	text = procfile_read(file, AT_FDCWD, mountinfo);
	if (!text)
		return file->error;
	for (unsigned h = 0; h < HIERARCHIES; h++)
		find_group(&groups[h], (enum hierarchy)h, text, root);
	add_all(ret, file, groups);
	return 0;
}
