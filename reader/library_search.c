/* SPDX-License-Identifier: MIT */
#include "reader/library_search.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reader/report.h"

#define CONFIGURATION   "/etc/ld.so.conf"
#define INCLUDE_DEPTH   4
#define FILES_MAX       64  /* of the configuration */
#define DIRECTORIES_MAX 256 /* named by it */
#define SEPARATORS      " \t\n,:="

/* What the loader itself knows, with those of Debian and Fedora. */
static const char *const built_in[] = {
	"/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu",
	"/lib/aarch64-linux-gnu", "/usr/lib/aarch64-linux-gnu",
	"/lib64", "/usr/lib64", "/lib", "/usr/lib",
};

static struct {
	bool is_read;
	unsigned files;
	size_t count;
	char *directories[DIRECTORIES_MAX];
} configured;

static void read_configuration(const char *path, unsigned depth);

static void include(const char *pattern, unsigned depth)
{
	glob_t found;

	if (*pattern == '/' && glob(pattern, 0, NULL, &found) == 0) {
		for (size_t i = 0; i < found.gl_pathc; i++)
			read_configuration(found.gl_pathv[i], depth + 1);
		globfree(&found);
	}
}

static void read_line(char *line, unsigned depth)
{
	char *saved = NULL, *word;

	line[strcspn(line, "#")] = '\0';
	word = strtok_r(line, SEPARATORS, &saved);
	if (!word)
		return;
	if (strcmp(word, "include") == 0) {
		while ((word = strtok_r(NULL, SEPARATORS, &saved)))
			include(word, depth);
		return;
	}
	for (; word && configured.count < DIRECTORIES_MAX;
	     word = strtok_r(NULL, SEPARATORS, &saved))
		if (*word == '/')
			configured.directories[configured.count++] =
				report_oom(strdup(word));
}

static void read_configuration(const char *path, unsigned depth)
{
	char line[PATH_MAX];
	FILE *file;

	if (depth > INCLUDE_DEPTH || configured.files++ >= FILES_MAX)
		return;
	file = fopen(path, "re");
	if (!file)
		return;
	while (fgets(line, sizeof(line), file))
		read_line(line, depth);
	fclose(file);
}

static bool try_path(const char *path, const struct elf_facts *like)
{
	struct elf_facts facts;
	bool fits = elf_inspect(path, ELF_HEADER, &facts) == ELF_OK &&
		    elf_same_kind(&facts, like);

	elf_release(&facts);
	return fits;
}

static bool try_directory(const char *directory, const char *name,
			  const struct elf_facts *like, char *ret)
{
	int length = snprintf(ret, PATH_MAX, "%s/%s", directory, name);

	return length > 0 && length < PATH_MAX && try_path(ret, like);
}

/*
 * Replaces $ORIGIN or ${ORIGIN} at the beginning, where all the world has
 * it, by the directory of `path`. False for other variables.
 */
static bool expand(const char *entry, const char *path, char *ret)
{
	static const char *const names[] = { "$ORIGIN", "${ORIGIN}" };
	const char *slash = strrchr(path, '/');
	int length = slash ? (int)(slash - path) : 0;

	for (size_t i = 0; i < 2; i++) {
		size_t skipped = strlen(names[i]);

		if (strncmp(entry, names[i], skipped) != 0)
			continue;
		length = snprintf(ret, PATH_MAX, "%.*s%s", length, path,
				  entry + skipped);
		return length < PATH_MAX && !strchr(ret, '$');
	}
	length = snprintf(ret, PATH_MAX, "%s", entry);
	return length < PATH_MAX && !strchr(ret, '$');
}

/* The directories of a list that is separated by colons. */
static bool try_list(const char *list, const char *name, const char *path,
		     const struct elf_facts *like, char *ret)
{
	while (list && *list) {
		size_t length = strcspn(list, ":;");
		char entry[PATH_MAX], directory[PATH_MAX];

		if (length && length < sizeof(entry)) {
			memcpy(entry, list, length);
			entry[length] = '\0';
			if (expand(entry, path, directory) &&
			    try_directory(directory, name, like, ret))
				return true;
		}
		list += length + (list[length] != '\0');
	}
	return false;
}

static bool try_system(const char *name, const struct elf_facts *like,
		       char *ret)
{
	if (!configured.is_read) {
		configured.is_read = true;
		read_configuration(CONFIGURATION, 0);
	}
	for (size_t i = 0; i < configured.count; i++)
		if (try_directory(configured.directories[i], name, like, ret))
			return true;
	for (size_t i = 0; i < sizeof(built_in) / sizeof(built_in[0]); i++)
		if (try_directory(built_in[i], name, like, ret))
			return true;
	return false;
}

bool library_search(const char *name, const char *path,
		    const struct elf_facts *facts,
		    const struct elf_facts *like, char *ret)
{
	const char *runpath = facts ? facts->runpath : NULL;
	const char *rpath = facts && facts->runpath_is_rpath ? runpath : NULL;

	if (strchr(name, '/'))
		return snprintf(ret, PATH_MAX, "%s", name) < PATH_MAX &&
		       try_path(ret, like);
	return try_list(rpath, name, path, like, ret) ||
	       try_list(getenv("LD_LIBRARY_PATH"), name, path, like, ret) ||
	       (!rpath && try_list(runpath, name, path, like, ret)) ||
	       try_system(name, like, ret);
}
