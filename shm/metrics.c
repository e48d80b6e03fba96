/* SPDX-License-Identifier: MIT */
#include "metrics.h"

#include <string.h>

#include "layout.h"

#define COUNTER METRIC_COUNTER
#define GAUGE METRIC_GAUGE
#define HIGHWATER METRIC_HIGHWATER
#define HISTOGRAM METRIC_HISTOGRAM

#define SLOT(field) .scope = SCOPE_SLOT, .offset = offsetof(struct slot, field)
#define GLOBAL(field) \
	.scope = SCOPE_GLOBAL, .offset = offsetof(struct segment_header, field)
#define DERIVED(base, plus, minus)                           \
	.scope = SCOPE_DERIVED,                              \
	.offset = offsetof(struct segment_header, base),     \
	.operand = { METRIC_##plus, METRIC_##minus }
#define PEAK(field, of)                                      \
	.scope = SCOPE_PEAK,                                 \
	.offset = offsetof(struct segment_header, field),    \
	.operand = { METRIC_##of }
#define BUCKETS(field)                                       \
	.scope = SCOPE_BUCKETS, .offset = offsetof(struct slot, field), \
	.operand = { SIZE_BUCKETS, SIZE_FIRST_LOG2 }
#define TOTAL(histogram) \
	.scope = SCOPE_TOTAL, .operand = { METRIC_##histogram }
#define TIMES(field) \
	.scope = SCOPE_TIMES, .offset = offsetof(struct segment_header, field), \
	.operand = { TIME_BUCKETS, TIME_FIRST_LOG2 }
#define IF(bit, source) .available = AVAILABLE_##bit, source
#define KERNEL .scope = SCOPE_KERNEL

static const struct metric metrics[] = {
#define METRIC(id_, NAME, key_, KIND, source, brief_, help_)         \
	{ .id = (id_), .kind = (KIND), source, .key = (key_),        \
	  .brief = (brief_), .help = (help_) },
#include "metrics.def"
#undef METRIC
};

/* What is copied into a segment must fit there, its NUL included. */
#define METRIC(id_, NAME, key_, KIND, source, brief_, help_)                 \
	_Static_assert(sizeof(key_) <= METRIC_KEY_BYTES, key_);              \
	_Static_assert(sizeof(brief_) <= METRIC_BRIEF_BYTES, key_);
#include "metrics.def"
#undef METRIC

/* How many rows a source takes in a segment. */
#define STORED_SLOT(...)    1
#define STORED_GLOBAL(...)  1
#define STORED_DERIVED(...) 1
#define STORED_PEAK(...)    1
#define STORED_BUCKETS(...) 1
#define STORED_TOTAL(...)   1
#define STORED_IF(...)      1
#define STORED_KERNEL       0

#define METRIC(id_, NAME, key_, KIND, source, brief_, help_) \
	char NAME[STORED_##source];
struct stored_rows { /* a byte for each */
#include "metrics.def"
};
#undef METRIC
_Static_assert(sizeof(struct stored_rows) <= METRICS_MAX,
	       "the metric table of a segment holds them");

static const char *const unit_names[] = {
	[UNIT_NONE] = "none",       [UNIT_BYTES] = "bytes",
	[UNIT_OBJECTS] = "objects", [UNIT_THREADS] = "threads",
	[UNIT_CALLS] = "calls",     [UNIT_SECONDS] = "seconds",
	[UNIT_SLICES] = "slices",   [UNIT_CPU_SECONDS] = "cpu-seconds",
	[UNIT_FAULTS] = "faults",   [UNIT_SWITCHES] = "switches",
	[UNIT_FDS] = "fds",         [UNIT_CPUS] = "cpus",
	[UNIT_EVENTS] = "events",   [UNIT_WAITS] = "waits",
	[UNIT_GC_CYCLES] = "gc-cycles",
};

static const char *const kind_names[] = {
	[METRIC_COUNTER] = "counter",
	[METRIC_GAUGE] = "gauge",
	[METRIC_HIGHWATER] = "highwater",
	[METRIC_HISTOGRAM] = "histogram",
};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

const struct metric *metrics_all(size_t *ret_count)
{
	*ret_count = COUNT_OF(metrics);
	return metrics;
}

const struct metric *metric_by_id(unsigned id)
{
	for (size_t i = 0; i < COUNT_OF(metrics); i++)
		if (metrics[i].id == id)
			return &metrics[i];
	return NULL;
}

const struct metric *metric_by_key(const char *key)
{
	for (size_t i = 0; i < COUNT_OF(metrics); i++)
		if (strcmp(metrics[i].key, key) == 0)
			return &metrics[i];
	return NULL;
}

enum metric_unit metric_unit_of_key(const char *key)
{
	const char *tail = strrchr(key, ':');

	for (size_t i = 1; tail && i < COUNT_OF(unit_names); i++)
		if (strcmp(tail + 1, unit_names[i]) == 0)
			return (enum metric_unit)i;
	return UNIT_NONE;
}

bool metric_unit_is_real(enum metric_unit unit)
{
	return unit == UNIT_SECONDS || unit == UNIT_CPU_SECONDS;
}

const char *metric_unit_name(enum metric_unit unit)
{
	return (size_t)unit < COUNT_OF(unit_names) ? unit_names[unit] : "?";
}

const char *metric_kind_name(enum metric_kind kind)
{
	if ((size_t)kind >= COUNT_OF(kind_names) || !kind_names[kind])
		return "?";
	return kind_names[kind];
}
