/* SPDX-License-Identifier: MIT */
#ifndef READER_PROGRAM_H
#define READER_PROGRAM_H
/*
 * Which file a command line really runs: the PATH is searched as execvp(3)
 * does, and scripts are followed to their interpreter. Main thread only.
 */
#include <limits.h>

#include "reader/elf.h"

struct program {
	char path[PATH_MAX];   /* the last file reached, an ELF one if OK */
	char script[PATH_MAX]; /* the first script on the way, "" = none */
	struct elf_facts facts;
	enum elf_error error;  /* ELF_OK, or ELF_UNREADABLE: no facts */
};

/*
 * Resolves a command. Returns NULL, *ret then being for program_release(), or
 * why it cannot be run, valid until the next call.
 */
const char *program_resolve(const char *command, struct program *ret);
void program_release(struct program *p);

/* The part of a path behind the last slash. */
const char *program_base_name(const char *path);

#endif /* READER_PROGRAM_H */
