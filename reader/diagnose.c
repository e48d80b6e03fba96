/* SPDX-License-Identifier: MIT */
#include "reader/diagnose.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "reader/elf.h"
#include "reader/format.h"
#include "reader/library.h"
#include "reader/process.h"
#include "reader/report.h"
#include "shm/segment_name.h"

#define HOW_TO_START \
	"start it with 'heaptally run -- COMMAND' or after " \
	"eval \"$(heaptally env)\""

static char *answer;

#define say(...) report_clause(&answer, __VA_ARGS__)

/* What the map of a process tells of the library and its segment. */
struct mapped {
	bool library;
	bool segment;
	bool segment_deleted;
	char directory[PATH_MAX]; /* of the segment */
};

static void note_mapping(struct mapped *m, char *path)
{
	static const char deleted[] = " (deleted)";
	size_t length = strcspn(path, "\n");
	char *slash;
	int pid;
	uint64_t starttime_ticks;
	bool is_deleted = false;

	path[length] = '\0';
	if (length > strlen(deleted) &&
	    strcmp(path + length - strlen(deleted), deleted) == 0) {
		path[length - strlen(deleted)] = '\0';
		is_deleted = true;
	}
	slash = strrchr(path, '/');
	m->library |= strcmp(slash + 1, LIBRARY_NAME) == 0;
	if (!segment_name_parse(slash + 1, SEGMENT_PREFIX, &pid,
				&starttime_ticks))
		return;
	m->segment = true;
	m->segment_deleted = is_deleted;
	*slash = '\0';
	snprintf(m->directory, sizeof(m->directory), "%s", path);
}

/* Returns 0 or a negative errno. */
static int read_maps(int pid, struct mapped *ret)
{
	char name[32];
	char *line = NULL;
	size_t room = 0;
	FILE *maps;

	snprintf(name, sizeof(name), "/proc/%d/maps", pid);
	maps = fopen(name, "re");
	if (!maps)
		return -errno;
	errno = 0;
	while (getline(&line, &room, maps) >= 0) {
		char *path = strchr(line, '/');

		if (path)
			note_mapping(ret, path);
	}
	free(line);
	fclose(maps);
	return -errno;
}

static const char *explain_mapped(const struct mapped *m)
{
	if (m->segment_deleted)
		return say("it is tallied, but its segment in '%s' was deleted",
			   format_escaped(m->directory).s);
	if (m->segment)
		return say("its segment is in '%s': set HEAPTALLY_DIR to that",
			   format_escaped(m->directory).s);
	return say("%s is loaded but its tally is off: start it with "
		   "HEAPTALLY_VERBOSE=1 to see why", LIBRARY_NAME);
}

static const char *explain_executable(const char *path)
{
	struct elf_facts facts;

	if (!elf_inspect(path, &facts))
		return NULL;
	if (facts.is_static)
		return "it is statically linked: nothing can be preloaded";
	if (facts.bits != 8 * sizeof(void *))
		return say("it is a %u-bit program, %s is not", facts.bits,
			   LIBRARY_NAME);
	return NULL;
}

const char *diagnose_process(int pid)
{
	struct mapped mapped = { 0 };
	uint64_t starttime_ticks;
	const char *reason;
	char state;
	char exe[32];
	unsigned uid;
	int error;

	if (!process_start(pid, &starttime_ticks, &state))
		return "no such process";
	if (state == 'Z' || state == 'X')
		return "it has ended and waits for its parent";
	error = read_maps(pid, &mapped);
	if (error && process_uid(pid, &uid) && geteuid() != 0 &&
	    uid != geteuid())
		return say("it belongs to another user (uid %u): run as root",
			   uid);
	if (error)
		return say("its memory map cannot be read: %s",
			   report_errno(-error));
	if (mapped.library || mapped.segment)
		return explain_mapped(&mapped);
	snprintf(exe, sizeof(exe), "/proc/%d/exe", pid);
	reason = explain_executable(exe);
	return reason ? reason :
		LIBRARY_NAME " is not preloaded: " HOW_TO_START;
}

/* The file execvp() would run; false when there is none. */
static bool find_program(const char *program, char path[PATH_MAX])
{
	const char *search = getenv("PATH");

	if (strchr(program, '/')) {
		snprintf(path, PATH_MAX, "%s", program);
		return access(path, X_OK) == 0;
	}
	if (!search)
		search = "/bin:/usr/bin";
	while (*search) {
		int length = (int)strcspn(search, ":");

		snprintf(path, PATH_MAX, "%.*s%s%s", length, search,
			 length ? "/" : "", program);
		if (access(path, X_OK) == 0)
			return true;
		search += length + (search[length] == ':');
	}
	return false;
}

/* Does the loader, for this file, distrust the environment? */
static bool gains_rights(const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return false;
	return ((st.st_mode & S_ISUID) && st.st_uid != geteuid()) ||
	       ((st.st_mode & S_ISGID) && st.st_gid != getegid()) ||
	       (geteuid() != 0 &&
		getxattr(path, "security.capability", NULL, 0) > 0);
}

/* Replaces the path of a script by that of its interpreter. */
static void follow_script(char path[PATH_MAX])
{
	char line[256];
	size_t start, length;
	FILE *script = fopen(path, "re");

	if (!script)
		return;
	if (fgets(line, sizeof(line), script) && strncmp(line, "#!", 2) == 0) {
		start = 2 + strspn(line + 2, " \t");
		length = strcspn(line + start, " \t\n");
		snprintf(path, PATH_MAX, "%.*s", (int)length, line + start);
	}
	fclose(script);
}

static bool is_switched_off(void)
{
	const char *value = getenv("HEAPTALLY");

	return value && (strcmp(value, "off") == 0 ||
			 strcmp(value, "no") == 0 || strcmp(value, "0") == 0);
}

const char *diagnose_program(const char *program, const char *library)
{
	struct elf_facts facts, ours;
	char path[PATH_MAX];

	if (is_switched_off())
		return say("HEAPTALLY=%s switches the tally off",
			   getenv("HEAPTALLY"));
	if (!find_program(program, path))
		return "the program is gone";
	if (!elf_inspect(path, &facts))
		follow_script(path);
	if (gains_rights(path))
		return say("'%s' runs with rights of its own, so the loader "
			   "ignores LD_PRELOAD", path);
	if (elf_inspect(path, &facts) && facts.is_static)
		return say("'%s' is statically linked: nothing can be "
			   "preloaded", path);
	if (elf_inspect(path, &facts) && elf_inspect(library, &ours) &&
	    (facts.machine != ours.machine || facts.bits != ours.bits))
		return say("'%s' is for another architecture than %s", path,
			   LIBRARY_NAME);
	return "the tally was off in it: HEAPTALLY_VERBOSE=1 says why";
}
