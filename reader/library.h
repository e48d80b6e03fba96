/* SPDX-License-Identifier: MIT */
#ifndef READER_LIBRARY_H
#define READER_LIBRARY_H
/*
 * Where libheaptally.so is, and whether a loader would take it. Main thread
 * only.
 */
#include <stddef.h>

#define LIBRARY_NAME   "libheaptally.so"
#define COMPANION_NAME "libheaptally-cxx.so" /* C++ new and delete */

/*
 * Finds the library: beside this executable, in ../lib/heaptally, then where
 * `make install` put it. Returns its absolute path, or NULL with *ret_why a
 * message. Both are valid until the next call.
 */
const char *library_find(const char **ret_why);

/*
 * Finds the companion library, which lies beside the library `path`. Returns
 * its path, valid until the next call, or NULL where it is not installed.
 */
const char *library_companion(const char *path);

/*
 * Returns the value of LD_PRELOAD with `libraries`, a list that ends in NULL,
 * put first in that order, yet behind a sanitizer's runtime, which insists on
 * that place. `existing` may be NULL. The caller frees it.
 */
char *library_preload(const char *const *libraries, const char *existing);

#endif /* READER_LIBRARY_H */
