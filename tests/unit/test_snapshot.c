/* SPDX-License-Identifier: MIT */
/*
 * What a snapshot holds: every value from known counts, what is known of the
 * writer, writers of other versions. Histograms: test_histogram.c; hostile
 * content: test_corrupt.c.
 */
#include "shm/metrics.h"
#include "tests/unit/own_image.h"
#include "tests/unit/own_segment.h"

/* --- values --- */

/* Overflow and exclusive ones, the ends of each, one that needs growth. */
static const unsigned touched[] = { 0, 3, 7, 8, 15, 16, 200, SLOTS_MAX - 1 };

#define TOUCHED (sizeof(touched) / sizeof(*touched))

static uint64_t *word_of(struct slot *slot, const struct metric *m)
{
	return (uint64_t *)(void *)((char *)slot + m->offset);
}

/* Words that a metric has in a slot. */
static unsigned words_of(const struct metric *m)
{
	if (m->scope == SCOPE_BUCKETS)
		return m->operand[0];
	return m->scope == SCOPE_SLOT;
}

/* No two metrics, buckets and slots alike; frees stay below allocs. */
static uint64_t sample(const struct metric *m, unsigned word, unsigned slot)
{
	uint64_t scale = m->id == METRIC_HEAP_ALLOCS_BYTES ||
			 m->id == METRIC_HEAP_ALLOCS_BY_SIZE_BYTES ||
			 m->id == METRIC_THREADS_STARTED_THREADS ? 1ULL << 40
								 : 1ULL << 33;

	return scale + (m->id * 100 + word) * 100000 + slot;
}

static void fill_slots(struct segment *s)
{
	size_t count;
	const struct metric *all = metrics_all(&count);

	for (size_t t = 0; t < TOUCHED; t++) {
		ok(segment_commit_slot(s, touched[t]), "slot %u is there",
		   touched[t]);
		for (size_t i = 0; i < count; i++)
			for (unsigned w = 0; w < words_of(&all[i]); w++)
				word_of(&s->slots[touched[t]], &all[i])[w] =
					sample(&all[i], w, touched[t]);
	}
}

static uint64_t want_word(const struct metric *m, unsigned word)
{
	uint64_t sum = 0;

	for (size_t t = 0; t < TOUCHED; t++)
		sum += sample(m, word, touched[t]);
	return sum;
}

/* Of a counter in the slots, or of all counts of a histogram there. */
static uint64_t want_sum(const struct metric *m)
{
	const struct metric *of =
		m->scope == SCOPE_TOTAL ? metric_by_id(m->operand[0]) : m;
	uint64_t sum = 0;

	for (unsigned w = 0; w < words_of(of); w++)
		sum += want_word(of, w);
	return sum;
}

static uint64_t header_word(const struct segment *s, const struct metric *m)
{
	uint64_t value;

	memcpy(&value, (const char *)s->header + m->offset, sizeof(value));
	return value;
}

static uint64_t want_value(const struct segment *s, const struct metric *m)
{
	uint64_t word, live;

	if (m->scope == SCOPE_SLOT || m->scope == SCOPE_TOTAL)
		return want_sum(m);
	word = header_word(s, m);
	if (m->scope == SCOPE_DERIVED)
		return word + want_sum(metric_by_id(m->operand[0])) -
		       want_sum(metric_by_id(m->operand[1]));
	if (m->scope == SCOPE_PEAK) {
		live = want_value(s, metric_by_id(m->operand[0]));
		return word > live ? word : live;
	}
	return word;
}

/* As fill_header() made them. */
static void check_times(const struct size_histogram *h, const struct metric *m)
{
	is_u64(h->count, TIME_BUCKETS, "%s: buckets", m->key);
	is_u64(h->first_log2, TIME_FIRST_LOG2, "%s: first bound", m->key);
	for (unsigned i = 0; i < TIME_BUCKETS; i++)
		is_u64(h->counts[i], m->offset + i, "%s: count %u", m->key, i);
	is_u64(histogram_upper_bound(h, 0), 16, "%s: 16 ns", m->key);
}

static void fill_header(struct segment_header *h)
{
	h->heap_sys_bytes = 1u << 20;
	h->allocator_ns = 1500000000;
	h->gc_last_realtime_ns = 1000000000ULL << 30;
	for (unsigned i = 0; i < TIME_BUCKETS; i++) {
		h->stall_ns[i] = offsetof(struct segment_header, stall_ns) + i;
		h->gc_pause_ns[i] =
			offsetof(struct segment_header, gc_pause_ns) + i;
	}
}

static void check_histogram(const struct snapshot *got, const struct metric *m,
			    const struct metric_value *v)
{
	const struct size_histogram *h = snapshot_histogram(got, v);

	if (!ok(h, "%s: counts are there", m->key))
		return;
	is_u64(h->is_time, m->scope == SCOPE_TIMES, "%s: of time", m->key);
	if (h->is_time) {
		check_times(h, m);
		return;
	}
	is_u64(h->count, SIZE_BUCKETS, "%s: buckets", m->key);
	is_u64(h->first_log2, SIZE_FIRST_LOG2, "%s: first bound", m->key);
	for (unsigned i = 0; i < SIZE_BUCKETS; i++) {
		is_u64(h->counts[i], want_word(m, i), "%s: count %u", m->key,
		       i);
		is_u64(histogram_upper_bound(h, i),
		       i + 1 == SIZE_BUCKETS ? UINT64_MAX : 8ULL << i,
		       "%s: bound %u", m->key, i);
	}
}

static void check_number(const struct snapshot *got, const struct segment *s,
			 const struct metric *m, const struct metric_value *v)
{
	if (metric_unit_is_real((enum metric_unit)v->unit)) {
		ok(v->value.f64 == (double)want_value(s, m) / 1e9,
		   "%s: nanoseconds as seconds", m->key);
		return;
	}
	is_u64(v->value.u64, want_value(s, m), "%s: value", m->key);
	is_u64(snapshot_u64(got, (enum metric_id)m->id), v->value.u64,
	       "%s: as a number", m->key);
	ok(!snapshot_histogram(got, v), "%s: no counts", m->key);
}

static void check_value(const struct snapshot *got, const struct segment *s,
			const struct metric *m)
{
	const struct metric_value *v =
		snapshot_value(got, (enum metric_id)m->id);

	if (m->scope == SCOPE_KERNEL) {
		ok(!v, "%s is not in a segment", m->key);
		return;
	}
	if (m->available && !s->header->available) {
		ok(!v, "%s is not said to be there", m->key);
		return;
	}
	if (!ok(v, "%s is there", m->key))
		return;
	if (m->kind == METRIC_HISTOGRAM)
		check_histogram(got, m, v);
	else
		check_number(got, s, m, v);
	is_str(v->key, m->key, "%s: key", m->key);
	is_str(v->brief, m->brief, "%s: brief", m->key);
	is_u64(v->kind, m->kind, "%s: kind", m->key);
	is_u64(v->unit, metric_unit_of_key(m->key), "%s: unit", m->key);
}

static void check_values(struct attachment *a, const struct segment *s)
{
	size_t count;
	const struct metric *all = metrics_all(&count);
	const struct snapshot *got = look(a);

	for (size_t i = 0; i < count; i++)
		check_value(got, s, &all[i]);
	ok(!got->approximate, "all values are exact");
	is_u64(got->skew_objects, 0, "nothing moved meanwhile");
	ok(got->realtime_ns >= s->header->started_realtime_ns &&
	   got->monotonic_ns >= s->header->started_monotonic_ns,
	   "taken after the start");
}

static void test_values(void)
{
	struct segment_request request = own_request();
	struct attachment *a;
	struct segment s;

	create_or_die(&s, &request);
	fill_slots(&s);
	s.header->inherited_objects = 17;
	s.header->inherited_bytes = 1700;
	s.header->peak_bytes = 1ULL << 60;
	s.header->peak_slack_bytes = 4096;
	s.header->threads_peak = 5; /* below what lives: may not be shown */
	s.header->threads_base = 1;
	segment_publish(&s);
	a = attach_or_die(own_name(&s));
	check_values(a, &s);
	fill_header(s.header);
	s.header->available = UINT64_MAX;
	check_values(a, &s);
	s.header->peak_bytes = 1;
	s.slots[OVERFLOW_SLOTS].alloc_bytes++;
	is_u64(snapshot_u64(look(a), METRIC_HEAP_ALLOCS_BYTES),
	       want_sum(metric_by_id(METRIC_HEAP_ALLOCS_BYTES)) + 1,
	       "a later snapshot sees later counts");
	s.slots[OVERFLOW_SLOTS].alloc_bytes--;
	s.slots[SLOTS_MAX - 1].alloc_by_size[SIZE_BUCKETS - 1]++;
	is_u64(snapshot_u64(look(a), METRIC_HEAP_ALLOCS_OBJECTS),
	       want_sum(metric_by_id(METRIC_HEAP_ALLOCS_OBJECTS)) + 1,
	       "and the last bucket of the last slot");
	s.slots[SLOTS_MAX - 1].alloc_by_size[SIZE_BUCKETS - 1]--;
	check_values(a, &s);
	attach_close(a);
	drop_and_unlink(&s);
}

static void test_fresh_values(void)
{
	struct segment_request request = own_request();
	const struct snapshot *got;
	struct attachment *a;
	struct segment s;

	create_or_die(&s, &request);
	segment_publish(&s);
	a = attach_or_die(own_name(&s));
	got = look(a);
	is_u64(snapshot_u64(got, METRIC_HEAP_LIVE_BYTES), 0, "fresh: live");
	is_u64(snapshot_u64(got, METRIC_HEAP_PEAK_BYTES), 0, "fresh: peak");
	is_u64(snapshot_u64(got, METRIC_THREADS_LIVE_THREADS), 1,
	       "fresh: the main thread");
	is_u64(snapshot_u64(got, METRIC_THREADS_PEAK_THREADS), 1,
	       "fresh: most threads");
	is_u64(got->histogram_count, 2, "fresh: histograms");
	for (unsigned i = 0; i < SIZE_BUCKETS; i++)
		is_u64(got->histograms[0].counts[i] +
		       got->histograms[1].counts[i], 0, "fresh: bucket %u", i);
	attach_close(a);
	drop_and_unlink(&s);
}

/* A mapped read of a hole would take a page of the target's tmpfs. */
static void test_reading_is_free(void)
{
	struct segment_request request = own_request();
	struct attachment *a;
	struct segment s;
	struct stat before, after;

	create_or_die(&s, &request);
	segment_publish(&s);
	a = attach_or_die(own_name(&s));
	stat(s.path, &before);
	look(a);
	stat(s.path, &after);
	is_u64((uint64_t)after.st_blocks, (uint64_t)before.st_blocks,
	       "reading takes no memory of the target");
	attach_close(a);
	drop_and_unlink(&s);
}

static void test_clamped(void)
{
	struct segment_image image = quiet_image();
	const struct snapshot *got;

	image_slot(&image, 20)->alloc_by_size[0] = 3;
	image_slot(&image, 21)->free_by_size[SIZE_BUCKETS - 1] = 4;
	image_slot(&image, 20)->alloc_bytes = 500;
	got = look_once(&image);
	is_u64(snapshot_u64(got, METRIC_HEAP_LIVE_OBJECTS), 0,
	       "clamped: never below zero");
	is_u64(snapshot_u64(got, METRIC_HEAP_LIVE_BYTES), 500,
	       "clamped: the other one is not");
	ok(got->approximate, "clamped: and it says so");
	image_slot(&image, 21)->alloc_by_size[1] = 1;
	got = look_once(&image);
	ok(!got->approximate, "not clamped at exactly zero");
	image_header(&image)->flags |= SEGMENT_BASELINE_APPROX;
	got = look_once(&image);
	ok(got->approximate, "a guessed baseline is approximate");
	image_release(&image);
}

/* What a child was born with covers the frees it makes of it. */
static void test_inherited(void)
{
	struct segment_image image = quiet_image();
	const struct snapshot *got;

	image_header(&image)->inherited_objects = 5;
	image_header(&image)->inherited_bytes = 50;
	image_slot(&image, 16)->free_by_size[2] = 5;
	image_slot(&image, 16)->free_bytes = 49;
	got = look_once(&image);
	is_u64(snapshot_u64(got, METRIC_HEAP_LIVE_OBJECTS), 0,
	       "inherited: all freed");
	is_u64(snapshot_u64(got, METRIC_HEAP_LIVE_BYTES), 1,
	       "inherited: all but one");
	ok(!got->approximate, "inherited: exact");
	image_release(&image);
}

/* Sums beyond 32 and near 64 bits. */
static void test_large(void)
{
	struct segment_image image = quiet_image();
	const struct snapshot *got;

	image_slot(&image, 16)->alloc_bytes = (1ULL << 62) + 5;
	image_slot(&image, 17)->alloc_bytes = 1ULL << 62;
	image_slot(&image, 18)->free_bytes = (1ULL << 63) - 1;
	image_slot(&image, 16)->alloc_by_size[0] = (1ULL << 62) + 5;
	image_slot(&image, 17)->alloc_by_size[SIZE_BUCKETS - 1] = 1ULL << 62;
	image_slot(&image, 18)->free_by_size[7] = (1ULL << 63) - 1;
	got = look_once(&image);
	is_u64(snapshot_u64(got, METRIC_HEAP_ALLOCS_BYTES), (1ULL << 63) + 5,
	       "large: sum");
	is_u64(snapshot_u64(got, METRIC_HEAP_LIVE_BYTES), 6,
	       "large: difference");
	is_u64(snapshot_u64(got, METRIC_HEAP_ALLOCS_OBJECTS), (1ULL << 63) + 5,
	       "large: total");
	is_u64(snapshot_u64(got, METRIC_HEAP_LIVE_OBJECTS), 6,
	       "large: difference of totals");
	image_release(&image);
}

/* What lies behind the committed slots is not read, even when it is there. */
static void test_committed_limit(void)
{
	struct segment_image image = fresh_image();
	const struct snapshot *got;

	image_header(&image)->slots_committed = 20;
	got = look_once(&image);
	is_u64(snapshot_u64(got, METRIC_HEAP_ALLOCS_OBJECTS), 200,
	       "only committed slots count");
	image_header(&image)->slots_committed = UINT32_MAX;
	image_header(&image)->slots_hwm = UINT32_MAX;
	got = look_once(&image);
	is_u64(snapshot_u64(got, METRIC_HEAP_ALLOCS_OBJECTS),
	       10 * FRESH_SLOTS,
	       "and no more than there are");
	image_release(&image);
}

/* --- other versions --- */

static void rename_metric(struct metric_entry *e, uint16_t id,
			  const char *key)
{
	memset(e->key, 0, sizeof(e->key));
	memset(e->brief, 0, sizeof(e->brief));
	strcpy(e->key, key);
	strcpy(e->brief, "something of the future");
	e->id = id;
}

#define NEWER_ROW   192  /* bytes, of which we know 128 */
#define NEWER_SLOT  1536 /* bytes, of which we know 1024 */
#define NEWER_WORD  1160 /* where its own counter is */
#define NEWER_ARRAY 1176 /* where its own histogram is */

/* A counter and a histogram behind what we know of a slot. */
static void add_newer_metrics(struct segment_image *image)
{
	struct segment_header *h = image_header(image);
	struct metric_entry *e = image_metric(image, h->metrics.count++);

	rename_metric(e, 900, "/future/things:objects");
	e->kind = METRIC_COUNTER;
	e->unit = UNIT_OBJECTS;
	e->scope = SCOPE_SLOT;
	e->offset = NEWER_WORD;
	e = image_metric(image, h->metrics.count++);
	rename_metric(e, 902, "/future/waits:bytes");
	e->kind = METRIC_HISTOGRAM;
	e->unit = UNIT_BYTES;
	e->scope = SCOPE_BUCKETS;
	e->offset = NEWER_ARRAY;
	e->operand[0] = 20;
	e->operand[1] = 0;
	for (unsigned i = 0; i < h->slots.count; i++) {
		char *slot = (char *)image_slot(image, i);

		slot[NEWER_WORD] = (char)(i & 1);
		slot[NEWER_ARRAY + 19 * 8] = 1;
	}
}

/* Everything larger than ours. */
static void make_newer(struct segment_image *image)
{
	uint64_t table = image_extend(image, METRICS_MAX * NEWER_ROW);
	uint64_t slots = image_extend(image, FRESH_SLOTS * NEWER_SLOT);
	struct segment_header *h;

	h = image_header(image);
	for (unsigned i = 0; i < h->metrics.count; i++)
		memcpy(image->bytes + table + i * NEWER_ROW,
		       image_metric(image, i), sizeof(struct metric_entry));
	for (unsigned i = 0; i < h->slots.count; i++)
		memcpy(image->bytes + slots + i * NEWER_SLOT,
		       image_slot(image, i), sizeof(struct slot));
	h->metrics.offset_bytes = table;
	h->metrics.stride_bytes = NEWER_ROW;
	h->slots.offset_bytes = slots;
	h->slots.stride_bytes = NEWER_SLOT;
	h->header_bytes = 1024;
	h->abi = 7;
	add_newer_metrics(image);
}

static void check_newer_histogram(const struct snapshot *got)
{
	const struct metric_value *v = snapshot_value(got, (enum metric_id)902);
	const struct size_histogram *h = v ? snapshot_histogram(got, v) : NULL;

	if (!ok(h, "newer: an unknown histogram is shown"))
		return;
	is_str(v->key, "/future/waits:bytes", "newer: its key");
	is_u64(h->count, 20, "newer: its buckets");
	is_u64(h->first_log2, 0, "newer: its first bound");
	is_u64(h->counts[19], FRESH_SLOTS, "newer: its last count");
	for (unsigned i = 0; i < 19; i++)
		is_u64(h->counts[i], 0, "newer: its count %u", i);
	is_u64(got->histogram_count, 3, "newer: beside those we know");
}

static void test_newer_writer(void)
{
	struct segment_image image = fresh_image();
	const struct snapshot *got;
	const struct metric_value *v;

	make_newer(&image);
	got = look_once(&image);
	v = snapshot_value(got, (enum metric_id)900);
	if (ok(v, "newer: an unknown metric is shown")) {
		is_str(v->key, "/future/things:objects", "newer: its key");
		is_str(v->brief, "something of the future", "newer: brief");
		is_u64(v->kind, METRIC_COUNTER, "newer: kind");
		is_u64(v->unit, UNIT_OBJECTS, "newer: unit");
		is_u64(v->value.u64, FRESH_SLOTS / 2, "newer: value");
	}
	check_newer_histogram(got);
	is_u64(snapshot_u64(got, METRIC_HEAP_LIVE_BYTES), FRESH_SLOTS * 600,
	       "newer: known ones are as ever");
	image_release(&image);
}

/* A writer that lacks a metric, and one with a scope from the future. */
static void test_absent(void)
{
	struct segment_image image = fresh_image();
	unsigned count = image_header(&image)->metrics.count;
	const struct snapshot *got;

	for (unsigned i = 0; i < count; i++) {
		struct metric_entry *e = image_metric(&image, i);

		if (e->id == METRIC_HEAP_REALLOCS_CALLS)
			rename_metric(e, 901, "/future/other:objects");
		if (e->id == METRIC_HEAP_PEAK_SLACK_BYTES)
			e->scope = 99;
	}
	got = look_once(&image);
	ok(!snapshot_value(got, METRIC_HEAP_REALLOCS_CALLS),
	   "absent: no value");
	is_u64(snapshot_u64(got, METRIC_HEAP_REALLOCS_CALLS), 0,
	       "absent: 0 as a number");
	ok(!snapshot_value(got, METRIC_HEAP_PEAK_SLACK_BYTES),
	   "absent: of an unknown scope");
	is_u64(got->count, count - 1, "absent: all others are there");
	image_release(&image);
}

/* A word that does not lie like one, or not inside its slot or header. */
static void test_bad_offsets(void)
{
	static const uint32_t bad[] = { 1, 4, 7, sizeof(struct slot),
					sizeof(struct slot) - 4, UINT32_MAX,
					UINT32_MAX - 7 };

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct segment_image image = fresh_image();
		const struct snapshot *got;

		for (unsigned m = 0; m < image_header(&image)->metrics.count;
		     m++)
			if (image_metric(&image, m)->id ==
			    METRIC_HEAP_REALLOCS_CALLS)
				image_metric(&image, m)->offset = bad[i];
		got = look_once(&image);
		ok(!snapshot_value(got, METRIC_HEAP_REALLOCS_CALLS),
		   "offset %u: not shown", (unsigned)bad[i]);
		ok(snapshot_value(got, METRIC_HEAP_LIVE_BYTES),
		   "offset %u: others are", (unsigned)bad[i]);
		image_release(&image);
	}
}

/* Without an operand there is no true difference: absent, not wrong. */
static void test_absent_operand(void)
{
	struct segment_image image = fresh_image();
	const struct snapshot *got;

	for (unsigned i = 0; i < image_header(&image)->metrics.count; i++) {
		struct metric_entry *e = image_metric(&image, i);

		if (e->id == METRIC_HEAP_FREES_BYTES)
			rename_metric(e, 901, "/future/other:bytes");
	}
	got = look_once(&image);
	ok(!snapshot_value(got, METRIC_HEAP_LIVE_BYTES),
	   "an operand is missing: no value");
	ok(snapshot_value(got, METRIC_HEAP_LIVE_OBJECTS),
	   "an operand is missing: others stay");
	image_release(&image);
}

/* --- values that the reader adds --- */

static void test_add(void)
{
	static struct snapshot s;
	const struct metric_value *v;

	ok(snapshot_add_u64(&s, METRIC_PROCESS_RESIDENT_BYTES, 12345),
	   "add: a number");
	ok(snapshot_add_f64(&s, METRIC_PROCESS_UPTIME_SECONDS, 1.5),
	   "add: a fraction");
	is_u64(s.count, 2, "add: both are there");
	v = snapshot_value(&s, METRIC_PROCESS_RESIDENT_BYTES);
	ok(v && v->value.u64 == 12345 && v->unit == UNIT_BYTES &&
	   v->kind == METRIC_GAUGE, "add: number, unit, kind");
	is_str(v ? v->key : NULL, "/process/resident:bytes", "add: key");
	is_str(v ? v->brief : NULL,
	       metric_by_id(METRIC_PROCESS_RESIDENT_BYTES)->brief,
	       "add: brief");
	v = snapshot_value(&s, METRIC_PROCESS_UPTIME_SECONDS);
	ok(v && v->value.f64 == 1.5 && v->unit == UNIT_SECONDS,
	   "add: the fraction");
	ok(!snapshot_add_u64(&s, (enum metric_id)999, 1),
	   "add: no unknown number");
	ok(!snapshot_add_f64(&s, (enum metric_id)999, 1),
	   "add: no unknown fraction");
	is_u64(s.count, 2, "add: nothing else came in");
	s.count = SNAPSHOT_VALUES_MAX;
	ok(!snapshot_add_u64(&s, METRIC_PROCESS_VIRTUAL_BYTES, 1),
	   "add: not when full");
	is_u64(s.count, SNAPSHOT_VALUES_MAX, "add: still full");
	ok(!snapshot_histogram(&s, &s.values[0]) &&
	   !snapshot_histogram(&s, &s.values[1]), "add: no histograms");
}

/* The reader's own four must fit beside whatever a segment brings. */
static void test_add_to_many(void)
{
	struct segment_image image = fresh_image();
	static struct snapshot s;
	struct attachment *a = NULL;
	size_t count;
	const struct mutation *all = mutations_all(&count);

	for (size_t i = 0; i < count; i++)
		if (strcmp(all[i].name, "metric-rows_1000") == 0)
			mutation_apply(&all[i], &image);
	write_image(&image);
	image_release(&image);
	if (attach_open(&a, sandbox.dirfd, IMAGE_NAME, 0) != ATTACH_OK) {
		ok(true, "1000 metrics are refused");
		return;
	}
	attach_snapshot(a, &s);
	ok(snapshot_add_u64(&s, METRIC_PROCESS_RESIDENT_BYTES, 1) &&
	   snapshot_add_u64(&s, METRIC_PROCESS_ANONYMOUS_BYTES, 1) &&
	   snapshot_add_u64(&s, METRIC_PROCESS_VIRTUAL_BYTES, 1) &&
	   snapshot_add_f64(&s, METRIC_PROCESS_UPTIME_SECONDS, 1),
	   "1000 metrics leave room for those of the kernel");
	attach_close(a);
}

/* --- identity --- */

static void test_identity(void)
{
	struct segment_image image = fresh_image();
	struct segment_header *h = image_header(&image);
	struct attachment *a;
	const struct target_identity *id;

	h->exec_count = 3;
	h->flags |= SEGMENT_BASELINE_APPROX;
	h->coverage = COVERAGE_PARTIAL;
	strcpy(h->coverage_reason, "a private allocator");
	a = attach_image(&image);
	id = attach_identity(a);
	is_u64((uint64_t)id->pid, (uint64_t)h->pid, "identity: pid");
	is_u64((uint64_t)id->parent_pid, 1, "identity: parent");
	is_u64(id->uid, geteuid(), "identity: uid");
	is_u64(id->exec_count, 3, "identity: execs");
	is_u64(id->starttime_ticks, 4711, "identity: start time");
	is_u64(id->pidns_inode, 1, "identity: namespace");
	is_u64(id->started_realtime_ns, h->started_realtime_ns,
	       "identity: time of day");
	is_u64(id->started_monotonic_ns, h->started_monotonic_ns,
	       "identity: monotonic time");
	is_str(id->instance, "0111213141516171" "8191a1b1c1d1e1f1",
	       "identity: instance");
	is_str(id->comm, "forged", "identity: comm");
	is_str(id->exe, "/usr/bin/forged", "identity: exe");
	is_str(id->provider, "glibc 2.36", "identity: provider");
	is_str(id->coverage, "partial", "identity: coverage");
	is_str(id->coverage_reason, "a private allocator",
	       "identity: its reason");
	ok(id->baseline_approximate, "identity: baseline");
	attach_close(a);
	image_release(&image);
}

/* Every byte of a field may be used, and none is dropped or altered. */
static void test_raw_strings(void)
{
	struct segment_image image = fresh_image();
	struct segment_header *h = image_header(&image);
	struct attachment *a;
	const struct target_identity *id;

	memset(h->comm, '\033', sizeof(h->comm));
	memset(h->exe, 'e', sizeof(h->exe));
	memset(h->provider, 0xff, sizeof(h->provider));
	memset(h->coverage_reason, '\n', sizeof(h->coverage_reason));
	a = attach_image(&image);
	id = attach_identity(a);
	is_u64(strlen(id->comm), 16, "strings: comm");
	is_u64(strlen(id->exe), 128, "strings: exe");
	is_u64(strlen(id->provider), 48, "strings: provider");
	is_u64(strlen(id->coverage_reason), 72, "strings: reason");
	is_u64((uint64_t)id->comm[0], '\033', "strings: not altered");
	attach_close(a);
	image_release(&image);
}

/* A reason alone is one that is being written. */
static void test_coverage_changes(void)
{
	struct segment_request request = own_request();
	struct segment s;
	struct attachment *a;
	const struct snapshot *now;

	create_or_die(&s, &request);
	s.header->coverage = COVERAGE_FULL;
	segment_publish(&s);
	a = attach_or_die(own_name(&s));
	memset(s.header->coverage_reason, 'r', sizeof(s.header->coverage_reason));
	now = look(a);
	is_str(now->coverage, "full", "coverage: at first");
	is_str(now->coverage_reason, "", "coverage: no reason yet");
	s.header->coverage = COVERAGE_PARTIAL;
	now = look(a);
	is_str(now->coverage, "partial", "coverage: later");
	is_u64(strlen(now->coverage_reason), sizeof(s.header->coverage_reason),
	       "coverage: the whole reason, terminated");
	s.header->coverage = 99;
	is_str(look(a)->coverage, "none", "coverage: one that nobody knows");
	attach_close(a);
	drop_and_unlink(&s);
}

int main(void)
{
	sandbox_init();
	alarm(300);
	RUN(test_values());
	RUN(test_fresh_values());
	RUN(test_reading_is_free());
	RUN(test_clamped());
	RUN(test_inherited());
	RUN(test_large());
	RUN(test_committed_limit());
	RUN(test_newer_writer());
	RUN(test_absent());
	RUN(test_absent_operand());
	RUN(test_bad_offsets());
	RUN(test_add());
	RUN(test_add_to_many());
	RUN(test_identity());
	RUN(test_raw_strings());
	RUN(test_coverage_changes());
	return done();
}
