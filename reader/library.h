/* SPDX-License-Identifier: MIT */
#ifndef READER_LIBRARY_H
#define READER_LIBRARY_H
/*
 * Where libheaptally.so is, and whether a loader would take it. Main thread
 * only.
 */
#include <stddef.h>

#define LIBRARY_NAME "libheaptally.so"

/*
 * Finds the library: beside this executable, in ../lib/heaptally, then where
 * `make install` put it. Returns its absolute path, or NULL with *ret_why a
 * message. Both are valid until the next call.
 */
const char *library_find(const char **ret_why);

/*
 * Returns the value of LD_PRELOAD with the library put first, yet behind a
 * sanitizer's runtime, which insists on that place. `existing` may be NULL.
 * The caller frees it.
 */
char *library_preload(const char *path, const char *existing);

#endif /* READER_LIBRARY_H */
