/* SPDX-License-Identifier: MIT */
#include "reader/family.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reader/procfile.h"
#include "reader/report.h"
#include "shm/segment_name.h"

struct kin {
	int pid, parent_pid; /* parent 0: not known yet, or not of this family */
	uint64_t starttime_ticks;
	bool is_member;
	bool is_here;        /* at this look */
};

static int compare(const void *left, const void *right)
{
	const struct kin *a = left, *b = right;

	if (a->pid != b->pid)
		return a->pid < b->pid ? -1 : 1;
	return (a->starttime_ticks > b->starttime_ticks) -
	       (a->starttime_ticks < b->starttime_ticks);
}

static struct kin *find(const struct family *f, size_t count, int pid,
			uint64_t starttime_ticks)
{
	struct kin key = { .pid = pid, .starttime_ticks = starttime_ticks };

	return count ? bsearch(&key, f->kin, count, sizeof(key), compare) :
		       NULL;
}

void family_init(struct family *ret, const struct ht_identity *root,
		 struct ht *reader)
{
	*ret = (struct family){
		.root_pid = root->pid, .pidns_inode = root->pidns_inode,
		.reader = reader,
	};
}

void family_release(struct family *f)
{
	free(f->kin);
	f->kin = NULL;
	f->count = f->room = 0;
}

/* 0: not to be told now, -1: of another pid namespace. */
static int parent_of(const struct family *f, int dirfd, const char *name)
{
	const struct ht_identity *id;

	if (ht_open_file(f->reader, dirfd, name) != 0)
		return 0;
	id = ht_identity(f->reader);
	if (id->pidns_inode != f->pidns_inode)
		return -1;
	return id->parent_pid > 0 ? id->parent_pid : 0;
}

static void add(struct family *f, struct kin one)
{
	if (f->count == f->room) {
		f->room = 2 * f->room + 16;
		f->kin = report_oom(reallocarray(f->kin, f->room,
						 sizeof(*f->kin)));
	}
	f->kin[f->count++] = one;
}

/* The first `sorted` are in order; the new ones come behind. */
static void meet(struct family *f, size_t sorted, int dirfd, const char *name)
{
	struct kin one = { .is_here = true }, *known;

	if (!segment_name_parse(name, SEGMENT_PREFIX, &one.pid,
				&one.starttime_ticks))
		return;
	known = find(f, sorted, one.pid, one.starttime_ticks);
	if (known) {
		known->is_here = true;
		if (known->parent_pid == 0)
			known->parent_pid = parent_of(f, dirfd, name);
		return;
	}
	one.parent_pid = parent_of(f, dirfd, name);
	one.is_member = one.pid == f->root_pid && one.parent_pid != -1;
	add(f, one);
}

static void meet_all(struct family *f, int dirfd)
{
	struct procfile_list list;
	size_t sorted = f->count;
	const char *name;

	if (!procfile_list_open(&list, dirfd, "."))
		return;
	while ((name = procfile_list_next(&list)))
		meet(f, sorted, dirfd, name);
	procfile_list_close(&list);
}

static void forget_gone(struct family *f)
{
	size_t kept = 0;

	for (size_t i = 0; i < f->count; i++)
		if (f->kin[i].is_here)
			f->kin[kept++] = f->kin[i];
	f->count = kept;
}

static bool has_pid(const struct family *f, int pid)
{
	if (pid == f->root_pid)
		return true;
	for (size_t i = 0; i < f->count; i++)
		if (f->kin[i].pid == pid && f->kin[i].is_member)
			return true;
	return false;
}

/* Children may stand before their parents: again until nobody joins. */
static void let_join(struct family *f)
{
	bool joined;

	do {
		joined = false;
		for (size_t i = 0; i < f->count; i++) {
			struct kin *one = &f->kin[i];

			if (one->is_member || one->parent_pid <= 0 ||
			    !has_pid(f, one->parent_pid))
				continue;
			one->is_member = joined = true;
		}
	} while (joined);
}

void family_look(struct family *f, int dirfd)
{
	for (size_t i = 0; i < f->count; i++)
		f->kin[i].is_here = false;
	meet_all(f, dirfd);
	/* Before the gone are forgotten: they may be somebody's parents. */
	let_join(f);
	forget_gone(f);
	if (f->count)
		qsort(f->kin, f->count, sizeof(*f->kin), compare);
}

bool family_has(const struct family *f, int pid, uint64_t starttime_ticks)
{
	const struct kin *one = find(f, f->count, pid, starttime_ticks);

	return one && one->is_member;
}

bool family_has_children(const struct family *f)
{
	for (size_t i = 0; i < f->count; i++)
		if (f->kin[i].is_member && f->kin[i].pid != f->root_pid)
			return true;
	return false;
}
