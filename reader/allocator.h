/* SPDX-License-Identifier: MIT */
#ifndef READER_ALLOCATOR_H
#define READER_ALLOCATOR_H
/*
 * Allocators that come as a shared library: where one that the user names is
 * to be found. Main thread only.
 */
#include "reader/elf.h"

/*
 * Finds the library to preload for an argument of --allocator: a name or a
 * path. It must be of the kind of `like` and define malloc. Returns its
 * absolute path, or NULL with *ret_why a message; valid until the next call.
 */
const char *allocator_find(const char *argument, const struct elf_facts *like,
			   const char **ret_why);

#endif /* READER_ALLOCATOR_H */
