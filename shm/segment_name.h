/* SPDX-License-Identifier: MIT */
#ifndef SHM_SEGMENT_NAME_H
#define SHM_SEGMENT_NAME_H
/*
 * File names of segments: heaptally.<pid>.<starttime>[.<4 hex>], in the
 * directory $HEAPTALLY_DIR or /dev/shm. The name is a hint for finding; who
 * a segment belongs to is in its header. Pure functions, signal-safe.
 *
 * `heaptally run` keeps its segments apart in a directory of its own below
 * that one, named heaptally-run.<pid>.<starttime>.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SEGMENT_DEFAULT_DIRECTORY "/dev/shm"
#define SEGMENT_PREFIX            "heaptally."
#define RUN_DIRECTORY_PREFIX      "heaptally-run."
#define SEGMENT_NAME_BYTES        64
#define SEGMENT_PATH_BYTES        320

/*
 * Writes prefix + "<pid>.<starttime>" and, when suffix >= 0, ".<4 hex>" to
 * name, which holds SEGMENT_NAME_BYTES. Returns the length.
 */
size_t segment_name_format(char *name, const char *prefix, int pid,
			   uint64_t starttime_ticks, int suffix);

/*
 * Takes a name made by segment_name_format() with the same prefix apart.
 * False, and results untouched, for any other name.
 */
bool segment_name_parse(const char *name, const char *prefix, int *ret_pid,
			uint64_t *ret_starttime_ticks);

#endif /* SHM_SEGMENT_NAME_H */
