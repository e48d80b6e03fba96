/* SPDX-License-Identifier: MIT */
#ifndef READER_SEGMENT_DIRECTORY_H
#define READER_SEGMENT_DIRECTORY_H
/*
 * Can programs put their segments into a directory? Answers are valid until
 * the next call. Main thread only.
 */
#include <stdint.h>

/*
 * Asks the file system alone. Returns NULL, or why not; `path` is the name
 * of `fd` in that answer.
 */
const char *segment_directory_check(int fd, const char *path);

/*
 * Asks also whether it is there and may be written by this user. On success
 * stores how much is free, UINT64_MAX where there is no limit.
 */
const char *segment_directory_examine(const char *path,
				      uint64_t *ret_free_bytes);

#endif /* READER_SEGMENT_DIRECTORY_H */
