/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_OWN_SEGMENT_H
#define TESTS_UNIT_OWN_SEGMENT_H
/*
 * Segments of the test program itself, made by the product's writer as
 * preload would: requests, the calls that may not fail here, the end.
 */
#include <stdlib.h>
#include <sys/mman.h>

#include "shm/segment.h"
#include "tests/unit/sandbox.h"

/* Start times that no process has: a segment of this pid is then stale. */
#define OWN_STARTTIME 3

static inline struct segment_request own_request(void)
{
	return (struct segment_request){
		.directory = sandbox.path,
		.mode = 0600,
		.exclusive_slots = EXCLUSIVE_SLOTS,
		.pid = getpid(),
		.parent_pid = getppid(),
		.uid = geteuid(),
		.starttime_ticks = OWN_STARTTIME,
		.pidns_inode = 4,
		.comm = "unit",
		.exe = "/usr/bin/unit",
	};
}

/* What the kernel says of this process: field 22 of its stat file. */
static inline uint64_t real_starttime(void)
{
	FILE *file = fopen("/proc/self/stat", "re");
	char line[1024];
	char *at;

	if (!file || !fgets(line, sizeof(line), file))
		sandbox_fail("/proc/self/stat");
	fclose(file);
	/* The command, field 2, may hold anything up to the last bracket. */
	at = strrchr(line, ')');
	for (int field = 3; field <= 22; field++)
		at = strchr(at + 1, ' ');
	return strtoull(at, NULL, 10);
}

static inline uint64_t real_pidns(void)
{
	struct stat st;

	if (stat("/proc/self/ns/pid", &st) != 0)
		sandbox_fail("/proc/self/ns/pid");
	return st.st_ino;
}

static inline void create_or_die(struct segment *s,
				 const struct segment_request *request)
{
	const char *step = "(none)";
	int error = segment_create(s, request, &step);

	if (error) {
		fprintf(stderr, "segment_create: %s: %s\n", strerror(-error),
			step);
		exit(99);
	}
}

static inline const char *own_name(const struct segment *s)
{
	return strrchr(s->path, '/') + 1;
}

/* As exec or death would: mapping and lock vanish, the name stays. */
static inline void drop(struct segment *s)
{
	munmap(s->header, s->map_bytes);
	s->header = NULL;
}

static inline void drop_and_unlink(struct segment *s)
{
	drop(s);
	unlink(s->path);
}

#endif /* TESTS_UNIT_OWN_SEGMENT_H */
