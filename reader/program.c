/* SPDX-License-Identifier: MIT */
#include "reader/program.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reader/format.h"
#include "reader/report.h"

#define SCRIPTS_MAX 5   /* the kernel's own limit */
#define LINE_BYTES  256 /* of a script: what the kernel reads, too */
#define SHELL       "/bin/sh"
#define BLANKS      " \t"

static char *answer;

#define say(...) report_clause(&answer, __VA_ARGS__)

const char *program_base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

/* Returns 0 or an errno; other than execve(2), tells a directory. */
static int try_executable(const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0 || access(path, X_OK) != 0)
		return errno;
	return S_ISDIR(st.st_mode) ? EISDIR : 0;
}

/* Returns 0, or what execvp() would give. */
static int search(const char *command, char path[PATH_MAX])
{
	const char *list = getenv("PATH");
	int error, worst = ENOENT;

	if (!list)
		list = "/bin:/usr/bin";
	for (bool more = true; more;) {
		int length = (int)strcspn(list, ":");
		int written = snprintf(path, PATH_MAX, "%.*s%s%s", length, list,
				       length ? "/" : "", command);

		error = written < PATH_MAX ? try_executable(path) : ENOENT;
		if (!error)
			return 0;
		if (error == EACCES || error == EISDIR)
			worst = EACCES;
		more = list[length] == ':';
		list += length + more;
	}
	return worst;
}

static int find(const char *command, char path[PATH_MAX])
{
	if (!*command)
		return ENOENT;
	if (!strchr(command, '/'))
		return search(command, path);
	if (snprintf(path, PATH_MAX, "%s", command) >= PATH_MAX)
		return ENAMETOOLONG;
	return try_executable(path);
}

/*
 * The command that `env` in the first line of a script starts: behind its
 * options and assignments. NULL when there is none.
 */
static char *env_command(char *arguments)
{
	char *saved = NULL;
	char *word = strtok_r(arguments, BLANKS, &saved);

	while (word && (*word == '-' || strchr(word, '=')))
		word = strtok_r(NULL, BLANKS, &saved);
	return word;
}

static const char *parse_script(char *line, char command[PATH_MAX])
{
	char *start = line + 2 + strspn(line + 2, BLANKS);
	char *behind = start + strcspn(start, BLANKS);
	char *named = NULL;

	if (*behind)
		*behind++ = '\0';
	if (strcmp(program_base_name(start), "env") == 0)
		named = env_command(behind);
	if (!named)
		named = start;
	if (!*named)
		return "its first line names no interpreter";
	snprintf(command, PATH_MAX, "%s", named);
	return NULL;
}

/*
 * Reads which command a file that is not ELF stands for: its interpreter, or
 * the shell, which execvp() tries. Returns NULL or why there is none.
 */
static const char *follow(const char *path, char command[PATH_MAX])
{
	char line[LINE_BYTES];
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	ssize_t length = fd >= 0 ? read(fd, line, sizeof(line) - 1) : -1;
	bool is_text;

	if (fd >= 0)
		close(fd);
	if (length < 0)
		return report_errno(errno);
	line[length] = '\0';
	is_text = strlen(line) == (size_t)length;
	line[strcspn(line, "\n")] = '\0';
	if (strncmp(line, "#!", 2) == 0)
		return parse_script(line, command);
	if (!is_text)
		return "neither an ELF program nor a script";
	snprintf(command, PATH_MAX, SHELL);
	return NULL;
}

/* One step; *ret_done when the end is reached. */
static const char *step(struct program *p, char command[PATH_MAX],
			bool *ret_done)
{
	const char *why;
	int error = find(command, p->path);

	if (error)
		return report_errno(error);
	p->error = elf_inspect(p->path, ELF_WHOLE, &p->facts);
	*ret_done = p->error == ELF_OK || p->error == ELF_UNREADABLE;
	if (*ret_done)
		return NULL;
	if (p->error != ELF_NOT_ELF)
		return elf_error_text(p->error);
	why = follow(p->path, command);
	if (!why && !*p->script)
		memcpy(p->script, p->path, sizeof(p->script));
	return why;
}

const char *program_resolve(const char *command, struct program *ret)
{
	char next[PATH_MAX];
	const char *why;
	bool done = false;

	memset(ret, 0, sizeof(*ret));
	if (snprintf(next, sizeof(next), "%s", command) >= PATH_MAX)
		return report_errno(ENAMETOOLONG);
	for (int i = 0; i <= SCRIPTS_MAX && !done; i++) {
		why = step(ret, next, &done);
		if (why && *ret->script)
			return say("it is a script, and its interpreter '%s' "
				   "cannot be used: %s",
				   format_escaped(next).s, why);
		if (why)
			return why;
	}
	return done ? NULL : "scripts that name each other as interpreter";
}

void program_release(struct program *p)
{
	elf_release(&p->facts);
}
