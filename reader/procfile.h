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
#include <sys/types.h>

/* A larger file is not read: making its text would hold up the process. */
#define PROCFILE_MAX_BYTES (1u << 20)

/* Room for one text at a time, of which only what was used takes memory. */
struct procfile {
	char *text;
	int error;  /* errno of the last failure to read; EFBIG: too large */
};

/* 0 or -ENOMEM. Nothing but this allocates. */
int procfile_init(struct procfile *f);
void procfile_release(struct procfile *f);

/*
 * Returns the text of the file `name` in directory dirfd, valid until the
 * next call; NULL, with f->error set, when it cannot be read or is larger
 * than PROCFILE_MAX_BYTES. The text may be changed.
 */
char *procfile_read(struct procfile *f, int dirfd, const char *name);

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

/* A directory being listed; a struct on the stack. */
struct procfile_list {
	int fd;            /* of the directory; -1 = it could not be opened */
	size_t at, used;   /* bytes of `entries` */
	__attribute__((aligned(8))) char entries[4096];
};

/* False, with errno set, when it cannot be listed. */
bool procfile_list_open(struct procfile_list *l, int dirfd, const char *name);

/*
 * Returns the next name in it that does not begin with a dot, valid until the
 * next call; NULL behind the last.
 */
const char *procfile_list_next(struct procfile_list *l);
void procfile_list_close(struct procfile_list *l);

#endif /* READER_PROCFILE_H */
