/* SPDX-License-Identifier: MIT */
#include "reader/maps.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "5581-5582 r-xp 0000 fd:01 1234   /bin/cat"; false where no file is named. */
static bool parse_line(char *line, struct mapped_file *ret)
{
	static const char deleted[] = " (deleted)";
	char *path = strchr(line, '/');
	const char *rights = strchr(line, ' ');
	size_t length;

	if (!path || !rights || path - rights < 5)
		return false;
	length = strcspn(path, "\n");
	path[length] = '\0';
	ret->deleted = length > strlen(deleted) &&
		       strcmp(path + length - strlen(deleted), deleted) == 0;
	if (ret->deleted)
		path[length - strlen(deleted)] = '\0';
	ret->path = path;
	ret->executable = rights[3] == 'x';
	return true;
}

int maps_each(int pid, void (*visit)(void *context,
				     const struct mapped_file *file),
	      void *context)
{
	struct mapped_file file;
	char name[32];
	char *line = NULL;
	size_t room = 0;
	FILE *maps;
	int error;

	snprintf(name, sizeof(name), "/proc/%d/maps", pid);
	maps = fopen(name, "re");
	if (!maps)
		return -errno;
	/* What a visitor leaves in errno is no failure of reading. */
	while (errno = 0, getline(&line, &room, maps) >= 0)
		if (parse_line(line, &file))
			visit(context, &file);
	error = -errno;
	free(line);
	fclose(maps);
	return error;
}
