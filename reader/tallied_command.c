/* SPDX-License-Identifier: MIT */
#include "reader/tallied_command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "reader/examination.h"
#include "reader/library.h"
#include "reader/report.h"

#define NOT_FOUND    127 /* as shells and env(1) say it */
#define NOT_RUNNABLE 126

static void find_library(struct tallied_command *t)
{
	const char *why;

	t->library = library_find(&why);
	if (t->library) {
		why = run_directory_make(&t->directory);
		if (why)
			t->library = NULL;
	}
	if (t->library)
		return;
	t->untallied = why;
	report("the command runs untallied: %s", why);
}

/*
 * Is C++ new served by an allocator, past malloc, and may there be C++? A
 * script's children may differ, but nobody can know them.
 */
static bool needs_companion(const struct tallied_command *t)
{
	struct examination e;
	bool needed = !examine_command(&e, t->request.argv[0], t->libraries) &&
		      examination_cxx_provider(&e, true);

	examination_release(&e);
	return needed;
}

/* In the order of LD_PRELOAD: what counts stands before what it counts. */
static void list_libraries(struct tallied_command *t)
{
	const char *companion = t->library ? library_companion(t->library) :
					     NULL;
	size_t count = t->library != NULL;

	t->libraries[0] = t->library;
	t->libraries[count] = t->request.allocator;
	if (companion && needs_companion(t)) {
		t->libraries[count++] = companion;
		t->libraries[count] = t->request.allocator;
	}
}

void tallied_command_prepare(struct tallied_command *ret,
			     const struct tallied_request *request)
{
	*ret = (struct tallied_command){ .request = *request };
	find_library(ret);
	list_libraries(ret);
}

/* As the library reads them; NULL for none. Freed by the caller. */
static char *join(const struct string_list *globs)
{
	size_t room = 1;
	char *joined, *end;

	if (!globs || !globs->count)
		return NULL;
	for (size_t i = 0; i < globs->count; i++)
		room += strlen(globs->items[i]) + 1;
	joined = end = report_oom(malloc(room));
	for (size_t i = 0; i < globs->count; i++)
		end += sprintf(end, "%s%s", i ? "," : "", globs->items[i]);
	return joined;
}

int tallied_command_start(struct tallied_command *t, const char *marks)
{
	char *globs = join(t->request.only);
	struct launch launch = {
		.argv = t->request.argv,
		.libraries = t->libraries,
		.directory = t->library ? t->directory.path : NULL,
		.only = globs,
		.marks = marks,
		.no_follow = t->request.no_follow,
	};
	int error = launch_start(&t->child, &launch);

	free(globs);
	t->pid = t->child.pid;
	if (!error)
		return 0;
	report("cannot run '%s': %s", t->request.argv[0],
	       report_errno(error));
	return error == ENOENT ? NOT_FOUND : NOT_RUNNABLE;
}

void tallied_command_release(struct tallied_command *t, bool running)
{
	if (t->library)
		run_directory_close(&t->directory, !running);
}

int tallied_command_status(int wait_status)
{
	return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) :
					  WEXITSTATUS(wait_status);
}
