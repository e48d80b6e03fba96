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

const char *library_companion(const char *path)
{
	static char companion[PATH_MAX];
	const char *slash = strrchr(path, '/');
	int directory = slash ? (int)(slash - path) + 1 : 0;
	int length = snprintf(companion, sizeof(companion), "%.*s%s",
			      directory, path, COMPANION_NAME);

	return length > 0 && (size_t)length < sizeof(companion) &&
	       access(companion, R_OK) == 0 ? companion : NULL;
}

static bool is_sanitizer(const char *entry)
{
	const char *slash = strrchr(entry, '/');
	const char *name = slash ? slash + 1 : entry;

	return strncmp(name, "libasan", 7) == 0 ||
	       strncmp(name, "libtsan", 7) == 0;
}

static void join(char *list, size_t room, const char *entry)
{
	size_t used = strlen(list);

	snprintf(list + used, room - used, "%s%s", used ? ":" : "", entry);
}

static bool is_among(const char *const *libraries, const char *entry)
{
	for (; *libraries; libraries++)
		if (strcmp(*libraries, entry) == 0)
			return true;
	return false;
}

char *library_preload(const char *const *libraries, const char *existing)
{
	char *entries = report_oom(strdup(existing ? existing : ""));
	size_t room = strlen(entries) + 2;
	char *list;
	char *saved = NULL;
	char *entry = strtok_r(entries, SEPARATORS, &saved);

	for (size_t i = 0; libraries[i]; i++)
		room += strlen(libraries[i]) + 1;
	list = report_oom(calloc(1, room));
	if (entry && is_sanitizer(entry)) {
		join(list, room, entry);
		entry = strtok_r(NULL, SEPARATORS, &saved);
	}
	for (size_t i = 0; libraries[i]; i++)
		join(list, room, libraries[i]);
	for (; entry; entry = strtok_r(NULL, SEPARATORS, &saved))
		if (!is_among(libraries, entry))
			join(list, room, entry);
	free(entries);
	return list;
}
