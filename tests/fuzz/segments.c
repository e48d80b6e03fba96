/* SPDX-License-Identifier: MIT */
#include "tests/fuzz/segments.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BOGUS_PID 0x7ffffff0 /* above any pid_max */

static size_t page_bytes(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

static size_t round_to_page(size_t bytes)
{
	size_t page = page_bytes();

	return (bytes + page - 1) / page * page;
}

/* Behind the header, the control page and the metric table. */
static size_t slots_start(void)
{
	return 2 * page_bytes() +
	       round_to_page(METRICS_MAX * sizeof(struct metric_entry));
}

/* Allocation failure ends a test program: there is nothing to test then. */
static void *grown(void *old, size_t bytes)
{
	void *p = realloc(old, bytes);

	if (!p)
		abort();
	return p;
}

struct segment_header *image_header(struct segment_image *image)
{
	return (struct segment_header *)(void *)image->bytes;
}

struct metric_entry *image_metric(struct segment_image *image, unsigned index)
{
	const struct segment_section *at = &image_header(image)->metrics;

	return (struct metric_entry *)(void *)(image->bytes + at->offset_bytes +
				(size_t)index * at->stride_bytes);
}

struct slot *image_slot(struct segment_image *image, unsigned index)
{
	const struct segment_section *at = &image_header(image)->slots;

	return (struct slot *)(void *)(image->bytes + at->offset_bytes +
				(size_t)index * at->stride_bytes);
}

uint64_t image_extend(struct segment_image *image, size_t more_bytes)
{
	size_t offset = round_to_page(image->length_bytes);
	size_t length = round_to_page(offset + more_bytes);

	image->bytes = grown(image->bytes, length);
	memset(image->bytes + image->length_bytes, 0,
	       length - image->length_bytes);
	image->length_bytes = length;
	image_header(image)->file_bytes = length;
	return offset;
}

static void fill_identity(struct segment_header *h)
{
	h->pid = BOGUS_PID;
	h->parent_pid = 1;
	h->uid = (uint32_t)geteuid();
	h->starttime_ticks = 4711;
	h->pidns_inode = 1;
	for (unsigned i = 0; i < sizeof(h->instance); i++)
		h->instance[i] = (uint8_t)(0x10 * i + 1);
	h->started_realtime_ns = 1700000000ULL * 1000000000;
	h->started_monotonic_ns = 1000000000;
	strcpy(h->comm, "forged");
	strcpy(h->exe, "/usr/bin/forged");
	strcpy(h->provider, "glibc 2.36");
	h->coverage = COVERAGE_FULL;
}

static void fill_header(struct segment_header *h, unsigned slot_count)
{
	size_t page = page_bytes();

	h->magic = SEGMENT_MAGIC;
	h->byte_order = SEGMENT_BYTE_ORDER;
	h->abi = SEGMENT_ABI;
	h->abi_compat = SEGMENT_ABI_COMPAT;
	h->header_bytes = sizeof(*h);
	h->state = SEGMENT_READY;
	h->flags = SEGMENT_LOCKED | SEGMENT_THREAD_BASES;
	h->page_bytes = (uint32_t)page;
	h->control = (struct segment_section){
		page, 1, sizeof(struct segment_control)
	};
	h->metrics = (struct segment_section){
		2 * page, 0, sizeof(struct metric_entry)
	};
	h->slots = (struct segment_section){
		slots_start(), slot_count, sizeof(struct slot)
	};
	h->slots_committed = slot_count;
	h->slots_hwm = slot_count;
	h->overflow_slots = OVERFLOW_SLOTS;
	h->threads_now = 1;
	h->threads_peak = 1;
	h->threads_base = 1;
}

static void fill_metric(struct metric_entry *e, const struct metric *m)
{
	e->id = m->id;
	e->kind = m->kind;
	e->unit = (uint8_t)metric_unit_of_key(m->key);
	e->scope = m->scope;
	e->offset = m->offset;
	e->operand[0] = m->operand[0];
	e->operand[1] = m->operand[1];
	strcpy(e->key, m->key);
	strcpy(e->brief, m->brief);
}

static void fill_metrics(struct segment_image *image)
{
	size_t count;
	const struct metric *all = metrics_all(&count);

	for (size_t i = 0; i < count; i++)
		if (all[i].scope != SCOPE_KERNEL)
			fill_metric(image_metric(image,
				    image_header(image)->metrics.count++),
				    &all[i]);
}

static void fill_slot(struct slot *s, unsigned index)
{
	s->alloc_by_size[IMAGE_BUCKET] = 10;
	s->alloc_bytes = 1000;
	s->free_by_size[IMAGE_BUCKET] = 4;
	s->free_bytes = 400;
	s->sequence = 2;
	s->tid = (int32_t)(1000 + index);
	s->owned = 1;
	s->stack_address = s->stack_low = 0x10000 * (index + 1);
	s->stack_high = s->stack_low + 0x8000;
	s->base_alloc_objects = 3;
	s->base_alloc_bytes = 300;
	s->base_free_objects = 1;
	s->base_free_bytes = 100;
}

void image_build(struct segment_image *image, unsigned slot_count)
{
	size_t length = slots_start() +
			round_to_page(slot_count * sizeof(struct slot));

	*image = (struct segment_image){ .length_bytes = length };
	image->bytes = grown(NULL, length);
	memset(image->bytes, 0, length);
	fill_header(image_header(image), slot_count);
	image_header(image)->file_bytes = length;
	fill_identity(image_header(image));
	fill_metrics(image);
	for (unsigned i = 0; i < slot_count; i++)
		fill_slot(image_slot(image, i), i);
}

void image_release(struct segment_image *image)
{
	free(image->bytes);
	*image = (struct segment_image){ 0 };
}

static int write_fully(int fd, const unsigned char *bytes, size_t count)
{
	while (count > 0) {
		ssize_t n = write(fd, bytes, count);

		if (n < 0)
			return -errno;
		bytes += n;
		count -= (size_t)n;
	}
	return 0;
}

int image_write(const struct segment_image *image, int dirfd, const char *name)
{
	uint64_t total = image->length_bytes + image->hole_bytes;
	int fd, result;

	unlinkat(dirfd, name, 0);
	fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
		    0600);
	if (fd < 0)
		return -errno;
	result = write_fully(fd, image->bytes, image->length_bytes);
	if (!result && ftruncate(fd, (off_t)total) != 0)
		result = -errno;
	close(fd);
	return result;
}

/* --- lengths --- */

/* file_bytes follows: only the length is wrong, not what is said of it. */
static void set_length(struct segment_image *image, size_t length)
{
	if (length > image->length_bytes)
		image_extend(image, length - image->length_bytes);
	if (length >= sizeof(struct segment_header))
		image_header(image)->file_bytes = length;
	image->length_bytes = length;
}

static void length_0(struct segment_image *image)
{
	set_length(image, 0);
}

static void length_1(struct segment_image *image)
{
	set_length(image, 1);
}

static void length_below_header(struct segment_image *image)
{
	set_length(image, sizeof(struct segment_header) - 1);
}

static void length_header_only(struct segment_image *image)
{
	set_length(image, sizeof(struct segment_header));
}

static void length_below_minimum(struct segment_image *image)
{
	set_length(image, 16 * 1024 - 1);
}

/* The tail of the last slot is cut off, the header still promises it. */
static void length_odd(struct segment_image *image)
{
	image->length_bytes -= 100;
}

static void length_half(struct segment_image *image)
{
	image->length_bytes -= image->length_bytes / 2 - page_bytes();
}

static void length_minimum_then_cut(struct segment_image *image)
{
	image_extend(image, 64 * 1024);
	image->length_bytes = 16 * 1024;
}

static void length_maximum(struct segment_image *image)
{
	image->hole_bytes = (64ULL << 20) - image->length_bytes;
	image_header(image)->file_bytes = 64ULL << 20;
}

static void length_above_maximum(struct segment_image *image)
{
	length_maximum(image);
	image->hole_bytes++;
	image_header(image)->file_bytes++;
}

static void length_huge(struct segment_image *image)
{
	image->hole_bytes = 1ULL << 40;
	image_header(image)->file_bytes =
		image->hole_bytes + image->length_bytes;
}

/* --- whole files --- */

static void all_zeros(struct segment_image *image)
{
	memset(image->bytes, 0, image->length_bytes);
}

static void all_ones(struct segment_image *image)
{
	memset(image->bytes, 0xff, image->length_bytes);
}

/* The same noise every time: a failure can be repeated. */
static void add_noise(unsigned char *at, size_t count, uint32_t seed)
{
	for (size_t i = 0; i < count; i++) {
		seed = seed * 1664525u + 1013904223u;
		at[i] = (unsigned char)(seed >> 24);
	}
}

static void all_noise(struct segment_image *image)
{
	add_noise(image->bytes, image->length_bytes, 1);
}

/* Past the few words that are looked at first. */
static void noise_in_header(struct segment_image *image)
{
	add_noise(image->bytes + 40, sizeof(struct segment_header) - 40, 2);
}

static void noise_in_metrics(struct segment_image *image)
{
	add_noise(image->bytes + 2 * page_bytes(),
		  image_header(image)->metrics.count *
		  sizeof(struct metric_entry), 3);
}

static void noise_in_slots(struct segment_image *image)
{
	add_noise(image->bytes + slots_start(),
		  image->length_bytes - slots_start(), 4);
}

static void ones_in_slots(struct segment_image *image)
{
	memset(image->bytes + slots_start(), 0xff,
	       image->length_bytes - slots_start());
}

/* What a machine of the other byte order really writes: all of it. */
static void foreign_machine(struct segment_image *image)
{
	struct segment_header *h = image_header(image);

	h->magic = __builtin_bswap64(h->magic);
	h->byte_order = __builtin_bswap32(h->byte_order);
	h->abi = __builtin_bswap16(h->abi);
	h->abi_compat = __builtin_bswap16(h->abi_compat);
	h->header_bytes = __builtin_bswap32(h->header_bytes);
	h->state = __builtin_bswap32(h->state);
	h->file_bytes = __builtin_bswap64(h->file_bytes);
}

/* --- identity --- */

static void fill_strings(struct segment_image *image, int byte)
{
	struct segment_header *h = image_header(image);

	memset(h->comm, byte, sizeof(h->comm));
	memset(h->exe, byte, sizeof(h->exe));
	memset(h->provider, byte, sizeof(h->provider));
	memset(h->coverage_reason, byte, sizeof(h->coverage_reason));
}

static void strings_endless(struct segment_image *image)
{
	fill_strings(image, 'A');
}

static void strings_escape(struct segment_image *image)
{
	fill_strings(image, '\033');
}

static void strings_bad_utf8(struct segment_image *image)
{
	fill_strings(image, 0xff);
}

static void strings_empty(struct segment_image *image)
{
	fill_strings(image, 0);
}

/* --- the metric table --- */

static void each_metric(struct segment_image *image,
			void (*change)(struct metric_entry *))
{
	for (unsigned i = 0; i < image_header(image)->metrics.count; i++)
		change(image_metric(image, i));
}

static void endless_texts(struct metric_entry *e)
{
	memset(e->key, '/', sizeof(e->key));
	memset(e->brief, 'b', sizeof(e->brief));
}

static void empty_texts(struct metric_entry *e)
{
	memset(e->key, 0, sizeof(e->key));
	memset(e->brief, 0, sizeof(e->brief));
}

static void escape_texts(struct metric_entry *e)
{
	memset(e->key, '\033', sizeof(e->key) - 1);
	e->key[0] = '/';
	memset(e->brief, '\n', sizeof(e->brief) - 1);
}

static void id_none(struct metric_entry *e)
{
	e->id = 0;
}

static void id_same(struct metric_entry *e)
{
	e->id = METRIC_HEAP_LIVE_BYTES;
}

static void id_unknown(struct metric_entry *e)
{
	e->id = (uint16_t)(e->id + 60000);
}

static void kind_unknown(struct metric_entry *e)
{
	e->kind = 255;
}

static void unit_unknown(struct metric_entry *e)
{
	e->unit = 255;
}

/* Slots and header hold integers: a double from there may be NaN. */
static void unit_seconds(struct metric_entry *e)
{
	e->unit = UNIT_SECONDS;
}

static void scope_none(struct metric_entry *e)
{
	e->scope = 0;
}

static void scope_unknown(struct metric_entry *e)
{
	e->scope = 255;
}

static void scope_kernel(struct metric_entry *e)
{
	e->scope = SCOPE_KERNEL;
}

static void scope_slot(struct metric_entry *e)
{
	e->scope = SCOPE_SLOT;
}

static void scope_global(struct metric_entry *e)
{
	e->scope = SCOPE_GLOBAL;
}

static void scope_derived(struct metric_entry *e)
{
	e->scope = SCOPE_DERIVED;
}

static void scope_peak(struct metric_entry *e)
{
	e->scope = SCOPE_PEAK;
}

static void scope_buckets(struct metric_entry *e)
{
	e->scope = SCOPE_BUCKETS;
}

static void scope_total(struct metric_entry *e)
{
	e->scope = SCOPE_TOTAL;
}

/* Of all scopes, and the other kinds in the scope of histograms. */
static void kind_histogram(struct metric_entry *e)
{
	e->kind = METRIC_HISTOGRAM;
}

static void kind_counter(struct metric_entry *e)
{
	e->kind = METRIC_COUNTER;
}

/* More of them than a snapshot has room for. */
static void all_buckets(struct metric_entry *e)
{
	e->kind = METRIC_HISTOGRAM;
	e->scope = SCOPE_BUCKETS;
	e->offset = 0;
	e->operand[0] = HISTOGRAM_BUCKETS_MAX;
	e->operand[1] = 0;
}

/* Of the one that went before, of itself, of those that come after. */
static void all_totals(struct metric_entry *e)
{
	e->kind = METRIC_COUNTER;
	e->scope = SCOPE_TOTAL;
	e->operand[0] = (uint16_t)(e->id % 3 + e->id - 1);
}

static void offset_most(struct metric_entry *e)
{
	e->offset = UINT32_MAX;
}

static void offset_past_slot(struct metric_entry *e)
{
	e->offset = sizeof(struct slot);
}

static void offset_over_slot_end(struct metric_entry *e)
{
	e->offset = sizeof(struct slot) - 4;
}

static void offset_past_header(struct metric_entry *e)
{
	e->offset = sizeof(struct segment_header);
}

static void offset_past_page(struct metric_entry *e)
{
	e->offset = 0xfffffff8u;
}

static void offset_unaligned(struct metric_entry *e)
{
	e->offset += 1;
}

static void operand_itself(struct metric_entry *e)
{
	e->operand[0] = e->id;
	e->operand[1] = e->id;
}

static void operand_missing(struct metric_entry *e)
{
	e->operand[0] = 60000;
	e->operand[1] = 60001;
}

static void operand_none(struct metric_entry *e)
{
	e->operand[0] = 0;
	e->operand[1] = 0;
}

/* The live and the peak metrics refer to each other, round and round. */
static void operand_circle(struct metric_entry *e)
{
	e->scope = e->id % 2 ? SCOPE_DERIVED : SCOPE_PEAK;
	e->operand[0] = (uint16_t)(e->id % 15 + 1);
	e->operand[1] = (uint16_t)(e->id % 15 + 1);
}

static void buckets_none(struct metric_entry *e)
{
	e->operand[0] = 0;
}

static void buckets_65(struct metric_entry *e)
{
	e->offset = 0;
	e->operand[0] = HISTOGRAM_BUCKETS_MAX + 1;
	e->operand[1] = 0;
}

static void buckets_most(struct metric_entry *e)
{
	e->operand[0] = UINT16_MAX;
	e->operand[1] = UINT16_MAX;
}

/* The last bound would be 2^64. */
static void buckets_first_17(struct metric_entry *e)
{
	e->operand[1] = 64 - SIZE_BUCKETS + 1;
}

static void buckets_first_most(struct metric_entry *e)
{
	e->operand[1] = UINT16_MAX;
}

/* The first word lies in the slot, the last one behind it. */
static void buckets_over_slot_end(struct metric_entry *e)
{
	e->offset = sizeof(struct slot) - 8 * SIZE_BUCKETS + 8;
}

/* offset + size is 0. */
static void buckets_wrap(struct metric_entry *e)
{
	e->offset = UINT32_MAX - 8 * SIZE_BUCKETS + 1;
}

static void buckets_unaligned(struct metric_entry *e)
{
	e->offset -= 4;
}

#define EACH_METRIC(change)                                    \
	static void metric_##change(struct segment_image *image) \
	{                                                      \
		each_metric(image, change);                    \
	}

EACH_METRIC(endless_texts)
EACH_METRIC(empty_texts)
EACH_METRIC(escape_texts)
EACH_METRIC(id_none)
EACH_METRIC(id_same)
EACH_METRIC(id_unknown)
EACH_METRIC(kind_unknown)
EACH_METRIC(unit_unknown)
EACH_METRIC(unit_seconds)
EACH_METRIC(scope_none)
EACH_METRIC(scope_unknown)
EACH_METRIC(scope_kernel)
EACH_METRIC(scope_slot)
EACH_METRIC(scope_global)
EACH_METRIC(scope_derived)
EACH_METRIC(scope_peak)
EACH_METRIC(scope_buckets)
EACH_METRIC(scope_total)
EACH_METRIC(kind_histogram)
EACH_METRIC(kind_counter)
EACH_METRIC(all_buckets)
EACH_METRIC(all_totals)
EACH_METRIC(offset_most)
EACH_METRIC(offset_past_slot)
EACH_METRIC(offset_over_slot_end)
EACH_METRIC(offset_past_header)
EACH_METRIC(offset_past_page)
EACH_METRIC(offset_unaligned)
EACH_METRIC(operand_itself)
EACH_METRIC(operand_missing)
EACH_METRIC(operand_none)
EACH_METRIC(operand_circle)

static void each_histogram(struct segment_image *image,
			   void (*change)(struct metric_entry *))
{
	for (unsigned i = 0; i < image_header(image)->metrics.count; i++)
		if (image_metric(image, i)->scope == SCOPE_BUCKETS)
			change(image_metric(image, i));
}

#define EACH_HISTOGRAM(change)                                   \
	static void metric_##change(struct segment_image *image) \
	{                                                        \
		each_histogram(image, change);                   \
	}

EACH_HISTOGRAM(buckets_none)
EACH_HISTOGRAM(buckets_65)
EACH_HISTOGRAM(buckets_most)
EACH_HISTOGRAM(buckets_first_17)
EACH_HISTOGRAM(buckets_first_most)
EACH_HISTOGRAM(buckets_over_slot_end)
EACH_HISTOGRAM(buckets_wrap)
EACH_HISTOGRAM(buckets_unaligned)

/* Every double NaN, should one be read from a slot. */
static void metric_seconds_nan(struct segment_image *image)
{
	each_metric(image, unit_seconds);
	ones_in_slots(image);
	memset(image->bytes + offsetof(struct segment_header, threads_now),
	       0xff, 40);
}

/* More rows than a snapshot has room for, all of them sound. */
static void metric_rows(struct segment_image *image, unsigned count)
{
	uint64_t at = image_extend(image,
				   count * sizeof(struct metric_entry));
	struct segment_section old = image_header(image)->metrics;
	struct metric_entry *row;

	for (unsigned i = 0; i < count; i++) {
		row = (struct metric_entry *)(void *)
			(image->bytes + at + i * sizeof(*row));
		memcpy(row, image->bytes + old.offset_bytes +
		       i % old.count * sizeof(*row), sizeof(*row));
		row->id = (uint16_t)(1 + i);
	}
	image_header(image)->metrics.offset_bytes = at;
	image_header(image)->metrics.count = count;
}

static void metric_rows_full(struct segment_image *image)
{
	metric_rows(image, SNAPSHOT_VALUES_MAX);
}

static void metric_rows_over(struct segment_image *image)
{
	metric_rows(image, SNAPSHOT_VALUES_MAX + 1);
}

static void metric_rows_1000(struct segment_image *image)
{
	metric_rows(image, 1000);
}

/* --- relations --- */

static void slots_end_one_late(struct segment_image *image)
{
	struct segment_section *slots = &image_header(image)->slots;

	slots->count = (uint32_t)((image->length_bytes -
				   slots->offset_bytes) /
				  slots->stride_bytes) + 1;
}

static void slots_over_metrics(struct segment_image *image)
{
	image_header(image)->slots.offset_bytes =
		image_header(image)->metrics.offset_bytes;
}

/* offset + count * stride wraps to something that fits. */
static void slots_wrap(struct segment_image *image)
{
	struct segment_section *slots = &image_header(image)->slots;

	slots->offset_bytes = UINT64_MAX - page_bytes() + 1;
	slots->count = (uint32_t)(slots_start() / sizeof(struct slot));
}

static void metrics_wrap(struct segment_image *image)
{
	struct segment_section *metrics = &image_header(image)->metrics;

	metrics->offset_bytes = UINT64_MAX - page_bytes() + 1;
	metrics->count = (uint32_t)(2 * page_bytes() / metrics->stride_bytes);
}

/* Off by so much, with all entries still inside the file. */
static void shift_section(struct segment_section *s, unsigned bytes)
{
	s->offset_bytes += bytes;
	s->count--;
}

static void slots_shifted_1(struct segment_image *image)
{
	shift_section(&image_header(image)->slots, 1);
}

static void slots_shifted_8(struct segment_image *image)
{
	shift_section(&image_header(image)->slots, 8);
}

static void metrics_shifted_1(struct segment_image *image)
{
	shift_section(&image_header(image)->metrics, 1);
}

static void metrics_shifted_8(struct segment_image *image)
{
	shift_section(&image_header(image)->metrics, 8);
}

/* Wide enough and inside the file, but no multiple of a word. */
static void stretch_section(struct segment_section *s)
{
	s->count /= 2;
	s->stride_bytes += 4;
}

static void slots_stride_odd(struct segment_image *image)
{
	stretch_section(&image_header(image)->slots);
}

static void metrics_stride_odd(struct segment_image *image)
{
	stretch_section(&image_header(image)->metrics);
}

static void committed_above_count(struct segment_image *image)
{
	image_header(image)->slots_committed =
		image_header(image)->slots.count + 1;
}

static void gauges_huge(struct segment_image *image)
{
	unsigned char *at = image->bytes +
		offsetof(struct segment_header, slots_committed);

	memset(at, 0xff, sizeof(struct segment_header) -
	       offsetof(struct segment_header, slots_committed));
}

#define OK_ONLY MAY(ATTACH_OK)
#define CORRUPT MAY(ATTACH_CORRUPT)
#define BAD_SIZE MAY(ATTACH_BAD_SIZE)
#define SHORT (MAY(ATTACH_CORRUPT) | MAY(ATTACH_TRUNCATED) | BAD_SIZE)
/* Both are sound: refuse the file, or leave out what cannot be read. */
#define REFUSED_OR_IGNORED (OK_ONLY | CORRUPT)

#define FIELD(field)                                       \
	.offset = offsetof(struct segment_header, field),  \
	.width_bytes = sizeof(((struct segment_header *)0)->field)
#define PATCH(name_, field, value_, may_) \
	{ .name = (name_), .may = (may_), FIELD(field), .value = (value_) }
#define CHANGE(name_, function, may_) \
	{ .name = (name_), .may = (may_), .apply = (function) }
#define METRIC_ROW(change, may_) \
	{ .name = "metric-" #change, .may = (may_), .apply = metric_##change }

/* A section that must be refused when it does not fit. */
#define SECTION(section, entry)                                                \
	PATCH(#section "-offset-0", section.offset_bytes, 0, CORRUPT),        \
	PATCH(#section "-offset-1", section.offset_bytes, 1, CORRUPT),        \
	PATCH(#section "-offset-in-header", section.offset_bytes, 512,        \
	      CORRUPT),                                                       \
	PATCH(#section "-offset-unaligned", section.offset_bytes, 12289,      \
	      CORRUPT),                                                       \
	PATCH(#section "-offset-most", section.offset_bytes, UINT64_MAX,      \
	      CORRUPT),                                                       \
	PATCH(#section "-offset-63", section.offset_bytes, 1ULL << 63,        \
	      CORRUPT),                                                       \
	PATCH(#section "-offset-wraps", section.offset_bytes,                 \
	      UINT64_MAX - 4095, CORRUPT),                                    \
	PATCH(#section "-offset-past-end", section.offset_bytes, 1ULL << 30,  \
	      CORRUPT),                                                       \
	PATCH(#section "-count-0", section.count, 0, REFUSED_OR_IGNORED),     \
	PATCH(#section "-count-most", section.count, UINT32_MAX, CORRUPT),    \
	PATCH(#section "-count-31", section.count, 1u << 31, CORRUPT),        \
	PATCH(#section "-stride-0", section.stride_bytes, 0, CORRUPT),        \
	PATCH(#section "-stride-1", section.stride_bytes, 1, CORRUPT),        \
	PATCH(#section "-stride-below", section.stride_bytes,                 \
	      sizeof(struct entry) - 8, CORRUPT),                             \
	PATCH(#section "-stride-unaligned", section.stride_bytes,             \
	      2 * sizeof(struct entry) + 5, CORRUPT),                         \
	PATCH(#section "-stride-most", section.stride_bytes, UINT32_MAX,      \
	      CORRUPT),                                                       \
	PATCH(#section "-stride-31", section.stride_bytes, 1u << 31, CORRUPT)

/*
 * To add a mutation: append a row; a value for one field of the header needs
 * no function. `may` is what the contract leaves open, not what the code of
 * today happens to answer.
 */
static const struct mutation mutations[] = {
	CHANGE("valid", NULL, OK_ONLY),

	/* Empty is also what a file is before its maker gives it a size. */
	CHANGE("length-0", length_0, BAD_SIZE | MAY(ATTACH_STARTING)),
	CHANGE("length-1", length_1, BAD_SIZE),
	CHANGE("length-below-header", length_below_header, BAD_SIZE),
	CHANGE("length-header-only", length_header_only, BAD_SIZE),
	CHANGE("length-below-minimum", length_below_minimum, BAD_SIZE),
	CHANGE("length-odd", length_odd, SHORT),
	CHANGE("length-half", length_half, SHORT),
	CHANGE("length-cut", length_minimum_then_cut, SHORT),
	CHANGE("length-maximum", length_maximum, OK_ONLY),
	CHANGE("length-above-maximum", length_above_maximum, BAD_SIZE),
	CHANGE("length-huge", length_huge, BAD_SIZE),

	/* What a segment looks like before its maker wrote the first word. */
	CHANGE("zeros", all_zeros,
	       MAY(ATTACH_NOT_SEGMENT) | MAY(ATTACH_STARTING)),
	CHANGE("ones", all_ones, MAY(ATTACH_NOT_SEGMENT)),
	CHANGE("noise", all_noise, MAY(ATTACH_NOT_SEGMENT)),
	CHANGE("noise-in-header", noise_in_header, MAY_BE_ANYTHING),
	CHANGE("noise-in-metrics", noise_in_metrics, REFUSED_OR_IGNORED),
	CHANGE("noise-in-slots", noise_in_slots, OK_ONLY),
	CHANGE("ones-in-slots", ones_in_slots, OK_ONLY),

	PATCH("magic-0", magic, 0, MAY(ATTACH_NOT_SEGMENT)),
	PATCH("magic-2", magic, 0x02594c5450414548ULL,
	      MAY(ATTACH_NOT_SEGMENT)),
	PATCH("byte-order-swapped", byte_order, 0x04030201,
	      MAY(ATTACH_BYTE_ORDER)),
	PATCH("byte-order-0", byte_order, 0,
	      MAY(ATTACH_BYTE_ORDER) | MAY(ATTACH_CORRUPT)),
	CHANGE("foreign-machine", foreign_machine, MAY(ATTACH_BYTE_ORDER)),
	PATCH("abi-0", abi, 0, REFUSED_OR_IGNORED),
	PATCH("abi-2", abi, 2, OK_ONLY),
	PATCH("abi-most", abi, UINT16_MAX, OK_ONLY),
	PATCH("abi-compat-0", abi_compat, 0, REFUSED_OR_IGNORED),
	PATCH("abi-compat-2", abi_compat, 2, MAY(ATTACH_TOO_NEW)),
	PATCH("abi-compat-most", abi_compat, UINT16_MAX, MAY(ATTACH_TOO_NEW)),
	PATCH("header-0", header_bytes, 0, CORRUPT),
	PATCH("header-below", header_bytes, 895, CORRUPT),
	PATCH("header-larger", header_bytes, 1024, OK_ONLY),
	PATCH("header-most", header_bytes, UINT32_MAX, REFUSED_OR_IGNORED),
	PATCH("state-starting", state, SEGMENT_STARTING,
	      MAY(ATTACH_STARTING)),
	PATCH("state-final", state, SEGMENT_FINAL, OK_ONLY),
	PATCH("state-3", state, 3, REFUSED_OR_IGNORED),
	PATCH("state-most", state, UINT32_MAX, REFUSED_OR_IGNORED),
	PATCH("file-0", file_bytes, 0, SHORT),
	PATCH("file-1", file_bytes, 1, SHORT),
	PATCH("file-smaller", file_bytes, 4096, SHORT),
	PATCH("file-larger", file_bytes, 1ULL << 20, SHORT),
	PATCH("file-63", file_bytes, 1ULL << 63, SHORT),
	PATCH("file-most", file_bytes, UINT64_MAX, SHORT),
	PATCH("flags-none", flags, 0, OK_ONLY),
	PATCH("flags-most", flags, UINT32_MAX, OK_ONLY),
	PATCH("pid-0", pid, 0, REFUSED_OR_IGNORED),
	PATCH("pid-negative", pid, UINT32_MAX, REFUSED_OR_IGNORED),
	PATCH("pid-least", pid, 1u << 31, REFUSED_OR_IGNORED),
	PATCH("uid-most", uid, UINT32_MAX, OK_ONLY),
	PATCH("page-0", page_bytes, 0, REFUSED_OR_IGNORED),
	PATCH("page-1", page_bytes, 1, REFUSED_OR_IGNORED),
	PATCH("page-3", page_bytes, 3, REFUSED_OR_IGNORED),
	PATCH("page-most", page_bytes, UINT32_MAX, REFUSED_OR_IGNORED),
	PATCH("coverage-99", coverage, 99, REFUSED_OR_IGNORED),
	PATCH("coverage-most", coverage, UINT32_MAX, REFUSED_OR_IGNORED),
	PATCH("realtime-most", started_realtime_ns, UINT64_MAX, OK_ONLY),
	CHANGE("strings-endless", strings_endless, OK_ONLY),
	CHANGE("strings-escape", strings_escape, OK_ONLY),
	CHANGE("strings-bad-utf8", strings_bad_utf8, OK_ONLY),
	CHANGE("strings-empty", strings_empty, OK_ONLY),

	SECTION(metrics, metric_entry),
	SECTION(slots, slot),
	CHANGE("metrics-stride-odd", metrics_stride_odd, CORRUPT),
	CHANGE("slots-stride-odd", slots_stride_odd, CORRUPT),
	CHANGE("metrics-wrap", metrics_wrap, CORRUPT),
	CHANGE("slots-wrap", slots_wrap, CORRUPT),
	CHANGE("slots-shifted-1", slots_shifted_1, CORRUPT),
	CHANGE("slots-shifted-8", slots_shifted_8, CORRUPT),
	CHANGE("metrics-shifted-1", metrics_shifted_1, CORRUPT),
	CHANGE("metrics-shifted-8", metrics_shifted_8, CORRUPT),
	CHANGE("slots-end-one-late", slots_end_one_late, CORRUPT),
	CHANGE("slots-over-metrics", slots_over_metrics, REFUSED_OR_IGNORED),
	/* Absent or foreign sections are no reason to refuse the rest. */
	PATCH("control-offset-most", control.offset_bytes, UINT64_MAX,
	      REFUSED_OR_IGNORED),
	PATCH("control-offset-0", control.offset_bytes, 0,
	      REFUSED_OR_IGNORED),
	PATCH("control-count-0", control.count, 0, REFUSED_OR_IGNORED),
	PATCH("reserved-count-most", reserved_section.count, UINT32_MAX,
	      REFUSED_OR_IGNORED),
	PATCH("reserved-offset-most", reserved_section.offset_bytes,
	      UINT64_MAX, REFUSED_OR_IGNORED),

	/* These move while a reader looks: refusing would be a race. */
	CHANGE("committed-above-count", committed_above_count, OK_ONLY),
	PATCH("committed-most", slots_committed, UINT32_MAX, OK_ONLY),
	PATCH("committed-0", slots_committed, 0, OK_ONLY),
	PATCH("hwm-0", slots_hwm, 0, OK_ONLY),
	PATCH("hwm-most", slots_hwm, UINT32_MAX, OK_ONLY),
	PATCH("overflow-slots-0", overflow_slots, 0, REFUSED_OR_IGNORED),
	PATCH("overflow-slots-most", overflow_slots, UINT32_MAX,
	      REFUSED_OR_IGNORED),
	PATCH("inherited-most", inherited_bytes, UINT64_MAX, OK_ONLY),
	PATCH("threads-base-most", threads_base, UINT64_MAX, OK_ONLY),
	CHANGE("gauges-huge", gauges_huge, OK_ONLY),

	METRIC_ROW(endless_texts, REFUSED_OR_IGNORED),
	METRIC_ROW(empty_texts, REFUSED_OR_IGNORED),
	METRIC_ROW(escape_texts, REFUSED_OR_IGNORED),
	METRIC_ROW(id_none, REFUSED_OR_IGNORED),
	METRIC_ROW(id_same, REFUSED_OR_IGNORED),
	METRIC_ROW(id_unknown, REFUSED_OR_IGNORED),
	METRIC_ROW(kind_unknown, REFUSED_OR_IGNORED),
	METRIC_ROW(unit_unknown, REFUSED_OR_IGNORED),
	METRIC_ROW(unit_seconds, REFUSED_OR_IGNORED),
	METRIC_ROW(seconds_nan, REFUSED_OR_IGNORED),
	METRIC_ROW(scope_none, REFUSED_OR_IGNORED),
	METRIC_ROW(scope_unknown, OK_ONLY),
	METRIC_ROW(scope_kernel, REFUSED_OR_IGNORED),
	METRIC_ROW(scope_slot, REFUSED_OR_IGNORED),
	METRIC_ROW(scope_global, REFUSED_OR_IGNORED),
	METRIC_ROW(scope_derived, REFUSED_OR_IGNORED),
	METRIC_ROW(scope_peak, REFUSED_OR_IGNORED),
	METRIC_ROW(scope_buckets, REFUSED_OR_IGNORED),
	METRIC_ROW(scope_total, REFUSED_OR_IGNORED),
	METRIC_ROW(kind_histogram, REFUSED_OR_IGNORED),
	METRIC_ROW(kind_counter, REFUSED_OR_IGNORED),
	METRIC_ROW(all_buckets, REFUSED_OR_IGNORED),
	METRIC_ROW(all_totals, REFUSED_OR_IGNORED),
	METRIC_ROW(buckets_none, REFUSED_OR_IGNORED),
	METRIC_ROW(buckets_65, REFUSED_OR_IGNORED),
	METRIC_ROW(buckets_most, REFUSED_OR_IGNORED),
	METRIC_ROW(buckets_first_17, REFUSED_OR_IGNORED),
	METRIC_ROW(buckets_first_most, REFUSED_OR_IGNORED),
	METRIC_ROW(buckets_over_slot_end, REFUSED_OR_IGNORED),
	METRIC_ROW(buckets_wrap, REFUSED_OR_IGNORED),
	METRIC_ROW(buckets_unaligned, REFUSED_OR_IGNORED),
	METRIC_ROW(offset_most, REFUSED_OR_IGNORED),
	METRIC_ROW(offset_past_slot, REFUSED_OR_IGNORED),
	METRIC_ROW(offset_over_slot_end, REFUSED_OR_IGNORED),
	METRIC_ROW(offset_past_header, REFUSED_OR_IGNORED),
	METRIC_ROW(offset_past_page, REFUSED_OR_IGNORED),
	METRIC_ROW(offset_unaligned, REFUSED_OR_IGNORED),
	METRIC_ROW(operand_itself, REFUSED_OR_IGNORED),
	METRIC_ROW(operand_missing, REFUSED_OR_IGNORED),
	METRIC_ROW(operand_none, REFUSED_OR_IGNORED),
	METRIC_ROW(operand_circle, REFUSED_OR_IGNORED),
	METRIC_ROW(rows_full, REFUSED_OR_IGNORED),
	METRIC_ROW(rows_over, REFUSED_OR_IGNORED),
	METRIC_ROW(rows_1000, REFUSED_OR_IGNORED),
};

const struct mutation *mutations_all(size_t *ret_count)
{
	*ret_count = sizeof(mutations) / sizeof(mutations[0]);
	return mutations;
}

/* The low bytes of value, in native order. */
static void store(unsigned char *at, uint32_t width_bytes, uint64_t value)
{
	uint16_t v16 = (uint16_t)value;
	uint32_t v32 = (uint32_t)value;

	if (width_bytes == 2)
		memcpy(at, &v16, 2);
	else if (width_bytes == 4)
		memcpy(at, &v32, 4);
	else
		memcpy(at, &value, 8);
}

void mutation_apply(const struct mutation *m, struct segment_image *image)
{
	if (m->width_bytes)
		store(image->bytes + m->offset, m->width_bytes, m->value);
	if (m->apply)
		m->apply(image);
}
