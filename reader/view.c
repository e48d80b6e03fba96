/* SPDX-License-Identifier: MIT */
#include "reader/view.h"

#include <string.h>

#include "reader/report.h"

/* Less is fragmentation, stacks and data of a program of some size. */
#define UNSEEN_LEAST_BYTES (64u << 20)

struct ht *view_handle(void)
{
	return report_oom(ht_new());
}

/* The numbers of the samples, by the place at which they are shown. */
static void place_samples(struct view *v, const struct ht *h,
			  enum view_depth depth)
{
	int numbers[VIEW_MAX] = { 0 };
	int count = ht_count(h);

	for (int number = 1; number <= count && number <= VIEW_MAX; number++) {
		const struct ht_metric *m = ht_metric(h, number);

		if (m->order < VIEW_MAX && (depth == VIEW_ALL || !m->costly))
			numbers[m->order] = number;
	}
	for (int i = 0; i < VIEW_MAX; i++) {
		if (!numbers[i])
			continue;
		v->metrics[v->count] = ht_metric(h, numbers[i]);
		v->samples[v->count++] = (struct ht_sample){
			.number = numbers[i],
		};
	}
}

int view_read(struct view *ret, struct ht *h, enum view_depth depth)
{
	int error;

	ret->count = 0;
	place_samples(ret, h, depth);
	error = ht_read(h, ret->samples, ret->count);
	if (error)
		return error;
	ret->id = *ht_identity(h);
	ret->snapshot = *ht_snapshot(h);
	return 0;
}

const struct ht_sample *view_sample(const struct view *v, const char *key)
{
	int number = ht_lookup(NULL, key);

	for (size_t i = 0; i < v->count; i++) {
		const struct ht_sample *s = &v->samples[i];

		/* By number where that is enough: those keys never go away. */
		if (number > 0 ? s->number == number :
				 strcmp(v->metrics[i]->key, key) == 0)
			return s->kind == HT_KIND_BAD ? NULL : s;
	}
	return NULL;
}

uint64_t view_u64(const struct view *v, const char *key)
{
	const struct ht_sample *s = view_sample(v, key);
	uint64_t value = 0;

	if (s)
		ht_u64(s, &value);
	return value;
}

bool view_is_observed(const struct view *v)
{
	return v->id.coverage != HT_COVERAGE_NONE;
}

uint64_t view_unseen_bytes(const struct view *v)
{
	uint64_t anonymous = view_u64(v, PROCESS_ANONYMOUS_BYTES);
	uint64_t live = view_u64(v, HEAP_LIVE_BYTES);

	if (v->snapshot.state != HT_STATE_LIVE || !view_is_observed(v) ||
	    anonymous <= live ||
	    anonymous - live <= UNSEEN_LEAST_BYTES ||
	    anonymous - live <= anonymous / 2)
		return 0;
	return anonymous - live;
}

int view_pid(const struct view *v)
{
	return v->id.host_pid ? v->id.host_pid : v->id.pid;
}
