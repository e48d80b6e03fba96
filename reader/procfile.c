/* SPDX-License-Identifier: MIT */
#include "reader/procfile.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIRST_ROOM 4096 /* most files fit, and so take one read and its end */

/* Doubles the room while the text fills it; false when that is too much. */
static bool make_room(char **text, size_t *room, size_t used)
{
	char *larger;

	if (used > PROCFILE_MAX_BYTES)
		return false;
	if (used + 1 < *room)
		return true;
	larger = realloc(*text, *room * 2);
	if (!larger)
		return false;
	*text = larger;
	*room *= 2;
	return true;
}

static char *read_all(int fd)
{
	size_t room = FIRST_ROOM, used = 0;
	char *text = malloc(room);
	ssize_t count = -1;

	while (text && make_room(&text, &room, used)) {
		count = read(fd, text + used, room - used - 1);
		if (count <= 0)
			break;
		used += (size_t)count;
	}
	if (text && count == 0) {
		text[used] = '\0';
		return text;
	}
	free(text);
	return NULL;
}

char *procfile_read(int dirfd, const char *name)
{
	int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char *text;

	if (fd < 0)
		return NULL;
	text = read_all(fd);
	close(fd);
	return text;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

bool procfile_number(const char *text, uint64_t *ret)
{
	unsigned long long number;
	char *end;

	while (is_blank(*text))
		text++;
	/* strtoull() would take a sign. */
	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;
	number = strtoull(text, &end, 10);
	if (errno || !isspace((unsigned char)*end))
		return false;
	*ret = number;
	return true;
}

const char *procfile_named(const char *text, const char *name)
{
	size_t length = strlen(name);

	while (text) {
		if (strncmp(text, name, length) == 0 &&
		    (text[length] == ':' || is_blank(text[length])))
			return text + length + 1;
		text = strchr(text, '\n');
		text += text != NULL;
	}
	return NULL;
}

bool procfile_named_number(const char *text, const char *name, uint64_t *ret)
{
	const char *value = procfile_named(text, name);

	return value && procfile_number(value, ret);
}

bool procfile_stat_number(const char *line, unsigned field, uint64_t *ret)
{
	const char *at = strrchr(line, ')');

	for (unsigned i = 2; at && i < field; i++) {
		at = strchr(at, ' ');
		at += at != NULL;
	}
	return at && procfile_number(at, ret);
}
