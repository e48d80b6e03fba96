/* SPDX-License-Identifier: MIT */
#ifndef PRELOAD_ENV_H
#define PRELOAD_ENV_H
/*
 * The HEAPTALLY_* variables, read once when the tally starts and constant
 * from then on; forked children inherit what their parent read. Copied, as
 * programs write over their environment (setproctitle).
 */
#include <stdbool.h>

struct env {
	bool off;             /* HEAPTALLY=off, or the process runs setuid */
	const char *off_why;  /* constant text, NULL where it is the user's wish */
	char directory[256];  /* HEAPTALLY_DIR, else /dev/shm */
	bool any_filesystem;  /* HEAPTALLY_ALLOW_DISK=1 */
	bool follow_fork;     /* HEAPTALLY_FORK is not off */
	char only[256];       /* HEAPTALLY_ONLY, "" = everything */
	int only_pid;         /* HEAPTALLY_PID, 0 = any */
	bool keep;            /* HEAPTALLY_KEEP */
	unsigned mode;        /* HEAPTALLY_MODE: 0600, 0640, 0644 */
	unsigned slots;       /* HEAPTALLY_SLOTS, 1..EXCLUSIVE_SLOTS */
	bool verbose;         /* HEAPTALLY_VERBOSE */
	unsigned extras;      /* enum extra, of HEAPTALLY_MUTEX and others */
};

extern struct env env __attribute__((visibility("hidden")));

/* Fills `env`. Start of the process only: it reads the environment. */
void env_read(void);

/*
 * Does `name` match one of the globs in `list`, which are separated by
 * commas, colons or blanks? `*` and `?` only. Signal-safe.
 */
bool env_glob_list_matches(const char *list, const char *name);

#endif /* PRELOAD_ENV_H */
