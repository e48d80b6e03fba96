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

#define INSPECT_TERMINATED(array) (memchr((array), '\0', sizeof(array)) != NULL)

static inline bool inspect_is_hex(const char *digits)
{
	for (size_t i = 0; i < 32; i++)
		if (!isxdigit((unsigned char)digits[i]))
			return false;
	return digits[32] == '\0';
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
	if (!id->coverage || (strcmp(id->coverage, "full") != 0 &&
			      strcmp(id->coverage, "partial") != 0 &&
			      strcmp(id->coverage, "none") != 0))
		return "coverage has no name";
	return NULL;
}

static inline const char *inspect_value(const struct metric_value *v)
{
	if (!INSPECT_TERMINATED(v->key))
		return "key without end";
	if (!INSPECT_TERMINATED(v->brief))
		return "brief without end";
	if (v->unit == UNIT_SECONDS && !isfinite(v->value.f64))
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
	for (size_t i = 0; i < s->count; i++) {
		const char *complaint = inspect_value(&s->values[i]);
		const struct metric_value *found =
			snapshot_value(s, (enum metric_id)s->values[i].id);

		if (complaint)
			return complaint;
		if (!found || found->id != s->values[i].id)
			return "a value cannot be found by its id";
	}
	return NULL;
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
	return inspect_snapshot(&s);
}

#endif /* TESTS_FUZZ_INSPECT_H */
