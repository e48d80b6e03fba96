/* SPDX-License-Identifier: MIT */
#ifndef SHM_LEFTOVERS_H
#define SHM_LEFTOVERS_H
/*
 * What a program does itself when its directory is full: `heaptally sweep` in
 * small, for one user, without allocation.
 */
#include <stdbool.h>

/*
 * Removes the segments in `directory` that belong to `uid`, are older than
 * ten seconds, and whose process is gone: nobody holds their lock and their
 * pid is free. Returns true if there was one. No allocation; errno is lost.
 */
bool leftovers_remove(const char *directory, unsigned uid);

#endif /* SHM_LEFTOVERS_H */
