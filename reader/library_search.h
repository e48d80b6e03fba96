/* SPDX-License-Identifier: MIT */
#ifndef READER_LIBRARY_SEARCH_H
#define READER_LIBRARY_SEARCH_H
/*
 * Where the loader would find a shared library: the directories of the
 * program, of LD_LIBRARY_PATH, of /etc/ld.so.conf and its own. Versions for
 * special processors (glibc-hwcaps) are not looked at: what they need and
 * define is the same. Main thread only.
 */
#include <limits.h>
#include <stdbool.h>

#include "reader/elf.h"

/*
 * Looks for `name`, as it stands in DT_NEEDED or LD_PRELOAD, among libraries
 * of the same class and machine as `like`. `path` and `facts` are of the
 * object that wants it; facts may be NULL. Stores the path in `ret`, which
 * holds PATH_MAX; false when it is not found.
 */
bool library_search(const char *name, const char *path,
		    const struct elf_facts *facts,
		    const struct elf_facts *like, char *ret);

#endif /* READER_LIBRARY_SEARCH_H */
