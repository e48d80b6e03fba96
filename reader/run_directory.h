/* SPDX-License-Identifier: MIT */
#ifndef READER_RUN_DIRECTORY_H
#define READER_RUN_DIRECTORY_H
/*
 * The private directory of one `heaptally run`, where its processes put
 * their segments: 0700, named heaptally-run.<pid>.<starttime>. A lock on it,
 * which the kernel drops when this process ends in whatever way, keeps
 * `heaptally sweep` off. Main thread only.
 */
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "shm/segment_name.h"

struct run_directory {
	int parent_fd;
	int fd;
	char name[SEGMENT_NAME_BYTES];
	char path[PATH_MAX]; /* absolute */
};

/*
 * Makes it. Returns NULL, or why it cannot be used, valid until the next
 * call; nothing is left behind then.
 */
const char *run_directory_make(struct run_directory *ret);

/*
 * How many processes were told to put their segments there and still run,
 * also those that have none yet.
 */
size_t run_directory_users(const struct run_directory *r);

/* Closes it, and removes it if it is empty and `remove` is set. */
void run_directory_close(struct run_directory *r, bool remove);

#endif /* READER_RUN_DIRECTORY_H */
