/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reader/api/handle.h"
#include "reader/api/places.h"

_Static_assert(sizeof(((struct ht_place *)0)->name) == SEGMENT_NAME_BYTES &&
	       sizeof(((struct ht_place *)0)->run) == SEGMENT_NAME_BYTES,
	       "a name fits");

const char *ht_directory(void)
{
	return places_directory();
}

/* Returns 0 or a negative errno. */
static int scan(struct places *ret, const char *directory, unsigned flags)
{
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int error;

	if (fd < 0)
		return -errno;
	error = places_scan(ret, fd);
	if (!error && flags & HT_LIST_EVERYWHERE) {
		error = places_scan_everywhere(ret, fd);
		if (error)
			places_release(ret);
	}
	close(fd);
	return error;
}

struct ht_place place_outside(const struct place *p)
{
	struct ht_place place = {
		.pid = p->pid,
		.inside_pid = p->inside_pid,
		.starttime_ticks = p->starttime_ticks,
	};

	memcpy(place.run, p->run, sizeof(place.run));
	memcpy(place.name, p->name, sizeof(place.name));
	return place;
}

/* Segments, then runs if they are asked for. NULL when out of memory. */
static struct ht_place *copy(const struct places *from, bool runs,
			     size_t *ret_count)
{
	size_t run_count = runs ? from->run_count : 0;
	/* One more, so that an empty list is one to free as well. */
	struct ht_place *list = calloc(from->count + run_count + 1,
				       sizeof(*list));

	if (!list)
		return NULL;
	for (size_t i = 0; i < from->count; i++)
		list[i] = place_outside(&from->items[i]);
	for (size_t i = 0; i < run_count; i++)
		list[from->count + i] =
			place_outside(&from->runs[i]);
	*ret_count = from->count + run_count;
	return list;
}

int ht_list(struct ht *h, const char *directory, unsigned flags,
	    struct ht_place **ret, size_t *ret_count)
{
	struct places places = { .count = 0 };
	struct ht_place *list;
	int error = scan(&places, directory ? directory : places_directory(),
			 flags);

	if (error)
		return handle_fail_errno(h, "cannot list segments", -error);
	list = copy(&places, flags & HT_LIST_RUNS, ret_count);
	places_release(&places);
	if (!list)
		return handle_fail_errno(h, "cannot list segments", ENOMEM);
	*ret = list;
	return 0;
}
