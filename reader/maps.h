/* SPDX-License-Identifier: MIT */
#ifndef READER_MAPS_H
#define READER_MAPS_H
/*
 * The files that a process has mapped. Paths are as that process names them,
 * and may hold any bytes. Main thread only.
 */
#include <stdbool.h>

struct mapped_file {
	const char *path;
	bool executable; /* code of it may run */
	bool deleted;    /* it has no name any more */
};

/*
 * Calls `visit` for each mapping of a file, in order of addresses; one after
 * the other may be of the same file. Returns 0 or a negative errno.
 */
int maps_each(int pid, void (*visit)(void *context,
				     const struct mapped_file *file),
	      void *context);

#endif /* READER_MAPS_H */
