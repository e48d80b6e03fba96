/* SPDX-License-Identifier: MIT */
#include "preload/figures.h"

#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <string.h>

#include "preload/cc.h"
#include "preload/clock.h"
#include "preload/extras.h"
#include "preload/next.h"
#include "preload/object.h"
#include "preload/peak.h"

#define NS_PER_MS    1000000ULL
#define RATE_MIN_NS  (100 * NS_PER_MS) /* between two answers, and at least */
#define RATE_COST    200               /* ... so many times what one took */
#define COST_MAX_NS  (10 * NS_PER_MS)  /* a second time in a row: given up */
#define BLOCKS_MAX   100000            /* for glibc to walk: 20 ms at worst */

/* Weak: musl has none, and would not load us. */
extern struct mallinfo2 mallinfo2(void) __attribute__((weak));

/* What one answer consists of; `known` has a bit for each availability. */
struct figures {
	uint64_t known;
	uint64_t sys, in_use, released, metadata, purges;
};

#define BIT(bit) (1ULL << (AVAILABLE_##bit - 1))
#define KNOW(field, bit, value) (f->field = (value), f->known |= BIT(bit))

/* ---- glibc ---- */

/* How many blocks were freed, and how many are live. */
struct counts {
	uint64_t frees, live;
};

static struct counts count_all(const struct segment_header *h,
			       const struct slot *slots)
{
	uint32_t used = __atomic_load_n(&h->slots_hwm, __ATOMIC_ACQUIRE);
	struct counts all = { .live = h->inherited_objects };

	for (uint32_t i = 0; i < used; i++) {
		all.live += tally_net_objects(&slots[i]);
		for (unsigned b = 0; b < SIZE_BUCKETS; b++)
			all.frees += slots[i].free_by_size[b];
	}
	return all;
}

/*
 * mallinfo2() walks all free chunks under the lock of their arena, and each
 * step may wait for memory: two seconds for ten million. There are at most as
 * many as blocks were freed. The small ones (fastbins) stay apart: those are
 * at most what small objects have become fewer by. Others are joined with
 * free neighbours, so that between two of them there is a live block or a
 * small free one.
 */
static bool walk_is_short(const struct segment_header *h,
			  const struct slot *slots)
{
	struct counts all = count_all(h, slots);
	uint64_t chunks = all.live + 2 * peak_small_lost();

	/* A child inherits free chunks as well. */
	return chunks <= BLOCKS_MAX ||
	       (all.frees <= BLOCKS_MAX && !h->inherited_objects);
}

static enum figures_state take_glibc(struct figures *f)
{
	struct mallinfo2 info;

	if (!walk_is_short(kept.segment.header, kept.segment.slots))
		return FIGURES_TOO_MANY;
	info = mallinfo2();
	KNOW(sys, SYS, info.arena + info.hblkhd);
	KNOW(in_use, IN_USE, info.uordblks + info.hblkhd);
	return FIGURES_TAKEN;
}

/* ---- jemalloc ---- */

static int (*je_mallctl)(const char *, void *, size_t *, void *, size_t);

static bool je_read(const char *name, uint64_t *ret)
{
	size_t bytes = sizeof(*ret);

	return je_mallctl(name, ret, &bytes, NULL, 0) == 0 &&
	       bytes == sizeof(*ret);
}

/* 4096 stands for all arenas together (MALLCTL_ARENAS_ALL). */
static enum figures_state take_jemalloc(struct figures *f)
{
	uint64_t epoch = 1, mapped, retained, active, metadata, dirty, muzzy;
	size_t bytes = sizeof(epoch);

	if (je_mallctl("epoch", &epoch, &bytes, &epoch, sizeof(epoch)) ||
	    !je_read("stats.mapped", &mapped) ||
	    !je_read("stats.retained", &retained) ||
	    !je_read("stats.active", &active))
		return FIGURES_UNKNOWN;
	KNOW(sys, SYS, mapped + retained);
	KNOW(in_use, IN_USE, active);
	KNOW(released, RELEASED, retained);
	if (je_read("stats.metadata", &metadata))
		KNOW(metadata, METADATA, metadata);
	if (je_read("stats.arenas.4096.dirty_npurge", &dirty) &&
	    je_read("stats.arenas.4096.muzzy_npurge", &muzzy))
		KNOW(purges, PURGES, dirty + muzzy);
	return FIGURES_TAKEN;
}

/* ---- tcmalloc, of gperftools ---- */

static int (*tc_property)(const char *, size_t *);

static bool tc_read(const char *name, uint64_t *ret)
{
	size_t value;
	bool found = tc_property(name, &value);

	*ret = found ? value : 0;
	return found;
}

/*
 * Each is read under a lock of its own, so memory may move between two of
 * them meanwhile; only the size of the whole never falls.
 */
static enum figures_state take_tcmalloc(struct figures *f)
{
	uint64_t sys, free_bytes, unmapped, physical, purges, idle;

	if (!tc_read("tcmalloc.pageheap_free_bytes", &free_bytes) ||
	    !tc_read("tcmalloc.pageheap_unmapped_bytes", &unmapped) ||
	    !tc_read("generic.heap_size", &sys))
		return FIGURES_UNKNOWN;
	idle = free_bytes + unmapped;
	KNOW(sys, SYS, sys);
	KNOW(in_use, IN_USE, idle < sys ? sys - idle : 0);
	KNOW(released, RELEASED, unmapped);
	if (tc_read("generic.total_physical_bytes", &physical) &&
	    physical + unmapped >= sys)
		KNOW(metadata, METADATA, physical + unmapped - sys);
	if (tc_read("tcmalloc.pageheap_scavenge_count", &purges))
		KNOW(purges, PURGES, purges);
	return FIGURES_TAKEN;
}

/* ---- mimalloc ---- */

static void (*mi_info)(size_t *, size_t *, size_t *, size_t *, size_t *,
		       size_t *, size_t *, size_t *);

static enum figures_state take_mimalloc(struct figures *f)
{
	size_t unused[7], commit = 0;

	mi_info(&unused[0], &unused[1], &unused[2], &unused[3], &unused[4],
		&commit, &unused[5], &unused[6]);
	KNOW(sys, SYS, commit);
	return FIGURES_TAKEN;
}

/* ---- whichever it is ---- */

/* To add an allocator: how it is asked, above, and a row here. */
static const struct source {
	const char *library;  /* head of its name as provider */
	const char *symbol;   /* found in it, */
	void *function;       /* and kept here; NULL: nothing to find */
	enum figures_state (*take)(struct figures *f);
} sources[] = {
	{ "glibc ", NULL, NULL, take_glibc },
	{ "libjemalloc", "mallctl", &je_mallctl, take_jemalloc },
	{ "libtcmalloc", "MallocExtension_GetNumericProperty", &tc_property,
	  take_tcmalloc },
	{ "libmimalloc", "mi_process_info", &mi_info, take_mimalloc },
};

static const struct source *source;

/*
 * Only a name that is there is looked for: see next.c on dlsym that fails. A
 * program may have an allocator of its own beside the one that serves it.
 */
static bool find_function(const struct source *s)
{
	struct object provider;
	void *found;

	if (!s->symbol)
		return true;
	found = dlsym(RTLD_DEFAULT, s->symbol);
	if (!found || !object_find((void *)next.malloc, &provider) ||
	    !object_holds(&provider, found))
		return false;
	memcpy(s->function, &found, sizeof(found));
	return true;
}

void figures_find(const char *provider)
{
	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++)
		if (strncmp(provider, sources[i].library,
			    strlen(sources[i].library)) == 0 &&
		    find_function(&sources[i]))
			source = &sources[i];
}

static void set_state(struct segment_header *h, enum figures_state state)
{
	__atomic_store_n(&h->figures_state, state, __ATOMIC_RELEASE);
}

/*
 * In a child of a bare fork of threads a lock of the allocator may be held
 * for ever by a thread that is not here. It may still allocate, with luck,
 * from what needs no lock; the figures always need one.
 */
void figures_start(struct segment_header *h)
{
	if (!source)
		set_state(h, FIGURES_UNKNOWN);
	else if (h->flags & SEGMENT_BASELINE_APPROX)
		set_state(h, FIGURES_UNSAFE);
	if (source && source->take == take_glibc)
		extras_available(h, AVAILABLE_TRIMS);
}

static bool is_given_up(const struct segment_header *h)
{
	uint32_t state = __atomic_load_n(&h->figures_state, __ATOMIC_RELAXED);

	return state == FIGURES_UNKNOWN || state == FIGURES_UNSAFE ||
	       state == FIGURES_TOO_SLOW || state == FIGURES_SANDBOXED;
}

/* Bits last: who sees one sees its figure. What could not be had this time
 * stays as it was. */
static void publish(struct segment_header *h, const struct figures *f)
{
	const struct {
		uint64_t bit, value, *to;
	} rows[] = {
		{ BIT(SYS), f->sys, &h->heap_sys_bytes },
		{ BIT(IN_USE), f->in_use, &h->heap_in_use_bytes },
		{ BIT(RELEASED), f->released, &h->heap_released_bytes },
		{ BIT(METADATA), f->metadata, &h->heap_metadata_bytes },
		{ BIT(PURGES), f->purges, &h->heap_purges },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (f->known & rows[i].bit)
			__atomic_store_n(rows[i].to, rows[i].value,
					 __ATOMIC_RELAXED);
	__atomic_fetch_or(&h->available, f->known, __ATOMIC_RELEASE);
}

/* Once may be the machine's fault, which had others to run meanwhile. */
static bool is_too_slow(struct process *p, uint64_t cost_ns)
{
	p->figures_slow = cost_ns > COST_MAX_NS ? p->figures_slow + 1 : 0;
	return p->figures_slow > 1;
}

static void ask(struct process *p, struct segment_header *h, uint64_t start_ns)
{
	struct figures f = { 0 };
	enum figures_state state = source->take(&f);
	uint64_t now = clock_monotonic_ns(), cost = now - start_ns;

	if (state == FIGURES_TAKEN) {
		publish(h, &f);
		__atomic_store_n(&h->figures_monotonic_ns, now, __ATOMIC_RELAXED);
		__atomic_store_n(&h->figures_cost_ns, cost, __ATOMIC_RELAXED);
		if (is_too_slow(p, cost))
			state = FIGURES_TOO_SLOW;
	}
	p->figures_next_ns = now + (cost * RATE_COST > RATE_MIN_NS ?
					    cost * RATE_COST : RATE_MIN_NS);
	set_state(h, state);
}

/* False: not now, but soon. After a costly answer that one has to do. */
static bool answer(struct process *p, struct segment_header *h)
{
	uint64_t now = clock_monotonic_ns();

	if (is_given_up(h))
		return true;
	if (process_is_sandboxed())
		set_state(h, FIGURES_SANDBOXED);
	else if (now >= p->figures_next_ns)
		ask(p, h, now);
	else
		return p->figures_next_ns - now > RATE_MIN_NS;
	return true;
}

void figures_take(struct process *p, uint64_t asked)
{
	struct segment_header *h = kept.segment.header;
	int saved = errno;

	if (__atomic_exchange_n(&p->extras_busy, 1, __ATOMIC_ACQUIRE))
		return;
	if (answer(p, h))
		__atomic_store_n(&h->figures_asked, asked, __ATOMIC_RELEASE);
	__atomic_store_n(&p->extras_busy, 0, __ATOMIC_RELEASE);
	errno = saved;
}
