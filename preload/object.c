/* SPDX-License-Identifier: MIT */
#include "preload/object.h"

#include <dlfcn.h>
#include <link.h>
#include <string.h>

#include "preload/cc.h"

struct search {
	uintptr_t address;
	unsigned order;
	struct object *found;
};

void object_range(const struct dl_phdr_info *info, struct object *ret)
{
	*ret = (struct object){ .name = "?" };
	ret->low = UINTPTR_MAX;
	ret->high = 0;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		uintptr_t from = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;

		if (info->dlpi_phdr[i].p_type != PT_LOAD)
			continue;
		if (from < ret->low)
			ret->low = from;
		if (from + info->dlpi_phdr[i].p_memsz > ret->high)
			ret->high = from + info->dlpi_phdr[i].p_memsz;
	}
}

static int look_at(struct dl_phdr_info *info, size_t bytes, void *argument)
{
	struct search *search = argument;
	struct object object;
	const char *slash;

	(void)bytes;
	object_range(info, &object);
	object.order = search->order++;
	if (!object_holds(&object, (void *)search->address))
		return 0;
	slash = strrchr(info->dlpi_name, '/');
	object.name = slash ? slash + 1 : info->dlpi_name;
	/* The executable itself has no name there. */
	if (!*object.name)
		object.name = "the executable";
	*search->found = object;
	return 1;
}

int object_walk(int (*look)(struct dl_phdr_info *, size_t, void *),
		void *argument)
{
	int (*walk)(int (*)(struct dl_phdr_info *, size_t, void *), void *) = NULL;

	/* By its version, which an interceptor does not have. */
	if (dlvsym)
		walk = (typeof(walk))dlvsym(RTLD_NEXT, "dl_iterate_phdr",
					    BASE_VERSION);
	return walk ? walk(look, argument) : dl_iterate_phdr(look, argument);
}

bool object_find(const void *address, struct object *ret)
{
	struct search search = { .address = (uintptr_t)address, .found = ret };

	*ret = (struct object){ .name = "?" };
	return object_walk(look_at, &search) == 1;
}
