/* SPDX-License-Identifier: MIT */
#ifndef SHM_METRICS_H
#define SHM_METRICS_H
/*
 * The registry of metrics, made from metrics.def. May be included by anyone.
 * Everything here is constant data and pure functions: safe in any thread and
 * in a signal handler.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a value does over time. Stored in segments: never renumber. */
enum metric_kind {
	METRIC_COUNTER = 1,   /* only rises while the process lives */
	METRIC_GAUGE = 2,
	METRIC_HIGHWATER = 3, /* a gauge that only rises */
	METRIC_HISTOGRAM = 4, /* counts by size; each only rises */
};

/* Unit of a value. Stored in segments: never renumber. */
enum metric_unit {
	UNIT_NONE = 0,
	UNIT_BYTES = 1,
	UNIT_OBJECTS = 2,
	UNIT_THREADS = 3,
	UNIT_CALLS = 4,
	UNIT_SECONDS = 5,     /* see metric_unit_is_real() */
	UNIT_CPU_SECONDS = 6, /* likewise */
	UNIT_SLICES = 7,
	UNIT_SWITCHES = 8,
	UNIT_FAULTS = 9,
	UNIT_FDS = 10,
	UNIT_CPUS = 11,
	UNIT_EVENTS = 12,
	UNIT_WAITS = 13,
	UNIT_GC_CYCLES = 14,
};

/* Where a value comes from. Stored in segments: never renumber. */
enum metric_scope {
	SCOPE_SLOT = 1,    /* sum over all slots of the word at `offset` */
	SCOPE_GLOBAL = 2,  /* the header word at `offset` */
	SCOPE_DERIVED = 3, /* header word + operand[0] - operand[1], at least 0 */
	SCOPE_PEAK = 4,    /* the larger of the header word and operand[0] */
	SCOPE_KERNEL = 5,  /* not in the segment: the reader asks or computes */
	SCOPE_BUCKETS = 6, /* operand[0] words of the slot from `offset` on,
			    * summed over all slots; upper bounds are powers
			    * of two, the first is 2^operand[1], inclusive */
	SCOPE_TOTAL = 7,   /* sum of all counts of histogram operand[0] */
	SCOPE_TIMES = 8,   /* as SCOPE_BUCKETS, words of the header, bounds in
			    * nanoseconds */
};

/* METRIC_HEAP_LIVE_BYTES and so on; values are the ids of metrics.def. */
enum metric_id {
#define METRIC(id, NAME, key, KIND, source, brief, help) METRIC_##NAME = (id),
#include "metrics.def"
#undef METRIC
};

struct metric {
	uint16_t id;         /* enum metric_id */
	uint8_t kind;        /* enum metric_kind */
	uint8_t scope;       /* enum metric_scope */
	uint8_t available;   /* enum availability: 0 = always */
	uint32_t offset;     /* bytes into struct slot or struct segment_header */
	uint16_t operand[2]; /* ids of other metrics, 0 = none; see the scopes */
	const char *key;     /* "/path:unit" */
	const char *brief;   /* a few words, at most 63 characters */
	const char *help;    /* one full sentence */
};

/* Returns the table, in display order, and its length in *ret_count. */
const struct metric *metrics_all(size_t *ret_count);

/* Returns the metric with that id or key, or NULL. */
const struct metric *metric_by_id(unsigned id);
const struct metric *metric_by_key(const char *key);

/* Returns the unit named by the tail of a key, UNIT_NONE if it has none. */
enum metric_unit metric_unit_of_key(const char *key);

/* Values of this unit are doubles; those of all others are integers. */
bool metric_unit_is_real(enum metric_unit unit);

/* Returns a constant name such as "bytes" or "counter"; "?" for a bad value. */
const char *metric_unit_name(enum metric_unit unit);
const char *metric_kind_name(enum metric_kind kind);

#endif /* SHM_METRICS_H */
