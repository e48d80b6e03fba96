/* SPDX-License-Identifier: MIT */
/*
 * A reader at full speed while threads count: live is never negative and
 * never more than there can be, counters and histograms never fall, and
 * histograms add up to their counters; truncation of a file in one thread is
 * no matter of another; growth by many threads at once.
 */
#include <pthread.h>
#include <time.h>

#include "tests/unit/own_image.h"
#include "tests/unit/own_segment.h"

#define PAIRS         2    /* of a producer and a consumer */
#define LAST_SLOT     (OVERFLOW_SLOTS + 7) /* of those there from the start */
#define OUTSTANDING   64   /* blocks on their way in a pair, at most */
#define BLOCK_BYTES   48
#define RUN_SECONDS   1.5
#define CUT_ROUNDS    200
#define GROW_THREADS  4
#define RUNNERS       4    /* threads that wait for nobody */

static double now_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* --- counting --- */

/*
 * Blocks go from one thread to the other, as in a queue: what is freed was
 * allocated elsewhere, and a reader that summed allocs first would see less
 * of them than of frees.
 */
struct pair {
	struct slot *producer_slot;
	struct slot *consumer_slot;
	bool shared_slots;      /* overflow slots: everybody adds atomically */
	uint64_t handed;        /* blocks put into the queue */
	uint64_t taken;         /* blocks out of it */
};

static bool stopping;

static bool is_stopping(void)
{
	return __atomic_load_n(&stopping, __ATOMIC_RELAXED);
}

/* The writer's add: plain on x86-64, release on the side of frees. */
static void add(struct pair *p, uint64_t *word, uint64_t count)
{
	if (p->shared_slots)
		__atomic_fetch_add(word, count, __ATOMIC_RELEASE);
	else
		__atomic_store_n(word, *word + count, __ATOMIC_RELEASE);
}

static void *produce(void *argument)
{
	struct pair *p = argument;

	while (!is_stopping()) {
		if (p->handed - __atomic_load_n(&p->taken, __ATOMIC_ACQUIRE) >=
		    OUTSTANDING) {
			sched_yield();
			continue;
		}
		add(p, &p->producer_slot->alloc_by_size[p->handed %
							SIZE_BUCKETS], 1);
		add(p, &p->producer_slot->alloc_bytes, BLOCK_BYTES);
		__atomic_store_n(&p->handed, p->handed + 1, __ATOMIC_RELEASE);
	}
	return NULL;
}

static void *consume(void *argument)
{
	struct pair *p = argument;

	while (!is_stopping()) {
		if (p->taken == __atomic_load_n(&p->handed,
						__ATOMIC_ACQUIRE)) {
			sched_yield();
			continue;
		}
		add(p, &p->consumer_slot->free_by_size[p->taken %
						       SIZE_BUCKETS], 1);
		add(p, &p->consumer_slot->free_bytes, BLOCK_BYTES);
		__atomic_store_n(&p->taken, p->taken + 1, __ATOMIC_RELEASE);
	}
	return NULL;
}

/* --- watching --- */

struct watch {
	uint64_t live_limit;    /* objects, beside the skew */
	uint64_t snapshots;
	uint64_t failed;
	uint64_t approximate;   /* = a negative difference was clamped */
	uint64_t fell;
	uint64_t too_many;
	uint64_t apart;         /* histogram and its counter */
	struct snapshot last;
};

static void check_buckets(struct watch *w, const struct size_histogram *now,
			  const struct size_histogram *last)
{
	for (unsigned i = 0; i < now->count; i++)
		w->fell += now->counts[i] < last->counts[i];
}

/* Not the peaks: no writer folds them here, so they are what is live. */
static void check_counters(struct watch *w, const struct snapshot *now)
{
	for (size_t i = 0; i < now->count; i++) {
		const struct metric_value *v = &now->values[i];
		const struct metric_value *last = &w->last.values[i];

		if (v->kind == METRIC_HISTOGRAM)
			check_buckets(w, snapshot_histogram(now, v),
				      snapshot_histogram(&w->last, last));
		w->fell += v->kind == METRIC_COUNTER &&
			   v->value.u64 < last->value.u64;
	}
}

static void check_total(struct watch *w, const struct snapshot *now,
			enum metric_id histogram, enum metric_id counter)
{
	const struct size_histogram *h =
		snapshot_histogram(now, snapshot_value(now, histogram));
	uint64_t sum = 0;

	for (unsigned i = 0; i < h->count; i++)
		sum += h->counts[i];
	w->apart += sum != snapshot_value(now, counter)->value.u64;
}

static void check_totals(struct watch *w, const struct snapshot *now)
{
	check_total(w, now, METRIC_HEAP_ALLOCS_BY_SIZE_BYTES,
		    METRIC_HEAP_ALLOCS_OBJECTS);
	check_total(w, now, METRIC_HEAP_FREES_BY_SIZE_BYTES,
		    METRIC_HEAP_FREES_OBJECTS);
}

/*
 * Each pair has at most OUTSTANDING blocks, and one counted but not yet
 * handed over; the rest may be born while it is read, as admitted.
 */
static void check_live(struct watch *w, const struct snapshot *now)
{
	uint64_t live = snapshot_u64(now, METRIC_HEAP_LIVE_OBJECTS);

	w->too_many += live > w->live_limit + now->skew_objects;
}

static void watch_once(struct watch *w, const struct attachment *a)
{
	struct snapshot now;

	if (attach_snapshot(a, &now) != ATTACH_OK) {
		w->failed++;
		return;
	}
	w->approximate += now.approximate;
	if (w->snapshots++ > 0)
		check_counters(w, &now);
	check_totals(w, &now);
	check_live(w, &now);
	w->last = now;
}

static void report(const struct watch *w, const char *name)
{
	ok(w->snapshots > 10, "%s: %lu snapshots", name,
	   (unsigned long)w->snapshots);
	is_u64(w->failed, 0, "%s: none failed", name);
	is_u64(w->approximate, 0, "%s: live was never negative", name);
	is_u64(w->fell, 0, "%s: no counter fell", name);
	is_u64(w->apart, 0, "%s: histograms add up", name);
	is_u64(w->too_many, 0, "%s: live within its limit and the skew", name);
}

/* `count` blocks went through the buckets in turn. */
static uint64_t in_bucket(uint64_t count, unsigned bucket)
{
	return count / SIZE_BUCKETS + (count % SIZE_BUCKETS > bucket);
}

static void check_end_buckets(const struct snapshot *s,
			      const struct pair *pairs, const char *name)
{
	const struct size_histogram *allocs = snapshot_histogram(s,
		snapshot_value(s, METRIC_HEAP_ALLOCS_BY_SIZE_BYTES));
	const struct size_histogram *frees = snapshot_histogram(s,
		snapshot_value(s, METRIC_HEAP_FREES_BY_SIZE_BYTES));

	for (unsigned b = 0; b < SIZE_BUCKETS; b++) {
		uint64_t handed = 0, taken = 0;

		for (unsigned i = 0; i < PAIRS; i++) {
			handed += in_bucket(pairs[i].handed, b);
			taken += in_bucket(pairs[i].taken, b);
		}
		is_u64(allocs->counts[b], handed, "%s: allocs, bucket %u",
		       name, b);
		is_u64(frees->counts[b], taken, "%s: frees, bucket %u", name,
		       b);
	}
}

static void check_end(const struct attachment *a, const struct pair *pairs,
		      const char *name)
{
	uint64_t allocs = 0, frees = 0;
	struct snapshot s;

	for (unsigned i = 0; i < PAIRS; i++) {
		allocs += pairs[i].handed;
		frees += pairs[i].taken;
	}
	attach_snapshot(a, &s);
	ok(frees > 0, "%s: blocks went through", name);
	is_u64(snapshot_u64(&s, METRIC_HEAP_ALLOCS_OBJECTS), allocs,
	       "%s: allocs", name);
	is_u64(snapshot_u64(&s, METRIC_HEAP_FREES_OBJECTS), frees,
	       "%s: frees", name);
	is_u64(snapshot_u64(&s, METRIC_HEAP_LIVE_BYTES),
	       (allocs - frees) * BLOCK_BYTES, "%s: live", name);
	is_u64(s.skew_objects, 0, "%s: still at the end", name);
	check_end_buckets(&s, pairs, name);
}

static void run_pairs(const struct attachment *a, struct pair *pairs,
		      const char *name)
{
	pthread_t threads[2 * PAIRS];
	struct watch w = { .live_limit = PAIRS * (OUTSTANDING + 1) };
	double end = now_seconds() + RUN_SECONDS;

	stopping = false;
	for (unsigned i = 0; i < PAIRS; i++) {
		pthread_create(&threads[2 * i], NULL, produce, &pairs[i]);
		pthread_create(&threads[2 * i + 1], NULL, consume, &pairs[i]);
	}
	while (now_seconds() < end)
		watch_once(&w, a);
	__atomic_store_n(&stopping, true, __ATOMIC_RELAXED);
	for (unsigned i = 0; i < 2 * PAIRS; i++)
		pthread_join(threads[i], NULL);
	report(&w, name);
	check_end(a, pairs, name);
}

/*
 * Consumers before producers in the scan, and far apart: the order of the
 * slots must not matter. With shared_slots all meet in one.
 */
static void test_counting(bool shared_slots, const char *name)
{
	struct segment_request request = own_request();
	struct pair pairs[PAIRS];
	struct attachment *a;
	struct segment s;

	create_or_die(&s, &request);
	for (unsigned i = 0; i < PAIRS; i++) {
		unsigned producer = shared_slots ? 3 : LAST_SLOT - i;
		unsigned consumer = shared_slots ? 3 : OVERFLOW_SLOTS + i;

		segment_commit_slot(&s, producer);
		segment_commit_slot(&s, consumer);
		pairs[i] = (struct pair){
			.producer_slot = &s.slots[producer],
			.consumer_slot = &s.slots[consumer],
			.shared_slots = shared_slots,
		};
	}
	segment_publish(&s);
	a = attach_or_die(own_name(&s));
	run_pairs(a, pairs, name);
	attach_close(a);
	drop_and_unlink(&s);
}

/* --- threads that count as fast as they can --- */

struct runner {
	struct pair slots;      /* both halves on this thread's side */
	uint64_t blocks;
};

/* A block of every size, and again; frees the one before, as loops do. */
static void *run(void *argument)
{
	struct runner *r = argument;
	struct slot *slot = r->slots.producer_slot;

	for (; !is_stopping(); r->blocks++) {
		unsigned bucket = (unsigned)(r->blocks % SIZE_BUCKETS);

		add(&r->slots, &slot->alloc_by_size[bucket], 1);
		add(&r->slots, &slot->alloc_bytes, BLOCK_BYTES);
		add(&r->slots, &slot->realloc_calls, 1);
		add(&r->slots, &slot->free_by_size[bucket], 1);
		add(&r->slots, &slot->free_bytes, BLOCK_BYTES);
	}
	return NULL;
}

static void check_runners(const struct attachment *a,
			  const struct runner *runners, const char *name)
{
	const struct size_histogram *allocs, *frees;
	struct snapshot s;

	attach_snapshot(a, &s);
	allocs = snapshot_histogram(&s,
		snapshot_value(&s, METRIC_HEAP_ALLOCS_BY_SIZE_BYTES));
	frees = snapshot_histogram(&s,
		snapshot_value(&s, METRIC_HEAP_FREES_BY_SIZE_BYTES));
	for (unsigned b = 0; b < SIZE_BUCKETS; b++) {
		uint64_t want = 0;

		for (unsigned i = 0; i < RUNNERS; i++)
			want += in_bucket(runners[i].blocks, b);
		is_u64(allocs->counts[b], want, "%s: allocs, bucket %u", name,
		       b);
		is_u64(frees->counts[b], want, "%s: frees, bucket %u", name, b);
	}
	is_u64(snapshot_u64(&s, METRIC_HEAP_LIVE_OBJECTS), 0, "%s: live", name);
}

static void watch_runners(const struct attachment *a, struct runner *runners,
			  const char *name)
{
	pthread_t threads[RUNNERS];
	struct watch w = { .live_limit = RUNNERS };
	double end = now_seconds() + RUN_SECONDS;

	stopping = false;
	for (unsigned i = 0; i < RUNNERS; i++)
		pthread_create(&threads[i], NULL, run, &runners[i]);
	while (now_seconds() < end)
		watch_once(&w, a);
	__atomic_store_n(&stopping, true, __ATOMIC_RELAXED);
	for (unsigned i = 0; i < RUNNERS; i++)
		pthread_join(threads[i], NULL);
	report(&w, name);
	check_runners(a, runners, name);
}

static void test_full_speed(bool shared_slots, const char *name)
{
	struct segment_request request = own_request();
	struct runner runners[RUNNERS];
	struct attachment *a;
	struct segment s;

	create_or_die(&s, &request);
	for (unsigned i = 0; i < RUNNERS; i++) {
		unsigned slot = shared_slots ? 0 : OVERFLOW_SLOTS + i;

		segment_commit_slot(&s, slot);
		runners[i] = (struct runner){
			.slots = { .producer_slot = &s.slots[slot],
				   .shared_slots = shared_slots },
		};
	}
	segment_publish(&s);
	a = attach_or_die(own_name(&s));
	watch_runners(a, runners, name);
	attach_close(a);
	drop_and_unlink(&s);
}

/* --- attaching while segments come and go --- */

static void *come_and_go(void *argument)
{
	struct segment_request request = own_request();

	(void)argument;
	while (!is_stopping()) {
		struct segment s;

		create_or_die(&s, &request);
		segment_publish(&s);
		segment_finish(&s, false);
		drop(&s);
	}
	return NULL;
}

/* What is said of a file that is being made, or was just removed. */
static bool is_transient(enum attach_error error)
{
	return error == ATTACH_OK || error == ATTACH_GONE ||
	       error == ATTACH_STARTING;
}

/*
 * A list of processes meets segments at every moment of their making, and
 * must not call any of them broken.
 */
static void test_attaching(void)
{
	double end = now_seconds() + 0.5;
	unsigned seen[ATTACH_ERRORS] = { 0 };
	pthread_t thread;
	char name[SEGMENT_NAME_BYTES];

	segment_name_format(name, SEGMENT_PREFIX, getpid(), OWN_STARTTIME, -1);
	stopping = false;
	pthread_create(&thread, NULL, come_and_go, NULL);
	while (now_seconds() < end) {
		struct attachment *a = NULL;

		seen[attach_open(&a, sandbox.dirfd, name, 0)]++;
		attach_close(a);
	}
	__atomic_store_n(&stopping, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	ok(seen[ATTACH_OK] > 0, "attaching: some were ready");
	for (int i = 0; i < ATTACH_ERRORS; i++)
		if (!is_transient((enum attach_error)i))
			is_u64(seen[i], 0, "attaching: never '%s'",
			       attach_error_text((enum attach_error)i));
}

/* --- truncation in several threads --- */

struct cutter {
	char name[32];
	const struct segment_image *image;
	unsigned wrong;
};

static void *cut(void *argument)
{
	struct cutter *c = argument;

	for (unsigned i = 0; i < CUT_ROUNDS; i++) {
		struct attachment *a = NULL;
		struct snapshot s;

		if (image_write(c->image, sandbox.dirfd, c->name) != 0 ||
		    attach_open(&a, sandbox.dirfd, c->name, 0) != ATTACH_OK) {
			c->wrong++;
			continue;
		}
		c->wrong += attach_snapshot(a, &s) != ATTACH_OK;
		truncate_file(c->name, (off_t)(i % 4) *
				       sysconf(_SC_PAGESIZE));
		c->wrong += attach_snapshot(a, &s) != ATTACH_TRUNCATED;
		attach_close(a);
	}
	return NULL;
}

static void test_truncation(void)
{
	struct cutter cutters[4];
	pthread_t threads[4];
	struct segment_image image;

	image_build(&image, OVERFLOW_SLOTS);
	for (unsigned i = 0; i < 4; i++) {
		cutters[i] = (struct cutter){ .image = &image };
		snprintf(cutters[i].name, sizeof(cutters[i].name),
			 "heaptally.%u.1", i + 1);
		pthread_create(&threads[i], NULL, cut, &cutters[i]);
	}
	for (unsigned i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		is_u64(cutters[i].wrong, 0, "truncation: thread %u", i);
	}
	image_release(&image);
}

/* --- growth by several threads --- */

struct grower {
	struct segment *segment;
	unsigned first;
	unsigned refused;
};

/* Each takes every GROW_THREADSth slot, so all want the next page at once. */
static void *grow(void *argument)
{
	struct grower *g = argument;
	struct segment *s = g->segment;

	for (unsigned i = g->first; i < s->slot_count; i += GROW_THREADS) {
		if (!segment_commit_slot(s, i)) {
			g->refused++;
			continue;
		}
		s->slots[i].alloc_by_size[i % SIZE_BUCKETS]++;
	}
	return NULL;
}

static void test_growth(void)
{
	struct segment_request request = own_request();
	struct grower growers[GROW_THREADS];
	pthread_t threads[GROW_THREADS];
	struct attachment *a;
	struct segment s;
	struct snapshot now;

	create_or_die(&s, &request);
	segment_publish(&s);
	a = attach_or_die(own_name(&s));
	for (unsigned i = 0; i < GROW_THREADS; i++) {
		growers[i] = (struct grower){ &s, i, 0 };
		pthread_create(&threads[i], NULL, grow, &growers[i]);
	}
	for (unsigned i = 0; i < GROW_THREADS; i++) {
		pthread_join(threads[i], NULL);
		if (s.grows)
			is_u64(growers[i].refused, 0, "growth: thread %u", i);
		else
			skip("kernel without MADV_POPULATE_WRITE",
			     "growth: thread %u", i);
	}
	attach_snapshot(a, &now);
	is_u64(snapshot_u64(&now, METRIC_HEAP_ALLOCS_OBJECTS),
	       s.grows ? s.slot_count : s.header->slots_committed,
	       "growth: the reader sees every slot");
	attach_close(a);
	drop_and_unlink(&s);
}

int main(void)
{
	sandbox_init();
	alarm(300);
	RUN(test_counting(false, "exclusive slots"));
	RUN(test_counting(true, "a shared slot"));
	RUN(test_full_speed(false, "running, exclusive slots"));
	RUN(test_full_speed(true, "running, a shared slot"));
	RUN(test_attaching());
	RUN(test_truncation());
	RUN(test_growth());
	return done();
}
