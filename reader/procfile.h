/* SPDX-License-Identifier: MIT */
#ifndef READER_PROCFILE_H
#define READER_PROCFILE_H
/*
 * The small text files in which the kernel tells its figures, below /proc and
 * of control groups. What is absent, cut short, no number or too large for 64
 * bits is not known: no function makes a 0 of it. Safe in any thread.
 */
#include <stdbool.h>
#include <stdint.h>

/* A larger file is not read: making its text would hold up the process. */
#define PROCFILE_MAX_BYTES (1u << 20)

/*
 * Returns the text of the file `name` in directory dirfd, which the caller
 * frees; NULL when it cannot be read or is larger than PROCFILE_MAX_BYTES.
 */
char *procfile_read(int dirfd, const char *name);

/*
 * Stores the number that begins at text, behind blanks. It must end in white
 * space, and so is not cut. False for anything else, such as "max" and "-1".
 */
bool procfile_number(const char *text, uint64_t *ret);

/*
 * The same for the line that begins with that name, which a colon or blanks
 * follow: "VmRSS:     1024 kB", "usage_usec 5".
 */
bool procfile_named_number(const char *text, const char *name, uint64_t *ret);

/* Returns what follows the name and its colon in that line; NULL if none. */
const char *procfile_named(const char *text, const char *name);

/*
 * Stores a number of a line like that of /proc/PID/stat by its place in
 * proc(5), from 4 on: the name in field 2 may hold spaces and parentheses.
 */
bool procfile_stat_number(const char *line, unsigned field, uint64_t *ret);

#endif /* READER_PROCFILE_H */
