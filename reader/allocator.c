/* SPDX-License-Identifier: MIT */
#include "reader/allocator.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "reader/library_search.h"
#include "reader/report.h"

/* To add an allocator: a row. Files in the order in which they are tried. */
static const struct {
	const char *name;
	const char *files[3];
	const char *package; /* of Debian */
} allocators[] = {
	{ "jemalloc", { "libjemalloc.so.2" }, "libjemalloc2" },
	{ "tcmalloc", { "libtcmalloc_minimal.so.4", "libtcmalloc.so.4" },
	  "libtcmalloc-minimal4" },
	{ "mimalloc", { "libmimalloc.so.2" },
	  "libmimalloc2.0" },
};

#define COUNT (sizeof(allocators) / sizeof(allocators[0]))

static char *answer;

#define say(...) report_clause(&answer, __VA_ARGS__)

static const char *find_row(size_t row, const struct elf_facts *like,
			    char path[PATH_MAX])
{
	for (size_t i = 0; allocators[row].files[i]; i++)
		if (library_search(allocators[row].files[i], "", NULL, like,
				   path))
			return path;
	return NULL;
}

/* Returns NULL, or why a file cannot serve as an allocator. */
static const char *check(const char *path, const struct elf_facts *like)
{
	struct elf_facts facts;
	enum elf_error error = elf_inspect(path, ELF_DYNAMIC, &facts);
	const char *why = NULL;

	if (error)
		why = elf_error_text(error);
	else if (!elf_same_kind(&facts, like))
		why = say("it is for %s", elf_kind_text(&facts));
	else if (*facts.interpreter || !facts.is_pie)
		why = "it is a program, not a library";
	else if (!(facts.exports & 1u << ELF_MALLOC))
		why = "it does not define malloc";
	else if (strpbrk(path, ": "))
		why = "LD_PRELOAD cannot carry a path with spaces or colons";
	elf_release(&facts);
	return why;
}

static const char *find_path(const char *argument,
			     const struct elf_facts *like,
			     char path[PATH_MAX], const char **ret_why)
{
	const char *why = realpath(argument, path) ? check(path, like) :
						     report_errno(errno);
	static char *message;

	if (!why)
		return path;
	*ret_why = report_clause(&message, "cannot use '%s' as allocator: %s",
				 argument, why);
	return NULL;
}

const char *allocator_find(const char *argument, const struct elf_facts *like,
			   const char **ret_why)
{
	static char path[PATH_MAX];
	const char *found;

	if (strchr(argument, '/'))
		return find_path(argument, like, path, ret_why);
	for (size_t i = 0; i < COUNT; i++) {
		if (strcmp(argument, allocators[i].name) != 0)
			continue;
		found = find_row(i, like, path);
		if (!found)
			*ret_why = say("cannot find %s: install %s, as it is "
				       "called on Debian",
				       allocators[i].files[0],
				       allocators[i].package);
		return found;
	}
	*ret_why = say("--allocator: '%s' is not jemalloc, tcmalloc, mimalloc "
		       "or a path", argument);
	return NULL;
}
