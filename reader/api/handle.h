/* SPDX-License-Identifier: MIT */
#ifndef READER_API_HANDLE_H
#define READER_API_HANDLE_H
/*
 * What is behind a struct ht. Private to api/.
 */
#include "reader/api/heaptally.h"
#include "reader/kernel.h"
#include "reader/target.h"
#include "reader/threads.h"
#include "shm/snapshot.h"

#define REASON_BYTES  96
#define EXTRAS_MAX    48 /* metrics of a newer version; shm/ takes no more */

/* A metric that only the segment knows, and its texts. */
struct extra {
	char key[40];
	char brief[64];
	uint16_t id;
};

struct place;

struct ht {
	char message[512];
	struct attachment *attachment; /* NULL = nothing is open */
	int dirfd;                     /* where it is, and its name there */
	char name[256];
	struct ht_place place;         /* the same as far as it is known */
	int pid_here;                  /* as target_find_pid() said */
	struct ht_identity identity;

	struct kernel_reader kernel;
	struct thread_reader threads;
	struct target target;          /* as last read */
	bool looked;                   /* the kernel was asked for all */
	bool hidden;                   /* and did not show the process */
	bool has_snapshot;
	struct ht_snapshot snapshot;

	struct ht_metric extra_metrics[EXTRAS_MAX];
	struct extra extras[EXTRAS_MAX];
	size_t extra_count;

	double bounds[SNAPSHOT_HISTOGRAMS_MAX][HISTOGRAM_BUCKETS_MAX + 1];
	char reasons[KERNEL_SOURCES + 1][REASON_BYTES];
};

/* Keeps a text for ht_message(). Returns `error`. */
__attribute__((format(printf, 3, 4)))
int handle_fail(struct ht *h, int error, const char *format, ...);

/* The same with the text of an errno: "what: no such file". Returns -error. */
int handle_fail_errno(struct ht *h, const char *what, int error);

/* The id that a number stands for; 0 where it stands for none. */
unsigned registry_id(const struct ht *h, int number);

/* Does it come from the kernel, and so from no segment? */
bool registry_is_kernel(unsigned metric_id);

/* A place as callers see it. */
struct ht_place place_outside(const struct place *p);

/* Coverage, by the word for it. */
enum ht_coverage identity_coverage(const struct target_identity *id);

/* Fills h->extras from a snapshot of what has just been opened. */
void registry_find_extras(struct ht *h, const struct snapshot *s);

/* What a value of this kind and unit is. */
enum ht_kind registry_kind(unsigned metric_kind, unsigned metric_unit);

#endif /* READER_API_HANDLE_H */
