/* SPDX-License-Identifier: MIT */
#include "reader/library.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reader/process.h"
#include "reader/report.h"

/* Both are separators to the loader, which knows no quoting. */
#define SEPARATORS ": "

/* True when directory/between/libheaptally.so is there; in path, resolved. */
static bool try_directory(const char *directory, const char *between,
			  char path[PATH_MAX])
{
	char candidate[PATH_MAX];
	int length = snprintf(candidate, sizeof(candidate), "%s%s/%s",
			      directory, between, LIBRARY_NAME);

	return length > 0 && (size_t)length < sizeof(candidate) &&
	       access(candidate, R_OK) == 0 && realpath(candidate, path);
}

static bool locate(char path[PATH_MAX])
{
	char self[PATH_MAX];
	char *slash;

	if (process_executable(getpid(), self, sizeof(self))) {
		slash = strrchr(self, '/');
		if (slash)
			*slash = '\0';
		if (try_directory(self, "", path) ||
		    try_directory(self, "/../lib/heaptally", path))
			return true;
	}
	return try_directory(HEAPTALLY_LIBDIR, "", path);
}

const char *library_find(const char **ret_why)
{
	static char path[PATH_MAX];
	static char *why;

	if (!locate(path)) {
		*ret_why = report_clause(&why, "cannot find %s beside this "
					 "program or in '%s'", LIBRARY_NAME,
					 HEAPTALLY_LIBDIR);
		return NULL;
	}
	if (strpbrk(path, SEPARATORS)) {
		*ret_why = report_clause(&why, "LD_PRELOAD cannot carry '%s': "
					 "move it to a path without spaces "
					 "and colons", path);
		return NULL;
	}
	return path;
}

static bool is_sanitizer(const char *entry)
{
	const char *slash = strrchr(entry, '/');

	return strncmp(slash ? slash + 1 : entry, "libasan", 7) == 0;
}

static void join(char *list, size_t room, const char *entry)
{
	size_t used = strlen(list);

	snprintf(list + used, room - used, "%s%s", used ? ":" : "", entry);
}

char *library_preload(const char *path, const char *existing)
{
	char *entries = report_oom(strdup(existing ? existing : ""));
	size_t room = strlen(path) + strlen(entries) + 3;
	char *list = report_oom(calloc(1, room));
	char *saved = NULL;
	char *entry = strtok_r(entries, SEPARATORS, &saved);

	if (entry && is_sanitizer(entry)) {
		join(list, room, entry);
		entry = strtok_r(NULL, SEPARATORS, &saved);
	}
	join(list, room, path);
	for (; entry; entry = strtok_r(NULL, SEPARATORS, &saved))
		if (strcmp(entry, path) != 0)
			join(list, room, entry);
	free(entries);
	return list;
}
