/* SPDX-License-Identifier: MIT */
#include "reader/procfile.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A text of the greatest length, one byte to see that it ends, and the NUL. */
#define ROOM_BYTES (PROCFILE_MAX_BYTES + 2)

int procfile_init(struct procfile *f)
{
	f->error = 0;
	f->text = malloc(ROOM_BYTES);
	return f->text ? 0 : -ENOMEM;
}

void procfile_release(struct procfile *f)
{
	free(f->text);
	f->text = NULL;
}

/* Returns 0 or an errno. */
static int read_all(char *text, int fd)
{
	size_t used = 0;
	ssize_t count;

	do {
		count = read(fd, text + used, ROOM_BYTES - 1 - used);
		if (count < 0)
			return errno;
		used += (size_t)count;
		if (used > PROCFILE_MAX_BYTES)
			return EFBIG;
	} while (count > 0);
	text[used] = '\0';
	return 0;
}

char *procfile_read(struct procfile *f, int dirfd, const char *name)
{
	int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0) {
		f->error = errno;
		return NULL;
	}
	f->error = read_all(f->text, fd);
	close(fd);
	return f->error ? NULL : f->text;
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

bool procfile_list_open(struct procfile_list *l, int dirfd, const char *name)
{
	l->fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	l->at = l->used = 0;
	return l->fd >= 0;
}

/* Not readdir(), which allocates. */
static const struct dirent64 *next_entry(struct procfile_list *l)
{
	const struct dirent64 *entry;
	ssize_t count;

	if (l->at >= l->used) {
		count = getdents64(l->fd, l->entries, sizeof(l->entries));
		if (count <= 0)
			return NULL;
		l->used = (size_t)count;
		l->at = 0;
	}
	entry = (const void *)(l->entries + l->at);
	l->at += entry->d_reclen;
	return entry;
}

const char *procfile_list_next(struct procfile_list *l)
{
	const struct dirent64 *entry;

	while ((entry = next_entry(l)))
		if (entry->d_name[0] != '.')
			return entry->d_name;
	return NULL;
}

void procfile_list_close(struct procfile_list *l)
{
	if (l->fd >= 0)
		close(l->fd);
}
