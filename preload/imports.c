/* SPDX-License-Identifier: MIT */
#include "preload/imports.h"

#include <link.h>
#include <stddef.h>
#include <string.h>

/* What the dynamic section of one object says. */
struct tables {
	const ElfW(Sym) *symbols;
	const char *names;
	const ElfW(Rela) *relocations[2]; /* of data, of calls */
	size_t bytes[2];
};

struct question {
	imports_visit *visit;
	void *argument;
	const struct object *but;
};

/*
 * glibc has made addresses of these; other loaders, and glibc where the
 * section is read-only, leave offsets. Which of the two it is shows by where
 * the object lies, not by which is larger: one that lies below the address it
 * was linked for has a bias that is negative. NULL where neither is within.
 */
static const void *pointer(const struct dl_phdr_info *info,
			   const struct object *object, const ElfW(Dyn) *entry)
{
	const char *address = (const char *)entry->d_un.d_ptr;
	const char *biased = (const char *)(info->dlpi_addr + entry->d_un.d_ptr);

	if (object_holds(object, address))
		return address;
	return object_holds(object, biased) ? biased : NULL;
}

static void note_entry(const struct dl_phdr_info *info,
		       const struct object *object, const ElfW(Dyn) *entry,
		       struct tables *t)
{
	switch (entry->d_tag) {
	case DT_SYMTAB:
		t->symbols = pointer(info, object, entry);
		break;
	case DT_STRTAB:
		t->names = pointer(info, object, entry);
		break;
	case DT_RELA:
		t->relocations[0] = pointer(info, object, entry);
		break;
	case DT_RELASZ:
		t->bytes[0] = entry->d_un.d_val;
		break;
	case DT_JMPREL:
		t->relocations[1] = pointer(info, object, entry);
		break;
	case DT_PLTRELSZ:
		t->bytes[1] = entry->d_un.d_val;
		break;
	}
}

static bool find_tables(const struct dl_phdr_info *info, struct tables *ret)
{
	const ElfW(Dyn) *entry = NULL;
	struct object object;

	*ret = (struct tables){ 0 };
	object_range(info, &object);
	for (int i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_DYNAMIC)
			entry = (const void *)(info->dlpi_addr +
					       info->dlpi_phdr[i].p_vaddr);
	for (; entry && entry->d_tag != DT_NULL; entry++)
		note_entry(info, &object, entry, ret);
	return ret->symbols && ret->names;
}

static void visit_imports(const struct tables *t, const struct question *q)
{
	for (int table = 0; table < 2; table++) {
		const ElfW(Rela) *r = t->relocations[table];
		size_t count = r ? t->bytes[table] / sizeof(*r) : 0;

		for (size_t i = 0; i < count; i++) {
			const ElfW(Sym) *s =
				&t->symbols[ELF64_R_SYM(r[i].r_info)];

			if (s->st_name && s->st_shndx == SHN_UNDEF)
				q->visit(t->names + s->st_name, q->argument);
		}
	}
}

static bool is_cxx_library(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;

	return strncmp(name, "libstdc++.", 10) == 0 ||
	       strncmp(name, "libc++", 6) == 0;
}

static int look_at(struct dl_phdr_info *info, size_t bytes, void *argument)
{
	const struct question *q = argument;
	struct tables tables;

	(void)bytes;
	if (!is_cxx_library(info->dlpi_name) && find_tables(info, &tables) &&
	    !object_holds(q->but, tables.symbols))
		visit_imports(&tables, q);
	return 0;
}

void imports_each(imports_visit *visit, void *argument, const struct object *but)
{
	struct question question = { visit, argument, but };

	object_walk(look_at, &question);
}
