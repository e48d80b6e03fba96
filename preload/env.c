/* SPDX-License-Identifier: MIT */
#include "preload/env.h"

#include <limits.h>
#include <stddef.h>
#include <string.h>
#include <sys/auxv.h>

#include "shm/layout.h"
#include "shm/segment_name.h"

extern char **environ;

struct env env;

/* Ours, as they are in the environment: that is gone through once only. */
#define PREFIX   "HEAPTALLY"
#define OURS_MAX 64
static const char *ours[OURS_MAX];
static unsigned ours_count;

static void find_ours(void)
{
	for (char **entry = environ; entry && *entry; entry++)
		if (**entry == *PREFIX && ours_count < OURS_MAX &&
		    strncmp(*entry, PREFIX, sizeof(PREFIX) - 1) == 0)
			ours[ours_count++] = *entry;
}

/* Not getenv(): some programs bring a getenv of their own that allocates. */
static const char *lookup(const char *name)
{
	size_t length = strlen(name);

	for (unsigned i = 0; i < ours_count; i++)
		if (strncmp(ours[i], name, length) == 0 && ours[i][length] == '=')
			return ours[i] + length + 1;
	return NULL;
}

static bool is_no(const char *value)
{
	return strcmp(value, "off") == 0 || strcmp(value, "0") == 0 ||
	       strcmp(value, "no") == 0;
}

static bool is_set(const char *name)
{
	const char *value = lookup(name);

	return value && *value && !is_no(value);
}

/* A decimal number in min..max, else the default. */
static unsigned number(const char *name, unsigned min, unsigned max,
		       unsigned otherwise)
{
	const char *at = lookup(name);
	unsigned long value = 0;

	if (!at || !*at)
		return otherwise;
	for (; *at >= '0' && *at <= '9' && value <= max; at++)
		value = value * 10 + (unsigned long)(*at - '0');
	return *at == '\0' && value >= min && value <= max ? (unsigned)value
							   : otherwise;
}

/* False, and an empty string, when the value does not fit. */
static bool copy(char *to, size_t room, const char *value)
{
	size_t length = value ? strlen(value) : 0;
	bool fits = length < room;

	if (fits && length)
		memcpy(to, value, length);
	to[fits ? length : 0] = '\0';
	return fits;
}

/* To add an extra: a bit in enum extra and a row here. */
static unsigned extras(void)
{
	static const struct {
		const char *name;
		enum extra extra;
	} rows[] = {
		{ "HEAPTALLY_MUTEX", EXTRA_MUTEX },
		{ "HEAPTALLY_STALL", EXTRA_STALL },
		{ "HEAPTALLY_REQUESTED", EXTRA_REQUESTED },
		{ "HEAPTALLY_ALLOCATOR", EXTRA_ALLOCATOR },
	};
	unsigned wanted = 0;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (is_set(rows[i].name))
			wanted |= rows[i].extra;
	return wanted;
}

static unsigned file_mode(void)
{
	const char *value = lookup("HEAPTALLY_MODE");

	if (value && (strcmp(value, "0640") == 0 || strcmp(value, "640") == 0))
		return 0640;
	if (value && (strcmp(value, "0644") == 0 || strcmp(value, "644") == 0))
		return 0644;
	return 0600;
}

static void turn_off(const char *why)
{
	env.off = true;
	env.off_why = why;
}

void env_read(void)
{
	const char *directory, *fork_policy, *on;

	/* ld.so drops LD_PRELOAD there; should we be loaded all the same, the
	 * environment is somebody else's and must not be obeyed. */
	if (getauxval(AT_SECURE)) {
		env.off = true;
		return;
	}
	find_ours();
	env.verbose = is_set("HEAPTALLY_VERBOSE");
	on = lookup("HEAPTALLY");
	env.off = on && is_no(on);
	directory = lookup("HEAPTALLY_DIR");
	if (!directory || !*directory)
		directory = SEGMENT_DEFAULT_DIRECTORY;
	if (*directory != '/' || !copy(env.directory, sizeof(env.directory), directory))
		turn_off("HEAPTALLY_DIR is not an absolute path of at most 255 bytes");
	env.any_filesystem = is_set("HEAPTALLY_ALLOW_DISK");
	fork_policy = lookup("HEAPTALLY_FORK");
	env.follow_fork = !fork_policy || !is_no(fork_policy);
	if (!copy(env.only, sizeof(env.only), lookup("HEAPTALLY_ONLY")))
		turn_off("HEAPTALLY_ONLY is longer than 255 bytes");
	env.only_pid = (int)number("HEAPTALLY_PID", 1, INT_MAX, 0);
	env.keep = is_set("HEAPTALLY_KEEP");
	env.mode = file_mode();
	env.extras = extras();
	env.slots = number("HEAPTALLY_SLOTS", 1, EXCLUSIVE_SLOTS, EXCLUSIVE_DEFAULT);
}

static bool is_separator(char c)
{
	return c == ',' || c == ':' || c == ' ' || c == '\t';
}

/* Matches the glob at [glob, end) against name. Own code: fnmatch allocates. */
static bool glob_matches(const char *glob, const char *end, const char *name)
{
	const char *star = NULL, *retry = NULL;

	for (;;) {
		if (glob < end && *glob == '*') {
			star = ++glob;
			retry = name;
		} else if (*name && glob < end && (*glob == '?' || *glob == *name)) {
			glob++;
			name++;
		} else if (!*name && glob == end) {
			return true;
		} else if (star && *retry) {
			glob = star;
			name = ++retry;
		} else {
			return false;
		}
	}
}

bool env_glob_list_matches(const char *list, const char *name)
{
	while (*list) {
		const char *end = list;

		while (*end && !is_separator(*end))
			end++;
		if (end > list && glob_matches(list, end, name))
			return true;
		list = *end ? end + 1 : end;
	}
	return false;
}
