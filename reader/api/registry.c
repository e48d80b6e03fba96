/* SPDX-License-Identifier: MIT */
/*
 * The table of metrics as the library shows it: made once from the registry
 * of shm/, sorted by key, in memory that is there from the start.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "reader/api/handle.h"

enum {
	METRIC_COUNT = 0
/* NOLINTNEXTLINE(bugprone-macro-parentheses): a term of a sum. */
#define METRIC(id, NAME, key, KIND, source, brief, help) +1
#include "shm/metrics.def"
#undef METRIC
};

static struct ht_metric registry[METRIC_COUNT];

/* Read with every snapshot, from one file; all else of the kernel costs. */
static const enum metric_id cheap[] = {
	METRIC_PROCESS_RESIDENT_BYTES,
	METRIC_PROCESS_ANONYMOUS_BYTES,
	METRIC_PROCESS_VIRTUAL_BYTES,
	METRIC_PROCESS_UPTIME_SECONDS,
	METRIC_THREADS_KERNEL_THREADS,
};

/* In no segment either, but computed from what is. */
static const enum metric_id computed[] = {
	METRIC_HEAP_IDLE_BYTES,
	METRIC_HEAPTALLY_CLAMPED_EVENTS,
};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static bool is_among(unsigned id, const enum metric_id *ids, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (ids[i] == id)
			return true;
	return false;
}

bool registry_is_kernel(unsigned metric_id)
{
	const struct metric *m = metric_by_id(metric_id);

	return m && m->scope == SCOPE_KERNEL &&
	       !is_among(metric_id, computed, COUNT_OF(computed));
}

static bool is_costly(const struct metric *m)
{
	return registry_is_kernel(m->id) &&
	       !is_among(m->id, cheap, COUNT_OF(cheap));
}

/*
 * The kernel's figures need a living process that we can look at. To add
 * others that are not always there: a row.
 */
static const char *availability(const struct metric *m)
{
	static const struct {
		const char *head; /* of the key */
		const char *where;
	} others[] = {
		{ "/cgroup/", "cgroup" },
		{ "/gc/", "libgc" },
		{ "/heap/allocs/requested:", "switched on" },
		{ "/heap/stall:", "switched on" },
		{ "/cpu/allocator:", "switched on" },
		{ "/sync/", "switched on" },
		{ "/heap/trims:", "glibc" },
		{ "/heap/sys:", "asked: glibc jemalloc tcmalloc mimalloc" },
		{ "/heap/in-use:", "asked: glibc jemalloc tcmalloc" },
		{ "/heap/idle:", "asked: glibc jemalloc tcmalloc" },
		{ "/heap/released:", "asked: jemalloc tcmalloc" },
		{ "/heap/metadata:", "asked: jemalloc tcmalloc" },
		{ "/heap/purges:", "asked: jemalloc tcmalloc" },
		{ "/heaptally/", "always" },
	};

	for (size_t i = 0; i < COUNT_OF(others); i++)
		if (strncmp(m->key, others[i].head, strlen(others[i].head)) == 0)
			return others[i].where;
	return m->scope == SCOPE_KERNEL ? "/proc" : "always";
}

enum ht_kind registry_kind(unsigned metric_kind, unsigned metric_unit)
{
	if (metric_kind == METRIC_HISTOGRAM)
		return HT_KIND_HISTOGRAM;
	return metric_unit_is_real((enum metric_unit)metric_unit) ?
		HT_KIND_F64 : HT_KIND_U64;
}

/* Our numbers of types are those of shm/. */
_Static_assert((int)HT_TYPE_COUNTER == (int)METRIC_COUNTER &&
	       (int)HT_TYPE_GAUGE == (int)METRIC_GAUGE &&
	       (int)HT_TYPE_HIGHWATER == (int)METRIC_HIGHWATER &&
	       (int)HT_TYPE_HISTOGRAM == (int)METRIC_HISTOGRAM, "types");

static bool is_cumulative(unsigned metric_kind)
{
	return metric_kind == METRIC_COUNTER || metric_kind == METRIC_HISTOGRAM;
}

static int compare_keys(const void *left, const void *right)
{
	const struct ht_metric *a = left, *b = right;

	return strcmp(a->key, b->key);
}

/* By insertion: qsort() may allocate. */
static void sort_registry(void)
{
	for (size_t i = 1; i < METRIC_COUNT; i++) {
		struct ht_metric moved = registry[i];
		size_t place = i;

		for (; place > 0 && compare_keys(&registry[place - 1],
						 &moved) > 0; place--)
			registry[place] = registry[place - 1];
		registry[place] = moved;
	}
}

static void make_registry(void)
{
	size_t count;
	const struct metric *all = metrics_all(&count);

	for (size_t i = 0; i < METRIC_COUNT; i++) {
		enum metric_unit unit = metric_unit_of_key(all[i].key);

		registry[i] = (struct ht_metric){
			.key = all[i].key,
			.unit = metric_unit_name(unit),
			.brief = all[i].brief,
			.description = all[i].help,
			.availability = availability(&all[i]),
			.kind = registry_kind(all[i].kind, unit),
			.type = (enum ht_type)all[i].kind,
			.cumulative = is_cumulative(all[i].kind),
			.costly = is_costly(&all[i]),
			.order = (uint32_t)i,
		};
	}
	sort_registry();
}

const struct ht_metric *ht_all(size_t *ret_count)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, make_registry);
	*ret_count = METRIC_COUNT;
	return registry;
}

int ht_count(const struct ht *h)
{
	return METRIC_COUNT + (h ? (int)h->extra_count : 0);
}

const struct ht_metric *ht_metric(const struct ht *h, int number)
{
	size_t count;
	const struct ht_metric *all = ht_all(&count);

	if (number < 1 || number > ht_count(h))
		return NULL;
	return number <= METRIC_COUNT ? &all[number - 1] :
		&h->extra_metrics[number - 1 - METRIC_COUNT];
}

int ht_lookup(const struct ht *h, const char *key)
{
	const struct ht_metric wanted = { .key = key }, *found;
	size_t count;
	const struct ht_metric *all = ht_all(&count);

	found = bsearch(&wanted, all, count, sizeof(*all), compare_keys);
	if (found)
		return (int)(found - all) + 1;
	for (size_t i = 0; h && i < h->extra_count; i++)
		if (strcmp(h->extras[i].key, key) == 0)
			return METRIC_COUNT + (int)i + 1;
	return -ENOENT;
}

unsigned registry_id(const struct ht *h, int number)
{
	size_t count;
	const struct metric *all = metrics_all(&count);

	if (number < 1 || number > ht_count(h))
		return 0;
	if (number > METRIC_COUNT)
		return h->extras[number - 1 - METRIC_COUNT].id;
	return all[ht_metric(NULL, number)->order].id;
}

/* What the key says where it is a unit that we do not know. */
static const char *unit_of(const char *key)
{
	const char *tail = strrchr(key, ':');

	return tail ? tail + 1 : "";
}

static void add_extra(struct ht *h, const struct metric_value *v)
{
	struct extra *extra = &h->extras[h->extra_count];

	memcpy(extra->key, v->key, sizeof(extra->key));
	memcpy(extra->brief, v->brief, sizeof(extra->brief));
	extra->id = v->id;
	h->extra_metrics[h->extra_count] = (struct ht_metric){
		.key = extra->key,
		.unit = unit_of(extra->key),
		.brief = extra->brief,
		.description = extra->brief,
		.availability = "always",
		.kind = registry_kind(v->kind, v->unit),
		.type = (enum ht_type)v->kind,
		.cumulative = is_cumulative(v->kind),
		.order = (uint32_t)(METRIC_COUNT + h->extra_count),
	};
	h->extra_count++;
}

/* An id is never used again, nor a key: one that is, is not to be trusted. */
static bool is_known(const struct ht *h, const struct metric_value *v)
{
	if (metric_by_id(v->id) || ht_lookup(h, v->key) > 0)
		return true;
	for (size_t i = 0; i < h->extra_count; i++)
		if (h->extras[i].id == v->id)
			return true;
	return false;
}

void registry_find_extras(struct ht *h, const struct snapshot *s)
{
	h->extra_count = 0;
	for (size_t i = 0; i < s->count && h->extra_count < EXTRAS_MAX; i++)
		if (!is_known(h, &s->values[i]))
			add_extra(h, &s->values[i]);
}

const char *ht_type_name(enum ht_type type)
{
	return metric_kind_name((enum metric_kind)type);
}
