/* SPDX-License-Identifier: MIT */
#include "reader/examination.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "reader/library.h"
#include "reader/maps.h"
#include "reader/object_list.h"
#include "reader/process.h"
#include "reader/report.h"
#include "reader/segment_directory.h"
#include "reader/view.h"
#include "shm/segment_name.h"

#define SEPARATORS ": " /* of LD_PRELOAD */

static char *answer;

#define say(...) report_clause(&answer, __VA_ARGS__)

const char *object_name(const struct object *o)
{
	return *o->facts.soname ? o->facts.soname : program_base_name(o->path);
}

/* ---- common to both ---- */

static void find_ourselves(struct examination *e)
{
	e->library = library_find(&e->library_problem);
	if (e->library)
		e->companion = library_companion(e->library);
	if (elf_inspect(e->library ? e->library : "/proc/self/exe",
			ELF_HEADER, &e->ours) != ELF_OK)
		e->ours.bits = 8 * sizeof(void *);
}

/* A variable of the environment in question; the caller frees it. */
static char *lookup(const struct examination *e, const char *name)
{
	const char *value;

	if (e->pid)
		return process_variable(e->pid, name);
	value = getenv(name);
	return value ? report_oom(strdup(value)) : NULL;
}

static bool is_no(const char *value)
{
	return strcmp(value, "off") == 0 || strcmp(value, "no") == 0 ||
	       strcmp(value, "0") == 0;
}

static void read_environment(struct examination *e)
{
	e->preload = lookup(e, "LD_PRELOAD");
	e->python_malloc = lookup(e, "PYTHONMALLOC");
	e->switched_off = lookup(e, "HEAPTALLY");
	if (e->switched_off && !is_no(e->switched_off)) {
		free(e->switched_off);
		e->switched_off = NULL;
	}
	e->directory = lookup(e, "HEAPTALLY_DIR");
	if (!e->directory || !*e->directory) {
		free(e->directory);
		e->directory =
			report_oom(strdup(SEGMENT_DEFAULT_DIRECTORY));
	}
}

static void read_limits(struct examination *e)
{
	struct rlimit limit;
	char path[PATH_MAX];
	const char *why;

	e->file_size_limit = UINT64_MAX;
	if (prlimit(e->pid, RLIMIT_FSIZE, NULL, &limit) == 0 &&
	    limit.rlim_cur != RLIM_INFINITY)
		e->file_size_limit = limit.rlim_cur;
	/* The same name may mean another directory in a container. */
	snprintf(path, sizeof(path), "/proc/%d/root%s", e->pid, e->directory);
	why = segment_directory_examine(
		e->pid && *e->directory == '/' ? path : e->directory,
		&e->free_bytes);
	if (why)
		e->directory_problem = report_oom(strdup(why));
}

/* Our own libraries pass on what they define. */
static bool is_ours(const char *path)
{
	const char *name = program_base_name(path);

	return strcmp(name, LIBRARY_NAME) == 0 ||
	       strcmp(name, COMPANION_NAME) == 0;
}

static void look_for_valgrind(struct examination *e, const char *path)
{
	const char *name = program_base_name(path);

	e->valgrind |= strcmp(name, "valgrind") == 0 ||
		       strncmp(name, "vgpreload_", 10) == 0 ||
		       strstr(path, "/libexec/valgrind/") ||
		       strstr(path, "/lib/valgrind/");
}

/* ---- a command ---- */

/* Does the loader, for this file, distrust the environment? */
static bool gains_rights(const char *path)
{
	struct statvfs fs;
	struct stat st;

	if (stat(path, &st) != 0 ||
	    (statvfs(path, &fs) == 0 && (fs.f_flag & ST_NOSUID)))
		return false;
	return ((st.st_mode & S_ISUID) && st.st_uid != geteuid()) ||
	       ((st.st_mode & S_ISGID) && (st.st_mode & S_IXGRP) &&
		st.st_gid != getegid()) ||
	       (geteuid() != 0 &&
		getxattr(path, "security.capability", NULL, 0) > 0);
}

static void add_preloaded(struct object_list *list, const char *names)
{
	char *entries = report_oom(strdup(names ? names : ""));
	char *saved = NULL;
	char *entry = strtok_r(entries, SEPARATORS, &saved);

	for (; entry; entry = strtok_r(NULL, SEPARATORS, &saved))
		if (!is_ours(entry))
			object_list_preload(list, entry);
	free(entries);
}

static void take_list(struct examination *e, struct object_list *list)
{
	e->objects = list->items;
	e->count = list->count;
	e->missing = list->missing;
}

static void load_objects(struct examination *e, const char *const *extra)
{
	struct object_list list = { 0 };
	struct elf_facts facts = e->program.facts;
	char path[PATH_MAX];

	/* They belong to the list from now on. */
	memset(&e->program.facts, 0, sizeof(e->program.facts));
	/* What $ORIGIN means: the loader follows links, too. */
	object_list_add(&list, realpath(e->program.path, path) ? path :
			e->program.path, "", &facts);
	for (; extra && *extra; extra++)
		if (!is_ours(*extra))
			object_list_preload(&list, *extra);
	add_preloaded(&list, e->preload);
	e->preloaded = list.count - 1;
	object_list_close(&list);
	take_list(e, &list);
}

const char *examine_command(struct examination *ret, const char *command,
			    const char *const *extra)
{
	const char *why;

	memset(ret, 0, sizeof(*ret));
	why = program_resolve(command, &ret->program);
	if (why)
		return why;
	find_ourselves(ret);
	read_environment(ret);
	read_limits(ret);
	ret->gains_rights = gains_rights(ret->program.path);
	look_for_valgrind(ret, ret->program.script);
	look_for_valgrind(ret, ret->program.path);
	if (ret->program.error == ELF_OK)
		load_objects(ret, extra);
	return NULL;
}

/* ---- a process ---- */

struct map_walk {
	struct examination *e;
	struct object_list list;
	char last[PATH_MAX];    /* path of the mapping before */
	char segment[PATH_MAX]; /* path of the segment, if mapped */
};

static void note_segment(struct map_walk *w, const struct mapped_file *file)
{
	uint64_t starttime_ticks;
	int pid;

	if (!segment_name_parse(program_base_name(file->path), SEGMENT_PREFIX,
				&pid, &starttime_ticks))
		return;
	snprintf(w->segment, sizeof(w->segment), "%s", file->path);
	w->e->segment_deleted = file->deleted;
}

static void note_object(struct map_walk *w, const struct mapped_file *file)
{
	const char *name = program_base_name(file->path);
	char path[PATH_MAX];

	if (strcmp(file->path, w->last) == 0)
		return;
	snprintf(w->last, sizeof(w->last), "%s", file->path);
	w->e->library_mapped |= strcmp(name, LIBRARY_NAME) == 0;
	w->e->companion_mapped |= strcmp(name, COMPANION_NAME) == 0;
	look_for_valgrind(w->e, file->path);
	if (strcmp(file->path, w->e->program.path) == 0 || is_ours(name) ||
	    snprintf(path, sizeof(path), "/proc/%d/root%s", w->e->pid,
		     file->path) >= PATH_MAX)
		return;
	object_list_add(&w->list, file->path, path, NULL);
}

static void visit_mapping(void *context, const struct mapped_file *file)
{
	struct map_walk *w = context;

	note_segment(w, file);
	if (file->executable)
		note_object(w, file);
}

static void copy_tally(struct examination *e, const struct ht *h)
{
	const struct ht_identity *id = ht_identity(h);
	struct examined_tally *tally = &e->tally;

	/* A reader has those of others mapped. */
	if (id->in_our_namespace && id->pid != e->pid)
		return;
	tally->found = true;
	tally->state = ht_state_name(ht_state(h));
	snprintf(tally->coverage, sizeof(tally->coverage), "%s",
		 ht_coverage_name(id->coverage));
	memcpy(tally->reason, id->coverage_reason, sizeof(tally->reason));
}

/* Where it is mapped from, in the process's own view of the files. */
static void read_mapped_segment(struct map_walk *w)
{
	char directory[PATH_MAX];
	struct ht *h;
	char *slash = strrchr(w->segment, '/');
	int fd;

	if (!slash || w->e->segment_deleted ||
	    snprintf(directory, sizeof(directory), "/proc/%d/root%.*s",
		     w->e->pid, (int)(slash - w->segment), w->segment) >=
		    PATH_MAX)
		return;
	memcpy(w->e->tally.place, w->segment, sizeof(w->segment));
	fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
	h = view_handle();
	if (ht_open_file(h, fd, slash + 1) == 0)
		copy_tally(w->e, h);
	ht_free(h);
	close(fd);
}

static void walk_maps(struct examination *e, struct map_walk *w)
{
	struct elf_facts facts = e->program.facts;
	const char *preload = e->preload ? e->preload : "";

	if (e->program.error == ELF_OK) {
		memset(&e->program.facts, 0, sizeof(e->program.facts));
		object_list_add(&w->list, e->program.path, "", &facts);
	}
	maps_each(e->pid, visit_mapping, w);
	if (e->program.error == ELF_OK)
		e->preloaded = object_list_prefer(&w->list, preload);
	object_list_order(&w->list, 1 + e->preloaded);
	take_list(e, &w->list);
}

/* Returns NULL, or why nothing can be learnt of a process. */
static const char *check_process(int pid)
{
	uint64_t starttime_ticks;
	char state, path[PATH_MAX];
	unsigned uid;
	int error;

	if (!process_start(pid, &starttime_ticks, &state))
		return "no such process";
	if (state == 'Z' || state == 'X')
		return "it has ended and waits for its parent";
	if (process_executable(pid, path, sizeof(path)))
		return NULL;
	error = errno;
	if (error == ENOENT)
		return "it is a thread of the kernel";
	if (geteuid() != 0 && process_uid(pid, &uid) && uid != geteuid())
		return say("it belongs to another user (uid %u): run as root",
			   uid);
	return say("its executable cannot be looked at: %s",
		   report_errno(error));
}

static void find_program(struct examination *e)
{
	static const char deleted[] = " (deleted)";
	char *path = e->program.path;
	char link[32];
	size_t length;

	process_executable(e->pid, path, sizeof(e->program.path));
	length = strlen(path);
	if (length > strlen(deleted) &&
	    strcmp(path + length - strlen(deleted), deleted) == 0)
		path[length - strlen(deleted)] = '\0';
	snprintf(link, sizeof(link), "/proc/%d/exe", e->pid);
	e->program.error = elf_inspect(link, ELF_WHOLE, &e->program.facts);
	look_for_valgrind(e, path);
}

const char *examine_process(struct examination *ret, int pid)
{
	struct map_walk w = { .e = ret };
	const char *why = check_process(pid);

	memset(ret, 0, sizeof(*ret));
	if (why)
		return why;
	ret->pid = pid;
	find_ourselves(ret);
	read_environment(ret);
	read_limits(ret);
	ret->gains_rights = process_is_secure(pid);
	find_program(ret);
	walk_maps(ret, &w);
	read_mapped_segment(&w);
	return NULL;
}

/* ---- questions ---- */

void examination_release(struct examination *e)
{
	for (size_t i = 0; i < e->count; i++) {
		elf_release(&e->objects[i].facts);
		free(e->objects[i].path);
	}
	free(e->objects);
	free(e->missing);
	free(e->switched_off);
	free(e->preload);
	free(e->python_malloc);
	free(e->directory);
	free(e->directory_problem);
	elf_release(&e->ours);
	program_release(&e->program);
}

const struct object *examination_executable(const struct examination *e)
{
	return e->program.error == ELF_OK && e->count ? &e->objects[0] : NULL;
}

const struct object *examination_definer(const struct examination *e,
					 enum elf_symbol symbol)
{
	for (size_t i = e->program.error == ELF_OK; i < e->count; i++)
		if (e->objects[i].facts.exports & 1u << symbol)
			return &e->objects[i];
	return NULL;
}

/* What the C++ libraries want of each other is not used by anybody yet. */
static bool is_cxx_library(const struct object *o)
{
	const char *name = object_name(o);

	return strncmp(name, "libstdc++.", 10) == 0 ||
	       strncmp(name, "libc++", 6) == 0;
}

/* By an object other than the provider itself, which may be C++ as well. */
static bool wants_any(const struct examination *e, unsigned mask,
		      const struct object *provider)
{
	for (size_t i = 0; i < e->count; i++)
		if (&e->objects[i] != provider &&
		    !is_cxx_library(&e->objects[i]) &&
		    (e->objects[i].facts.imports & mask))
			return true;
	return false;
}

const struct object *examination_cxx_provider(const struct examination *e,
						 bool later)
{
	const unsigned mask = 1u << ELF_CXX_NEW | 1u << ELF_CXX_STD |
			      (later ? 1u << ELF_DLOPEN : 0);
	const struct object *executable = examination_executable(e);
	const struct object *o = examination_definer(e, ELF_CXX_NEW);

	/* A new of the program's own is most likely made of malloc. */
	if (!o || (executable &&
		   executable->facts.exports & 1u << ELF_CXX_NEW) ||
	    !wants_any(e, mask, o))
		return NULL;
	/* A sanitizer tells blocks of new from those of malloc. */
	return (o->facts.exports & 1u << ELF_MALLOC) &&
	       !(o->facts.exports & 1u << ELF_ASAN) ? o : NULL;
}
