/* SPDX-License-Identifier: MIT */
#ifndef TESTS_FUZZ_INSPECT_H
#define TESTS_FUZZ_INSPECT_H
/*
 * What must hold for anything that attach_open() let in, however hostile the
 * file: read everything that a reader may read, and name the first broken
 * promise. For the fuzzer, which stops on one, and for unit tests.
 */
#include <ctype.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "shm/snapshot.h"
#include "shm/threads.h"

#define INSPECT_TERMINATED(array) (memchr((array), '\0', sizeof(array)) != NULL)

static inline bool inspect_is_hex(const char *digits)
{
	for (size_t i = 0; i < 32; i++)
		if (!isxdigit((unsigned char)digits[i]))
			return false;
	return digits[32] == '\0';
}

static inline bool inspect_is_coverage(const char *name)
{
	return name && (strcmp(name, "full") == 0 ||
			strcmp(name, "partial") == 0 ||
			strcmp(name, "none") == 0);
}

/* Returns what is wrong with an identity, or NULL. */
static inline const char *inspect_identity(const struct target_identity *id)
{
	if (!id)
		return "no identity";
	if (!INSPECT_TERMINATED(id->comm))
		return "comm without end";
	if (!INSPECT_TERMINATED(id->exe))
		return "exe without end";
	if (!INSPECT_TERMINATED(id->provider))
		return "provider without end";
	if (!INSPECT_TERMINATED(id->coverage_reason))
		return "coverage reason without end";
	if (!inspect_is_hex(id->instance))
		return "instance is not 32 hex digits";
	if (!inspect_is_coverage(id->coverage))
		return "coverage has no name";
	return NULL;
}

/* Bounds that rise to the very end, in a histogram of the snapshot's own. */
static inline const char *inspect_histogram(const struct snapshot *s,
					    const struct metric_value *v)
{
	const struct size_histogram *h = snapshot_histogram(s, v);
	uint64_t bound = 0;

	if ((v->kind == METRIC_HISTOGRAM) != (h != NULL))
		return "a histogram without counts, or counts of another kind";
	if (!h)
		return NULL;
	if (h < s->histograms || h >= s->histograms + s->histogram_count)
		return "a histogram from elsewhere";
	if (h->count < 1 || h->count > HISTOGRAM_BUCKETS_MAX ||
	    h->first_log2 > 63 || h->first_log2 + h->count > 64)
		return "buckets out of bounds";
	for (unsigned i = 0; i < h->count; i++) {
		if (histogram_upper_bound(h, i) <= bound)
			return "upper bounds do not rise";
		bound = histogram_upper_bound(h, i);
		if (i + 1 < h->count && bound != 1ULL << (h->first_log2 + i))
			return "an upper bound is not what it should be";
	}
	return bound == UINT64_MAX ? NULL : "the last bucket has a bound";
}

/* Each histogram belongs to one value, and each value has its own. */
static inline const char *inspect_histograms(const struct snapshot *s)
{
	bool taken[SNAPSHOT_HISTOGRAMS_MAX] = { false };
	size_t count = 0;

	if (s->histogram_count > SNAPSHOT_HISTOGRAMS_MAX)
		return "more histograms than there is room for";
	for (size_t i = 0; i < s->count; i++) {
		const char *complaint = inspect_histogram(s, &s->values[i]);

		if (complaint)
			return complaint;
		if (s->values[i].kind != METRIC_HISTOGRAM)
			continue;
		if (taken[s->values[i].value.histogram])
			return "two values share a histogram";
		taken[s->values[i].value.histogram] = true;
		count++;
	}
	return count == s->histogram_count ? NULL
					   : "a histogram without a value";
}

static inline const char *inspect_value(const struct metric_value *v)
{
	if (!INSPECT_TERMINATED(v->key))
		return "key without end";
	if (!INSPECT_TERMINATED(v->brief))
		return "brief without end";
	if (metric_unit_is_real((enum metric_unit)v->unit) &&
	    !isfinite(v->value.f64))
		return "seconds are not finite";
	if (!metric_unit_name((enum metric_unit)v->unit) ||
	    !metric_kind_name((enum metric_kind)v->kind))
		return "unit or kind without a name";
	return NULL;
}

static inline const char *inspect_snapshot(const struct snapshot *s)
{
	if (s->count > SNAPSHOT_VALUES_MAX)
		return "more values than there is room for";
	if (s->state > TARGET_REPLACED || !target_state_name(s->state))
		return "no such state";
	if (!inspect_is_coverage(s->coverage))
		return "coverage of the snapshot has no name";
	if (!INSPECT_TERMINATED(s->coverage_reason))
		return "coverage reason of the snapshot without end";
	for (size_t i = 0; i < s->count; i++) {
		const char *complaint = inspect_value(&s->values[i]);
		const struct metric_value *found =
			snapshot_value(s, (enum metric_id)s->values[i].id);

		if (complaint)
			return complaint;
		if (!found || found->id != s->values[i].id)
			return "a value cannot be found by its id";
	}
	return inspect_histograms(s);
}

/* Returns what is wrong with the rows of threads, or NULL. */
static inline const char *inspect_rows(const struct thread_rows *rows)
{
	size_t alive = 0;

	for (size_t i = 0; i < rows->count; i++)
		alive += rows->rows[i].is_alive;
	if (alive != rows->alive)
		return "rows alive are miscounted";
	if (!rows->is_told && rows->count)
		return "rows of a writer that tells none";
	if (rows->without_row > rows->overflow_threads)
		return "more threads without a row than ever were";
	return NULL;
}

static inline const char *inspect_ends(struct thread_rows *rows)
{
	const char *complaint = inspect_rows(rows);

	for (size_t i = 0; i < rows->count; i++)
		thread_row_end(rows, &rows->rows[i]);
	if (!complaint && rows->alive)
		complaint = "all have ended, and some are alive";
	return complaint;
}

static inline const char *inspect_threads(const struct attachment *a)
{
	struct thread_rows rows = { .rows = NULL };
	enum attach_error error = attach_threads(a, &rows);
	const char *complaint;

	if (error != ATTACH_OK && error != ATTACH_TRUNCATED)
		complaint = "rows fail in a way that is not documented";
	else if (error == ATTACH_TRUNCATED && rows.count)
		complaint = "rows of what was cut short";
	else
		complaint = inspect_ends(&rows);
	thread_rows_release(&rows);
	return complaint;
}

/*
 * Takes a snapshot and looks at all of it; *ret_error is what the snapshot
 * ended in. Returns a complaint, or NULL.
 */
static inline const char *inspect_attachment(const struct attachment *a,
					     enum attach_error *ret_error)
{
	static struct snapshot s;
	const char *complaint = inspect_identity(attach_identity(a));

	*ret_error = ATTACH_OK;
	if (complaint)
		return complaint;
	if (attach_state(a) > TARGET_REPLACED)
		return "no such state";
	memset(&s, 0xa5, sizeof(s));
	*ret_error = attach_snapshot(a, &s);
	if (*ret_error == ATTACH_TRUNCATED)
		return NULL;
	if (*ret_error != ATTACH_OK)
		return "a snapshot fails in a way that is not documented";
	complaint = inspect_snapshot(&s);
	return complaint ? complaint : inspect_threads(a);
}

#endif /* TESTS_FUZZ_INSPECT_H */
