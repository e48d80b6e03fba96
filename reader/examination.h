/* SPDX-License-Identifier: MIT */
#ifndef READER_EXAMINATION_H
#define READER_EXAMINATION_H
/*
 * All that can be known of a command without running it, or of a process
 * without touching it, as far as the tally is concerned: facts only, what
 * follows from them is in findings.h. Files, processes and their environment
 * are not trusted; strings may hold any bytes. Main thread only.
 */
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reader/elf.h"
#include "reader/program.h"

/* A file of code. */
struct object {
	char *path; /* as its process names it */
	struct elf_facts facts;
};

/* Its soname, else the last part of its path. */
const char *object_name(const struct object *o);

/* What the segment of a process says. */
struct examined_tally {
	bool found;
	char place[PATH_MAX];   /* of the segment */
	const char *state;
	char coverage[16];
	char reason[73];
};

struct examination {
	int pid;                   /* 0: a command that does not run yet */
	struct program program;
	const char *library;       /* libheaptally.so, NULL = not found */
	const char *library_problem;
	const char *companion;     /* libheaptally-cxx.so, NULL = none */
	struct elf_facts ours;     /* of the library, else of this program */

	/*
	 * Executable first, if it could be read, then what is preloaded, then
	 * the others, in the order in which the loader looks for symbols.
	 */
	struct object *objects;
	size_t count;
	size_t preloaded;          /* objects from LD_PRELOAD */
	char *missing;             /* a library that was not found, or NULL */

	/* Of the environment in which it runs or is to run: */
	char *switched_off;        /* value of HEAPTALLY, NULL unless a no */
	char *preload;             /* LD_PRELOAD, or NULL */
	char *python_malloc;       /* PYTHONMALLOC, or NULL */
	char *directory;           /* for segments */
	char *directory_problem;   /* why it cannot be used, or NULL */
	uint64_t free_bytes;       /* of it, UINT64_MAX = no limit */
	uint64_t file_size_limit;  /* RLIMIT_FSIZE, UINT64_MAX = none */
	bool gains_rights;         /* setuid, setgid or capabilities */

	/* Of a process: */
	bool library_mapped;
	bool companion_mapped;
	bool segment_deleted;
	bool valgrind;             /* also of a command */
	struct examined_tally tally;
};

/*
 * Examines a command as if it were to run with `extra`, a list of libraries
 * that ends in NULL (or is NULL), preloaded. Returns NULL, or why it cannot
 * be run, valid until the next call; *ret is to be released in any case.
 */
const char *examine_command(struct examination *ret, const char *command,
			    const char *const *extra);

/* The same for a process. */
const char *examine_process(struct examination *ret, int pid);

void examination_release(struct examination *e);

/* The executable, NULL where it could not be read. */
const struct object *examination_executable(const struct examination *e);

/*
 * Which object a symbol leads to, apart from the executable and our own
 * libraries: the first one in order that defines it. NULL for none.
 */
const struct object *examination_definer(const struct examination *e,
					 enum elf_symbol symbol);

/*
 * The object that serves C++ new without passing through malloc of others,
 * where anything asks for new at all; else NULL. With `later` it is enough
 * that a library may be loaded that does.
 */
const struct object *examination_cxx_provider(const struct examination *e,
					      bool later);

#endif /* READER_EXAMINATION_H */
