/* SPDX-License-Identifier: MIT */
#ifndef READER_COLLECT_H
#define READER_COLLECT_H
/*
 * Gathers the final figures of the processes of one run: each segment is
 * read once its process has ended, counted, and removed, so that thousands
 * of short processes do not fill the memory. Main thread only.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reader/json.h"
#include "reader/view.h"

#define COLLECT_TOP 8 /* processes listed in a summary */

/* What the summary shows of one process. */
struct collected {
	int pid;
	char command[17];
	enum ht_state state;
	uint64_t peak_bytes;
	uint64_t live_bytes;
	uint64_t live_objects;
	uint64_t allocs_objects;
	uint64_t threads_peak;
};

/* Sums over all processes. */
struct collected_totals {
	size_t processes;
	size_t running;        /* of those, not ended when the command had */
	size_t not_full;       /* of those, with partial or no coverage */
	size_t none;           /* of those, with none */
	size_t unreadable;     /* segments that told nothing */
	size_t approximate;    /* processes whose live figures are a guess */
	uint64_t allocs_objects, allocs_bytes;
	uint64_t frees_objects, frees_bytes;
	uint64_t reallocs_calls;
	uint64_t failures_calls;
	uint64_t foreign_objects;
	uint64_t threads_started;
};

struct collector {
	int dirfd;                    /* the run's directory, borrowed */
	int main_pid;                 /* of the command itself */
	struct ht *reader;            /* made by the first look; see
				       * collect_end() */
	struct json *processes;       /* every process goes there, or NULL */
	bool has_main;
	struct view main;             /* the command's last image */
	struct view last;             /* any process, when there is no main */
	struct collected_totals totals;
	struct collected top[COLLECT_TOP]; /* by peak, highest first */
	size_t top_count;
	struct collected unseen;      /* the live process that has most ... */
	uint64_t unseen_bytes;        /* ... memory that the tally misses */
	size_t seen;                  /* segments found by the last look */
	size_t ended;                 /* of those, read and removed */
	char reason[73];              /* why one coverage was not full */
};

/* Reads and removes the segments of processes that have ended meanwhile. */
void collect_ended(struct collector *c);

/*
 * The same when the command has ended: what runs on is read as it is now,
 * and its segment is left alone.
 */
void collect_rest(struct collector *c);

/* Frees what looking took; figures stay. */
void collect_end(struct collector *c);

#endif /* READER_COLLECT_H */
