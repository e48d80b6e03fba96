/* SPDX-License-Identifier: MIT */
#ifndef READER_VIEW_H
#define READER_VIEW_H
/*
 * One process at one moment, as the commands show it: read by the library
 * into an array of samples, in the order in which they are shown. Main thread
 * only.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reader/api/heaptally.h"

#define VIEW_MAX 192 /* more than the registry and a newer segment have */

struct view {
	struct ht_identity id;
	struct ht_snapshot snapshot;
	size_t count;
	struct ht_sample samples[VIEW_MAX];       /* by number */
	const struct ht_metric *metrics[VIEW_MAX]; /* of each */
};

/* ht_new(), or the end of the program with a message. */
struct ht *view_handle(void);

/* How much is read of a process. */
enum view_depth {
	VIEW_TALLY, /* its segment, and one file of /proc */
	VIEW_ALL,   /* also what is costly, see struct ht_metric */
};

/*
 * Reads what is open in h. Returns as ht_read(). Texts, histograms, and
 * metrics that the registry does not have belong to h: see there for how
 * long.
 */
int view_read(struct view *ret, struct ht *h, enum view_depth depth);

/* The keys that commands ask for by themselves. */
#define HEAP_LIVE_BYTES             "/heap/live:bytes"
#define HEAP_LIVE_OBJECTS           "/heap/live:objects"
#define HEAP_PEAK_BYTES             "/heap/peak:bytes"
#define HEAP_PEAK_SLACK_BYTES       "/heap/peak/slack:bytes"
#define HEAP_ALLOCS_BYTES           "/heap/allocs:bytes"
#define HEAP_ALLOCS_OBJECTS         "/heap/allocs:objects"
#define HEAP_FREES_BYTES            "/heap/frees:bytes"
#define HEAP_FREES_OBJECTS          "/heap/frees:objects"
#define HEAP_REALLOCS_CALLS         "/heap/reallocs:calls"
#define HEAP_ALLOC_FAILURES_CALLS   "/heap/alloc-failures:calls"
#define HEAP_FOREIGN_FREES_OBJECTS  "/heap/foreign-frees:objects"
#define THREADS_LIVE_THREADS        "/threads/live:threads"
#define THREADS_PEAK_THREADS        "/threads/peak:threads"
#define THREADS_STARTED_THREADS     "/threads/started:threads"
#define PROCESS_RESIDENT_BYTES      "/process/resident:bytes"
#define PROCESS_ANONYMOUS_BYTES     "/process/anonymous:bytes"

/*
 * The sample of a key, also of one that the registry does not have; NULL
 * where there is no value.
 */
const struct ht_sample *view_sample(const struct view *v, const char *key);

/* The value of a key of the registry; 0 where there is none. */
uint64_t view_u64(const struct view *v, const char *key);

/* Does the tally see anything of its heap? */
bool view_is_observed(const struct view *v);

/*
 * Bytes of anonymous memory beyond the live heap, where that is more than an
 * allocator's overhead explains; else 0. Only of a live process.
 */
uint64_t view_unseen_bytes(const struct view *v);

/* The pid to show: ours, where it lives in our sight, else its own. */
int view_pid(const struct view *v);

#endif /* READER_VIEW_H */
