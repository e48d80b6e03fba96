/* SPDX-License-Identifier: MIT */
#include "reader/object_list.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "reader/library_search.h"
#include "reader/report.h"

#define OBJECTS_MAX 512u
#define NAMES_MAX   1024u        /* of libraries looked for, in all */
#define WISHES_MAX  16384u       /* for a library, by one of them */
#define BYTES_MAX   (512u << 20) /* read, in all */

static bool is_full(const struct object_list *list)
{
	return list->count >= OBJECTS_MAX || list->bytes_read >= BYTES_MAX;
}

bool object_list_add(struct object_list *list, const char *path,
		     const char *file, struct elf_facts *known)
{
	struct object *o;
	struct elf_facts facts;

	if (is_full(list))
		return false;
	if (known) {
		facts = *known;
		memset(known, 0, sizeof(*known));
	} else if (elf_inspect(file, ELF_DYNAMIC, &facts) != ELF_OK) {
		return false;
	}
	list->bytes_read += facts.bytes_read;
	list->items = report_oom(reallocarray(list->items, list->count + 1,
					      sizeof(*list->items)));
	o = &list->items[list->count++];
	o->facts = facts;
	o->path = report_oom(strdup(path));
	return true;
}

/* As the loader does, by what was asked for or by soname. */
static struct object *find(const struct object_list *list, const char *name)
{
	for (size_t i = 0; i < list->count; i++) {
		struct object *o = &list->items[i];

		if (strcmp(o->facts.soname, name) == 0 ||
		    strcmp(program_base_name(o->path), name) == 0)
			return o;
	}
	return NULL;
}

static void add_library(struct object_list *list, const char *name, size_t by)
{
	const struct object *o = &list->items[by];
	const struct object *executable = &list->items[0];
	char path[PATH_MAX];

	if (library_search(name, o->path, &o->facts, &executable->facts,
			   path) ||
	    (executable->facts.runpath_is_rpath &&
	     library_search(name, executable->path, &executable->facts,
			    &executable->facts, path)))
		object_list_add(list, path, path, NULL);
	else if (!list->missing)
		list->missing = report_oom(strdup(name));
}

void object_list_preload(struct object_list *list, const char *name)
{
	char path[PATH_MAX];

	if (list->count && library_search(name, "", NULL,
					  &list->items[0].facts, path))
		object_list_add(list, path, path, NULL);
}

void object_list_close(struct object_list *list)
{
	size_t names = 0, wishes = 0;

	for (size_t i = 0; i < list->count; i++)
		for (size_t j = 0; j < list->items[i].facts.needed_count; j++) {
			const char *name = list->items[i].facts.needed[j];

			if (is_full(list) || names == NAMES_MAX ||
			    wishes++ == WISHES_MAX)
				return;
			if (find(list, name))
				continue;
			names++;
			add_library(list, name, i);
		}
}

/* Moves an item forward to `to`, and those between back by one. */
static void move(struct object_list *list, struct object *from, size_t to)
{
	struct object moved = *from;
	struct object *place = &list->items[to];

	memmove(place + 1, place, (size_t)(from - place) * sizeof(moved));
	*place = moved;
}

size_t object_list_prefer(struct object_list *list, const char *preload)
{
	char *entries = report_oom(strdup(preload));
	char *saved = NULL;
	char *entry = strtok_r(entries, ": ", &saved);
	size_t ordered = 1;

	for (; entry; entry = strtok_r(NULL, ": ", &saved)) {
		struct object *o = find(list, program_base_name(entry));

		if (o && o >= &list->items[ordered])
			move(list, o, ordered++);
	}
	free(entries);
	return ordered - 1;
}

void object_list_order(struct object_list *list, size_t fixed)
{
	size_t ordered = fixed, wishes = 0;

	for (size_t i = 0; i < ordered; i++)
		for (size_t j = 0; j < list->items[i].facts.needed_count; j++) {
			struct object *o =
				find(list, list->items[i].facts.needed[j]);

			if (wishes++ == WISHES_MAX)
				return;
			if (o && o >= &list->items[ordered])
				move(list, o, ordered++);
		}
}
