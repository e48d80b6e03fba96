/* SPDX-License-Identifier: MIT */
#include "reader/output_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reader/report.h"

static bool fail(struct output_file *o)
{
	/* Who closed a pipe on purpose needs no message. */
	if (errno != EPIPE)
		report("cannot write '%s': %s", o->name, report_errno(errno));
	output_file_abandon(o);
	return false;
}

/* The rights a new file would get, or those of the one to be replaced. */
static void copy_mode(int fd, const struct stat *existing)
{
	mode_t mask = umask(0);

	umask(mask);
	fchmod(fd, existing ? existing->st_mode & 07777 : 0666 & ~mask);
}

static bool open_temporary(struct output_file *o, const struct stat *existing)
{
	char resolved[PATH_MAX];
	int fd;

	/* A symlink stays one: what it leads to is replaced. */
	o->path = report_oom(strdup(
		existing && realpath(o->name, resolved) ? resolved : o->name));
	if (asprintf(&o->temporary, "%s.XXXXXX", o->path) < 0)
		o->temporary = report_oom(NULL);
	fd = mkostemp(o->temporary, O_CLOEXEC);
	if (fd < 0) {
		free(o->temporary);
		o->temporary = NULL;
		return false;
	}
	copy_mode(fd, existing);
	o->stream = report_oom(fdopen(fd, "we"));
	return true;
}

bool output_file_open(struct output_file *ret, const char *name)
{
	struct stat st;
	bool exists;

	*ret = (struct output_file){ .name = name };
	if (strcmp(name, "-") == 0) {
		ret->stream = stdout;
		return true;
	}
	exists = stat(name, &st) == 0;
	if (exists && S_ISDIR(st.st_mode)) {
		errno = EISDIR;
		return fail(ret);
	}
	if (exists && !S_ISREG(st.st_mode)) {
		ret->stream = fopen(name, "we");
		return ret->stream || fail(ret);
	}
	if (exists && access(name, W_OK) != 0)
		return fail(ret);
	return open_temporary(ret, exists ? &st : NULL) || fail(ret);
}

bool output_file_finish(struct output_file *o)
{
	FILE *stream = o->stream;
	bool complete;

	if (stream == stdout) /* main() flushes it, and tells what was lost */
		return true;
	o->stream = NULL;
	errno = 0;
	complete = !ferror(stream);
	if (fclose(stream) != 0 || !complete)
		return fail(o);
	if (o->temporary && rename(o->temporary, o->path) != 0)
		return fail(o);
	free(o->temporary);
	o->temporary = NULL;
	output_file_abandon(o);
	return true;
}

void output_file_abandon(struct output_file *o)
{
	if (o->stream && o->stream != stdout)
		fclose(o->stream);
	if (o->temporary)
		unlink(o->temporary);
	free(o->temporary);
	free(o->path);
	*o = (struct output_file){ .name = o->name };
}
