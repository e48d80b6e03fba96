/* SPDX-License-Identifier: MIT */
/*
 * Histograms of a segment: which rows of the metric table are taken for one,
 * what they count, their bounds; totals of them, and of what is none. That
 * our own read back exactly: test_snapshot.c; under load: test_concurrency.c.
 */
#include "shm/metrics.h"
#include "tests/unit/own_image.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define AT_FREES  ((uint32_t)offsetof(struct slot, free_by_size))
#define AT_ALLOCS ((uint32_t)offsetof(struct slot, alloc_by_size))
#define SLOT_END  ((uint32_t)sizeof(struct slot))

static struct metric_entry *row_of(struct segment_image *image, unsigned id)
{
	for (unsigned i = 0; i < image_header(image)->metrics.count; i++)
		if (image_metric(image, i)->id == id)
			return image_metric(image, i);
	abort();
}

static bool shows(const struct snapshot *s, unsigned id)
{
	return snapshot_value(s, (enum metric_id)id) != NULL;
}

/* NULL where there is no such value, or it is no histogram. */
static const struct size_histogram *histogram_of(const struct snapshot *s,
						 unsigned id)
{
	const struct metric_value *v = snapshot_value(s, (enum metric_id)id);

	return v ? snapshot_histogram(s, v) : NULL;
}

/* --- rows that are histograms --- */

static const struct {
	const char *name;
	uint16_t buckets;
	uint16_t first_log2;
	uint32_t offset;
} good[] = {
	{ "one bucket", 1, 0, AT_ALLOCS },
	{ "one bucket, the highest bound", 1, 63, AT_ALLOCS },
	{ "one bucket, the last word", 1, 3, SLOT_END - 8 },
	{ "one bucket, the first word", 1, 3, 0 },
	{ "two buckets, the highest bound", 2, 62, AT_ALLOCS },
	{ "our buckets, the highest bound", SIZE_BUCKETS, 16, AT_ALLOCS },
	{ "our buckets, at the end of the slot", SIZE_BUCKETS, 3,
	  SLOT_END - 8 * SIZE_BUCKETS },
	{ "the most buckets", HISTOGRAM_BUCKETS_MAX, 0, AT_FREES },
	{ "the most buckets, at the end of the slot", HISTOGRAM_BUCKETS_MAX, 0,
	  SLOT_END - 8 * HISTOGRAM_BUCKETS_MAX },
};

/* Every word of every slot its own number. */
static uint64_t word_at(unsigned slot, uint32_t offset)
{
	return 1000 * offset + slot;
}

static void fill_words(struct segment_image *image)
{
	for (unsigned i = 0; i < FRESH_SLOTS; i++)
		for (uint32_t at = 0; at < SLOT_END; at += 8)
			*(uint64_t *)(void *)((char *)image_slot(image, i) +
					      at) = word_at(i, at);
}

static uint64_t want_count(uint32_t offset)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < FRESH_SLOTS; i++)
		sum += word_at(i, offset);
	return sum;
}

static void check_counts(const struct snapshot *s, size_t i)
{
	const struct size_histogram *h =
		histogram_of(s, METRIC_HEAP_ALLOCS_BY_SIZE_BYTES);
	uint64_t total = 0;

	if (!ok(h, "%s: is shown", good[i].name))
		return;
	is_u64(h->count, good[i].buckets, "%s: buckets", good[i].name);
	is_u64(h->first_log2, good[i].first_log2, "%s: first", good[i].name);
	for (unsigned b = 0; b < good[i].buckets; b++) {
		uint64_t want = want_count(good[i].offset + 8 * b);

		is_u64(h->counts[b], want, "%s: count %u", good[i].name, b);
		total += want;
	}
	is_u64(snapshot_u64(s, METRIC_HEAP_ALLOCS_OBJECTS), total, "%s: total",
	       good[i].name);
}

static void check_bounds(const struct size_histogram *h, const char *name)
{
	for (unsigned b = 0; b + 1 < h->count; b++)
		is_u64(histogram_upper_bound(h, b),
		       1ULL << (h->first_log2 + b), "%s: bound %u", name, b);
	is_u64(histogram_upper_bound(h, h->count - 1), UINT64_MAX,
	       "%s: no bound at the end", name);
	is_u64(histogram_upper_bound(h, h->count), UINT64_MAX,
	       "%s: nor behind it", name);
}

static void test_good_rows(void)
{
	for (size_t i = 0; i < COUNT_OF(good); i++) {
		struct segment_image image = fresh_image();
		struct metric_entry *e =
			row_of(&image, METRIC_HEAP_ALLOCS_BY_SIZE_BYTES);
		const struct snapshot *s;

		fill_words(&image);
		e->operand[0] = good[i].buckets;
		e->operand[1] = good[i].first_log2;
		e->offset = good[i].offset;
		s = look_once(&image);
		check_counts(s, i);
		if (histogram_of(s, METRIC_HEAP_ALLOCS_BY_SIZE_BYTES))
			check_bounds(histogram_of(s,
				     METRIC_HEAP_ALLOCS_BY_SIZE_BYTES),
				     good[i].name);
		image_release(&image);
	}
}

/* --- rows that are none --- */

#define HISTOGRAMS 4 /* rows of the registry */

/* As ours unless told otherwise. */
#define BUCKETS_ROW .buckets = SIZE_BUCKETS, .first_log2 = SIZE_FIRST_LOG2, \
		    .offset = AT_ALLOCS, .kind = METRIC_HISTOGRAM,          \
		    .scope = SCOPE_BUCKETS, .unit = UNIT_BYTES

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverride-init"
static const struct bad_row {
	const char *name;
	uint16_t buckets;
	uint16_t first_log2;
	uint32_t offset;
	uint8_t kind;
	uint8_t scope;
	uint8_t unit;
} bad[] = {
	{ BUCKETS_ROW, .name = "0 buckets", .buckets = 0 },
	{ BUCKETS_ROW, .name = "0 buckets from 2^64", .buckets = 0,
	  .first_log2 = 64 },
	{ BUCKETS_ROW, .name = "65 buckets", .buckets = 65, .first_log2 = 0,
	  .offset = 0 },
	{ BUCKETS_ROW, .name = "65535 buckets", .buckets = UINT16_MAX },
	{ BUCKETS_ROW, .name = "buckets wrap with the first bound",
	  .buckets = 2, .first_log2 = UINT16_MAX },
	{ BUCKETS_ROW, .name = "first bound 2^17", .first_log2 = 17 },
	{ BUCKETS_ROW, .name = "first bound 2^64", .buckets = 1,
	  .first_log2 = 64 },
	{ BUCKETS_ROW, .name = "64 buckets from 2", .buckets = 64,
	  .first_log2 = 1, .offset = AT_FREES },
	{ BUCKETS_ROW, .name = "first bound 2^65535", .buckets = 1,
	  .first_log2 = UINT16_MAX },
	{ BUCKETS_ROW, .name = "a word over the end",
	  .offset = SLOT_END - 8 * SIZE_BUCKETS + 8 },
	{ BUCKETS_ROW, .name = "half a word over the end",
	  .offset = SLOT_END - 8 * SIZE_BUCKETS + 4 },
	{ BUCKETS_ROW, .name = "all but a word over the end",
	  .offset = SLOT_END - 8 },
	{ BUCKETS_ROW, .name = "two words at the last", .buckets = 2,
	  .offset = SLOT_END - 8 },
	{ BUCKETS_ROW, .name = "behind the end", .offset = SLOT_END },
	{ BUCKETS_ROW, .name = "one word behind the end", .buckets = 1,
	  .offset = SLOT_END },
	{ BUCKETS_ROW, .name = "end wraps to 0",
	  .offset = UINT32_MAX - 8 * SIZE_BUCKETS + 1 },
	{ BUCKETS_ROW, .name = "end wraps into the slot",
	  .offset = UINT32_MAX - 7 },
	{ BUCKETS_ROW, .name = "unaligned by 1", .offset = AT_FREES + 1 },
	{ BUCKETS_ROW, .name = "unaligned by 4", .offset = AT_FREES + 4 },
	{ BUCKETS_ROW, .name = "unaligned by 7", .offset = AT_FREES - 7 },
	{ BUCKETS_ROW, .name = "in seconds", .unit = UNIT_SECONDS },
	{ BUCKETS_ROW, .name = "kind 0", .kind = 0 },
	{ BUCKETS_ROW, .name = "a counter", .kind = METRIC_COUNTER },
	{ BUCKETS_ROW, .name = "a gauge", .kind = METRIC_GAUGE },
	{ BUCKETS_ROW, .name = "a highwater", .kind = METRIC_HIGHWATER },
	{ BUCKETS_ROW, .name = "kind 5", .kind = 5 },
	{ BUCKETS_ROW, .name = "kind 255", .kind = 255 },
	{ BUCKETS_ROW, .name = "scope 0", .scope = 0 },
	{ BUCKETS_ROW, .name = "of one word", .scope = SCOPE_SLOT },
	{ BUCKETS_ROW, .name = "of the header", .scope = SCOPE_GLOBAL },
	{ BUCKETS_ROW, .name = "derived", .scope = SCOPE_DERIVED },
	{ BUCKETS_ROW, .name = "a peak", .scope = SCOPE_PEAK },
	{ BUCKETS_ROW, .name = "of the kernel", .scope = SCOPE_KERNEL },
	{ BUCKETS_ROW, .name = "a total", .scope = SCOPE_TOTAL,
	  .buckets = METRIC_HEAP_FREES_BY_SIZE_BYTES },
	{ BUCKETS_ROW, .name = "scope 8", .scope = 8 },
};
#pragma GCC diagnostic pop

static void spoil(struct metric_entry *e, const struct bad_row *b)
{
	e->operand[0] = b->buckets;
	e->operand[1] = b->first_log2;
	e->offset = b->offset;
	e->kind = b->kind;
	e->scope = b->scope;
	e->unit = b->unit;
}

/* Neither is what is made of it, and all others are as ever. */
static void check_without_allocs(const struct segment_image *image,
				 unsigned rows, const char *name)
{
	const struct snapshot *s = look_once(image);

	ok(!shows(s, METRIC_HEAP_ALLOCS_BY_SIZE_BYTES), "%s: not shown", name);
	ok(!shows(s, METRIC_HEAP_ALLOCS_OBJECTS), "%s: no total", name);
	ok(!shows(s, METRIC_HEAP_LIVE_OBJECTS), "%s: no difference", name);
	is_u64(s->count, rows - 3, "%s: all others are", name);
	is_u64(s->histogram_count, HISTOGRAMS - 1, "%s: the other histograms", name);
	ok(histogram_of(s, METRIC_HEAP_FREES_BY_SIZE_BYTES) ==
	   &s->histograms[0], "%s: the other one", name);
	is_u64(snapshot_u64(s, METRIC_HEAP_FREES_OBJECTS), 4 * FRESH_SLOTS,
	       "%s: its total", name);
	is_u64(snapshot_u64(s, METRIC_HEAP_LIVE_BYTES), 600 * FRESH_SLOTS,
	       "%s: live bytes", name);
	ok(!s->approximate, "%s: what is shown is exact", name);
}

static void test_bad_rows(void)
{
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		struct segment_image image = fresh_image();
		unsigned rows = image_header(&image)->metrics.count;

		spoil(row_of(&image, METRIC_HEAP_ALLOCS_BY_SIZE_BYTES),
		      &bad[i]);
		check_without_allocs(&image, rows, bad[i].name);
		image_release(&image);
	}
}

/* Frees are read first and again: the other path through the reader. */
static void test_bad_frees_row(void)
{
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		struct segment_image image = fresh_image();
		const struct snapshot *s;

		spoil(row_of(&image, METRIC_HEAP_FREES_BY_SIZE_BYTES), &bad[i]);
		s = look_once(&image);
		ok(!shows(s, METRIC_HEAP_FREES_BY_SIZE_BYTES) &&
		   !shows(s, METRIC_HEAP_FREES_OBJECTS) &&
		   !shows(s, METRIC_HEAP_LIVE_OBJECTS),
		   "%s: neither shown nor used", bad[i].name);
		is_u64(snapshot_u64(s, METRIC_HEAP_ALLOCS_OBJECTS),
		       10 * FRESH_SLOTS, "%s: the other one is",
		       bad[i].name);
		is_u64(s->skew_objects, 0, "%s: no skew", bad[i].name);
		image_release(&image);
	}
}

/* --- totals --- */

/* What a total may not be of: there is nothing to add up. */
static const struct {
	const char *name;
	uint16_t of;
} no_histograms[] = {
	{ "none", 0 },
	{ "a missing metric", 60000 },
	{ "a counter of the slots", METRIC_HEAP_REALLOCS_CALLS },
	{ "a word of the header", METRIC_HEAP_PEAK_SLACK_BYTES },
	{ "a difference", METRIC_HEAP_LIVE_BYTES },
	{ "a difference of it", METRIC_HEAP_LIVE_OBJECTS },
	{ "a peak", METRIC_HEAP_PEAK_BYTES },
	{ "another total", METRIC_HEAP_FREES_OBJECTS },
	{ "itself", METRIC_HEAP_ALLOCS_OBJECTS },
	{ "a metric of the kernel", METRIC_PROCESS_RESIDENT_BYTES },
};

static void test_bad_totals(void)
{
	for (size_t i = 0; i < COUNT_OF(no_histograms); i++) {
		struct segment_image image = fresh_image();
		unsigned rows = image_header(&image)->metrics.count;
		const struct snapshot *s;

		row_of(&image, METRIC_HEAP_ALLOCS_OBJECTS)->operand[0] =
			no_histograms[i].of;
		s = look_once(&image);
		ok(!shows(s, METRIC_HEAP_ALLOCS_OBJECTS), "of %s: not shown",
		   no_histograms[i].name);
		ok(!shows(s, METRIC_HEAP_LIVE_OBJECTS),
		   "of %s: no difference", no_histograms[i].name);
		is_u64(s->count, rows - 2, "of %s: all others are",
		       no_histograms[i].name);
		is_u64(s->histogram_count, HISTOGRAMS, "of %s: histograms are",
		       no_histograms[i].name);
		ok(!s->approximate, "of %s: nothing is clamped",
		   no_histograms[i].name);
		image_release(&image);
	}
}

/* Rows may come in any order, and two totals may be of one histogram. */
static void test_order(void)
{
	struct segment_image image = fresh_image();
	unsigned last = image_header(&image)->metrics.count - 1;
	const struct snapshot *s;

	for (unsigned i = 0; i < last - i; i++) {
		struct metric_entry a = *image_metric(&image, i);

		*image_metric(&image, i) = *image_metric(&image, last - i);
		*image_metric(&image, last - i) = a;
	}
	row_of(&image, METRIC_HEAP_REALLOCS_CALLS)->scope = SCOPE_TOTAL;
	row_of(&image, METRIC_HEAP_REALLOCS_CALLS)->operand[0] =
		METRIC_HEAP_FREES_BY_SIZE_BYTES;
	s = look_once(&image);
	is_u64(snapshot_u64(s, METRIC_HEAP_ALLOCS_OBJECTS), 10 * FRESH_SLOTS,
	       "order: total");
	is_u64(snapshot_u64(s, METRIC_HEAP_FREES_OBJECTS), 4 * FRESH_SLOTS,
	       "order: total of what is subtracted");
	is_u64(snapshot_u64(s, METRIC_HEAP_REALLOCS_CALLS), 4 * FRESH_SLOTS,
	       "order: a second total");
	is_u64(snapshot_u64(s, METRIC_HEAP_LIVE_OBJECTS), 6 * FRESH_SLOTS,
	       "order: difference");
	is_u64(s->count, last + 1, "order: all are there");
	image_release(&image);
}

/* --- more than there is room for --- */

#define EXTRA 6

/* Row i of them: a histogram of i + 1 buckets, with a total. */
static void add_histograms(struct segment_image *image)
{
	struct segment_header *h = image_header(image);

	for (unsigned i = 0; i < EXTRA; i++) {
		struct metric_entry *e = image_metric(image, h->metrics.count++);

		*e = *row_of(image, METRIC_HEAP_ALLOCS_BY_SIZE_BYTES);
		e->id = (uint16_t)(900 + i);
		e->operand[0] = (uint16_t)(IMAGE_BUCKET + 1 + i);
		e = image_metric(image, h->metrics.count++);
		*e = *row_of(image, METRIC_HEAP_ALLOCS_OBJECTS);
		e->id = (uint16_t)(950 + i);
		e->operand[0] = (uint16_t)(900 + i);
	}
}

static void check_extra(const struct snapshot *s, unsigned i)
{
	const struct size_histogram *h = histogram_of(s, 900 + i);

	ok(!shows(s, 900 + i) || h, "extra %u: absent, or with counts", i);
	if (h) {
		is_u64(h->count, IMAGE_BUCKET + 1 + i, "extra %u: its own", i);
		is_u64(h->counts[IMAGE_BUCKET], 10 * FRESH_SLOTS,
		       "extra %u: count", i);
	}
	ok(!shows(s, 950 + i) ||
	   snapshot_u64(s, (enum metric_id)(950 + i)) == 10 * FRESH_SLOTS,
	   "extra %u: total absent or exact", i);
}

static void test_too_many(void)
{
	struct segment_image image = fresh_image();
	const struct snapshot *s;
	unsigned shown = 0;

	add_histograms(&image);
	s = look_once(&image);
	is_u64(s->histogram_count, SNAPSHOT_HISTOGRAMS_MAX,
	       "too many: as many as there is room for");
	for (size_t i = 0; i < s->count; i++)
		shown += s->values[i].kind == METRIC_HISTOGRAM;
	is_u64(shown, SNAPSHOT_HISTOGRAMS_MAX, "too many: the rest is absent");
	for (unsigned i = 0; i < EXTRA; i++)
		check_extra(s, i);
	is_u64(snapshot_u64(s, METRIC_HEAP_ALLOCS_OBJECTS), 10 * FRESH_SLOTS,
	       "too many: our total");
	is_u64(snapshot_u64(s, METRIC_HEAP_LIVE_OBJECTS), 6 * FRESH_SLOTS,
	       "too many: our difference");
	ok(histogram_of(s, METRIC_HEAP_ALLOCS_BY_SIZE_BYTES) &&
	   histogram_of(s, METRIC_HEAP_FREES_BY_SIZE_BYTES),
	   "too many: those we know are among them");
	image_release(&image);
}

/* --- values that are no histogram --- */

static void test_forged_values(void)
{
	struct segment_image image = fresh_image();
	struct snapshot s = *look_once(&image);
	struct metric_value v =
		*snapshot_value(&s, METRIC_HEAP_ALLOCS_BY_SIZE_BYTES);

	ok(snapshot_histogram(&s, &v), "a copy of a value will do");
	v.value.histogram = s.histogram_count;
	ok(!snapshot_histogram(&s, &v), "one past the last");
	v.value.histogram = UINT64_MAX;
	ok(!snapshot_histogram(&s, &v), "far past the last");
	v.value.histogram = 0;
	v.kind = METRIC_COUNTER;
	ok(!snapshot_histogram(&s, &v), "of another kind");
	image_release(&image);
}

/* Ids, units and offsets are sound, and there is nothing else in the file. */
static void test_nothing_else(void)
{
	struct segment_image image = fresh_image();
	const struct snapshot *s;

	for (unsigned i = 0; i < image_header(&image)->metrics.count; i++) {
		struct metric_entry *e = image_metric(&image, i);

		e->kind = METRIC_HISTOGRAM;
		e->scope = SCOPE_BUCKETS;
		e->offset = 0;
		e->operand[0] = HISTOGRAM_BUCKETS_MAX;
		e->operand[1] = 0;
	}
	s = look_once(&image);
	is_u64(s->histogram_count, SNAPSHOT_HISTOGRAMS_MAX,
	       "all rows are histograms: as many as there is room for");
	is_u64(s->count, SNAPSHOT_HISTOGRAMS_MAX,
	       "all rows are histograms: and no other values");
	image_release(&image);
}

int main(void)
{
	sandbox_init();
	alarm(300);
	RUN(test_good_rows());
	RUN(test_bad_rows());
	RUN(test_bad_frees_row());
	RUN(test_bad_totals());
	RUN(test_order());
	RUN(test_too_many());
	RUN(test_forged_values());
	RUN(test_nothing_else());
	return done();
}
