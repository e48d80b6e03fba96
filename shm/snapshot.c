/* SPDX-License-Identifier: MIT */
/*
 * Counting: slots in, values out, by the segment's own metric table.
 *
 * Order is what keeps live figures from going negative. Whatever is
 * subtracted (frees, exited threads) is summed first, with acquire loads,
 * everything else after it: a free that was seen has its allocation counted
 * before it, so the allocation is seen too.
 */
#include "snapshot.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "attachment.h"

#define RETRIES     3    /* while frees go on faster than ... */
#define NS_PER_SECOND 1e9
#define SKEW_PARTS  1000 /* ... 1/1000 of the live objects */

/*
 * The file may be cut short while it is read, which makes a load SIGBUS.
 * Where no read of ours is under way the handler found before is put back,
 * and the fault, on return, meets that one.
 */
static _Thread_local sigjmp_buf *truncation_guard;
static struct sigaction sigbus_before;

/*
 * Not ours: called, rather than put back, so that the guard stays. Without a
 * handler the signal ends us, as it would have.
 */
static void hand_on(int signal_number, siginfo_t *info, void *context)
{
	if (sigbus_before.sa_flags & SA_SIGINFO) {
		sigbus_before.sa_sigaction(signal_number, info, context);
	} else if (sigbus_before.sa_handler == SIG_IGN && info->si_code <= 0) {
		return;
	} else if (sigbus_before.sa_handler == SIG_DFL ||
		   sigbus_before.sa_handler == SIG_IGN) {
		sigaction(SIGBUS, &sigbus_before, NULL);
		raise(signal_number);
	} else {
		sigbus_before.sa_handler(signal_number);
	}
}

static void on_sigbus(int signal_number, siginfo_t *info, void *context)
{
	if (truncation_guard && info->si_code > 0)
		siglongjmp(*truncation_guard, 1);
	hand_on(signal_number, info, context);
}

static void install_guard(void)
{
	struct sigaction action = { .sa_sigaction = on_sigbus,
				    .sa_flags = SA_SIGINFO | SA_NODEFER };

	sigemptyset(&action.sa_mask);
	sigaction(SIGBUS, &action, &sigbus_before);
}

/* Numbers of the metric table's rows, before they become values. */
struct reading {
	uint64_t raw[METRICS_READ_MAX];   /* slot sum or header word, by row */
	uint64_t again[METRICS_READ_MAX]; /* what is subtracted, read once more */
	size_t histogram_count;
	size_t histogram_row[SNAPSHOT_HISTOGRAMS_MAX];
	struct size_histogram histograms[SNAPSHOT_HISTOGRAMS_MAX];
	uint64_t available; /* bits, see enum availability */
	uint64_t clamped;
};

static uint64_t load(const unsigned char *word)
{
	return __atomic_load_n((const uint64_t *)word, __ATOMIC_ACQUIRE);
}

uint32_t attach_slots_to_read(const struct attachment *a)
{
	const struct segment_header *shared = (const void *)a->map;
	uint32_t committed = __atomic_load_n(&shared->slots_committed, __ATOMIC_ACQUIRE);
	uint32_t used = __atomic_load_n(&shared->slots_hwm, __ATOMIC_ACQUIRE);
	uint32_t count = a->header.slots.count;

	if (committed < count)
		count = committed;
	return used < count ? used : count;
}

static uint64_t sum_word(const struct attachment *a, uint32_t offset)
{
	const struct segment_section *s = &a->header.slots;
	const unsigned char *word = a->map + s->offset_bytes + offset;
	uint64_t sum = 0;

	for (uint32_t i = attach_slots_to_read(a); i > 0; i--, word += s->stride_bytes)
		sum += load(word);
	return sum;
}

/* Sums each bucket to *ret where that is not NULL; returns their total. */
static uint64_t sum_buckets(const struct attachment *a,
			    const struct metric_entry *m,
			    struct size_histogram *ret)
{
	uint64_t total = 0;

	for (uint32_t i = 0; i < m->operand[0]; i++) {
		uint64_t sum = sum_word(a, m->offset + 8 * i);

		total += sum;
		if (ret)
			ret->counts[i] = sum;
	}
	return total;
}

static bool is_available(const struct reading *r, const struct metric_entry *m)
{
	return !m->available || r->available >> (m->available - 1) & 1;
}

static void read_times(const struct attachment *a, const struct metric_entry *m,
		       struct size_histogram *ret)
{
	for (uint32_t i = 0; i < m->operand[0]; i++)
		ret->counts[i] = load(a->map + m->offset + (size_t)8 * i);
}

static bool is_subtracted(const struct attachment *a, const struct metric_entry *m)
{
	for (size_t i = 0; i < a->metric_count; i++) {
		const struct metric_entry *by = &a->metrics[i];

		if (by->scope == SCOPE_DERIVED && by->operand[1] == m->id)
			return true;
		if (by->scope == SCOPE_TOTAL && by->operand[0] == m->id &&
		    m->scope == SCOPE_BUCKETS && is_subtracted(a, by))
			return true;
	}
	return false;
}

/* There is room: attach.c takes no more rows than that. */
static struct size_histogram *new_histogram(struct reading *r, size_t row,
					    const struct metric_entry *m)
{
	struct size_histogram *h = &r->histograms[r->histogram_count];

	r->histogram_row[r->histogram_count++] = row;
	h->count = m->operand[0];
	h->first_log2 = m->operand[1];
	h->is_time = m->scope == SCOPE_TIMES;
	return h;
}

static void sum_rows(const struct attachment *a, struct reading *r, bool subtracted)
{
	for (size_t i = 0; i < a->metric_count; i++) {
		const struct metric_entry *m = &a->metrics[i];

		if (is_subtracted(a, m) != subtracted)
			continue;
		if (m->scope == SCOPE_SLOT)
			r->raw[i] = sum_word(a, m->offset);
		else if (m->scope == SCOPE_BUCKETS) /* also for its total */
			r->raw[i] = sum_buckets(a, m, is_available(r, m) ?
						new_histogram(r, i, m) : NULL);
		else if (m->scope == SCOPE_TIMES && is_available(r, m))
			read_times(a, m, new_histogram(r, i, m));
	}
}

static void sum_subtracted_again(const struct attachment *a, struct reading *r)
{
	for (size_t i = 0; i < a->metric_count; i++) {
		const struct metric_entry *m = &a->metrics[i];

		if (!is_subtracted(a, m))
			continue;
		if (m->scope == SCOPE_SLOT)
			r->again[i] = sum_word(a, m->offset);
		else if (m->scope == SCOPE_BUCKETS)
			r->again[i] = sum_buckets(a, m, NULL);
	}
}

static bool find_row(const struct attachment *a, uint16_t id, size_t *ret_row)
{
	for (size_t i = 0; i < a->metric_count; i++)
		if (a->metrics[i].id == id) {
			*ret_row = i;
			return true;
		}
	return false;
}

/* False when there is no such histogram: its total is then unknown, not 0. */
static bool find_total(const struct attachment *a, const struct metric_entry *m,
		       size_t *ret_row)
{
	return find_row(a, m->operand[0], ret_row) &&
	       a->metrics[*ret_row].scope == SCOPE_BUCKETS;
}

/* A row whose raw sum is known. */
static bool find_operand(const struct attachment *a, uint16_t id, size_t *ret_row)
{
	size_t histogram;

	return find_row(a, id, ret_row) &&
	       (a->metrics[*ret_row].scope != SCOPE_TOTAL ||
		find_total(a, &a->metrics[*ret_row], &histogram));
}

/* The same loads make both, so that a histogram adds up to its counter. */
static void copy_totals(const struct attachment *a, struct reading *r)
{
	for (size_t i = 0; i < a->metric_count; i++) {
		size_t row;

		if (a->metrics[i].scope != SCOPE_TOTAL ||
		    !find_total(a, &a->metrics[i], &row))
			continue;
		r->raw[i] = r->raw[row];
		r->again[i] = r->again[row];
	}
}

/* Bits before the figures: a figure that is there has been stored. */
static void read_available(const struct attachment *a, struct reading *r)
{
	const struct segment_header *shared = (const void *)a->map;

	if (a->header.header_bytes >= sizeof(a->header))
		r->available = load((const void *)&shared->available);
}

static void read_header_words(const struct attachment *a, struct reading *r)
{
	for (size_t i = 0; i < a->metric_count; i++)
		switch (a->metrics[i].scope) {
		case SCOPE_GLOBAL:
		case SCOPE_DERIVED:
		case SCOPE_PEAK:
			r->raw[i] = load(a->map + a->metrics[i].offset);
		}
}

static void read_all(const struct attachment *a, struct reading *r)
{
	read_available(a, r);
	sum_rows(a, r, true);
	sum_rows(a, r, false);
	read_header_words(a, r);
	sum_subtracted_again(a, r);
	copy_totals(a, r);
}

/* Of an older writer they are all 0. */
static void read_extras(const struct attachment *a, struct snapshot *s)
{
	static const char *const missing[] = {
		[FIGURES_UNKNOWN] = "this allocator has none",
		[FIGURES_TOO_MANY] =
			"perhaps so many free blocks that asking would hold up the process",
		[FIGURES_TOO_SLOW] =
			"given up, as asking held up the process",
		[FIGURES_UNSAFE] = "unsafe in this child of threads",
		[FIGURES_SANDBOXED] = "not asked for in a sandbox",
	};
	const struct segment_header *shared = (const void *)a->map;
	uint32_t state;

	if (a->header.header_bytes < sizeof(a->header))
		return;
	state = __atomic_load_n(&shared->figures_state, __ATOMIC_ACQUIRE);
	if (state < sizeof(missing) / sizeof(missing[0]))
		s->figures_missing = missing[state];
	s->figures_given_up = s->figures_missing && state != FIGURES_TOO_MANY;
	s->extras_on = __atomic_load_n(&shared->extras_on, __ATOMIC_RELAXED);
	s->figures_asked = load((const void *)&shared->figures_asked);
	s->figures_monotonic_ns = load((const void *)&shared->figures_monotonic_ns);
}

/*
 * Not every cut faults: the page of the new end reads as zeros, and a file
 * that grew again is all zeros. Zero counts would be believed.
 */
static bool is_whole(const struct attachment *a)
{
	uint8_t instance[sizeof(a->header.instance)];
	struct stat st;

	return fstat(a->fd, &st) == 0 &&
	       (uint64_t)st.st_size >= a->header.file_bytes &&
	       pread(a->fd, instance, sizeof(instance),
		     offsetof(struct segment_header, instance)) ==
		       (ssize_t)sizeof(instance) &&
	       memcmp(instance, a->header.instance, sizeof(instance)) == 0;
}

bool attach_read_guarded(const struct attachment *a,
			 void (*read)(const struct attachment *a, void *to),
			 void *to)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	sigjmp_buf here;

	pthread_once(&once, install_guard);
	if (sigsetjmp(here, 0)) {
		truncation_guard = NULL;
		return false;
	}
	truncation_guard = &here;
	read(a, to);
	truncation_guard = NULL;
	return is_whole(a);
}

struct reading_and_snapshot {
	struct reading *r;
	struct snapshot *s;
};

static void read_both(const struct attachment *a, void *to)
{
	const struct reading_and_snapshot *both = to;

	read_all(a, both->r);
	read_extras(a, both->s);
}

/*
 * base + plus - minus, at least 0, with minus taken from either reading:
 * the first makes it at least the true value, the second at most. False
 * when an operand is missing.
 */
static bool derive(const struct attachment *a, const struct reading *r,
		   const uint64_t *minus_sums, size_t row, int64_t *ret)
{
	const struct metric_entry *m = &a->metrics[row];
	size_t plus, minus;

	if (!find_operand(a, m->operand[0], &plus) ||
	    !find_operand(a, m->operand[1], &minus))
		return false;
	/* Unsigned arithmetic wraps; read as signed it tells "below zero". */
	*ret = (int64_t)(r->raw[row] + r->raw[plus] - minus_sums[minus]);
	return true;
}

/* A peak must have been: only what live was at the least may raise it. */
static uint64_t peak(const struct attachment *a, const struct reading *r,
		     size_t row)
{
	size_t operand;
	int64_t live;

	if (find_row(a, a->metrics[row].operand[0], &operand) &&
	    a->metrics[operand].scope == SCOPE_DERIVED &&
	    derive(a, r, r->again, operand, &live) && live > 0 &&
	    (uint64_t)live > r->raw[row])
		return (uint64_t)live;
	return r->raw[row];
}

static bool find_histogram(const struct reading *r, size_t row, uint64_t *ret)
{
	for (size_t i = 0; i < r->histogram_count; i++)
		if (r->histogram_row[i] == row) {
			*ret = i;
			return true;
		}
	return false;
}

static bool evaluate(const struct attachment *a, struct reading *r, size_t row,
		     uint64_t *ret)
{
	int64_t difference;
	size_t histogram;

	if (!is_available(r, &a->metrics[row]))
		return false;
	switch (a->metrics[row].scope) {
	case SCOPE_DERIVED:
		if (!derive(a, r, r->raw, row, &difference))
			return false;
		r->clamped += difference < 0;
		*ret = difference < 0 ? 0 : (uint64_t)difference;
		return true;
	case SCOPE_PEAK:
		*ret = peak(a, r, row);
		return true;
	case SCOPE_BUCKETS:
	case SCOPE_TIMES:
		return find_histogram(r, row, ret);
	case SCOPE_TOTAL:
		*ret = r->raw[row];
		return find_total(a, &a->metrics[row], &histogram);
	default:
		*ret = r->raw[row];
		return true;
	}
}

static void add_value(struct snapshot *s, const struct metric_entry *m,
		      uint64_t value)
{
	struct metric_value *v = &s->values[s->count++];

	v->id = m->id;
	v->kind = m->kind;
	v->unit = m->unit;
	memcpy(v->key, m->key, sizeof(v->key));
	memcpy(v->brief, m->brief, sizeof(v->brief));
	if (m->kind != METRIC_HISTOGRAM &&
	    metric_unit_is_real((enum metric_unit)m->unit))
		v->value.f64 = (double)value / NS_PER_SECOND;
	else
		v->value.u64 = value;
}

_Static_assert(sizeof(((struct metric_value *)0)->key) == METRIC_KEY_BYTES &&
	       sizeof(((struct metric_value *)0)->brief) == METRIC_BRIEF_BYTES &&
	       SNAPSHOT_VALUES_MAX > METRICS_READ_MAX, "a row fits a value");

static void fill_values(const struct attachment *a, struct reading *r,
			struct snapshot *s)
{
	size_t frees;

	for (size_t i = 0; i < a->metric_count; i++) {
		uint64_t value;

		if (evaluate(a, r, i, &value))
			add_value(s, &a->metrics[i], value);
	}
	memcpy(s->histograms, r->histograms, sizeof(s->histograms));
	s->histogram_count = r->histogram_count;
	if (find_row(a, METRIC_HEAP_FREES_OBJECTS, &frees) &&
	    is_subtracted(a, &a->metrics[frees]))
		s->skew_objects = r->again[frees] - r->raw[frees];
	s->clamped = r->clamped;
	s->approximate = r->clamped || a->identity.baseline_approximate;
}

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

enum attach_error attach_snapshot(const struct attachment *a,
				  struct snapshot *ret)
{
	for (int tries = 0; tries <= RETRIES; tries++) {
		struct reading r = { 0 };
		struct reading_and_snapshot both = { &r, ret };

		memset(ret, 0, sizeof(*ret));
		ret->state = attach_state(a);
		ret->realtime_ns = clock_ns(CLOCK_REALTIME);
		ret->monotonic_ns = clock_ns(CLOCK_MONOTONIC);
		if (!attach_read_guarded(a, read_both, &both))
			return ATTACH_TRUNCATED;
		fill_values(a, &r, ret);
		if (ret->skew_objects <=
		    snapshot_u64(ret, METRIC_HEAP_LIVE_OBJECTS) / SKEW_PARTS)
			break;
	}
	ret->clamped = *a->clamped += ret->clamped;
	/* After the counts: of what went past meanwhile they know nothing. */
	return attach_read_coverage(a, ret) ? ATTACH_OK : ATTACH_TRUNCATED;
}

const struct metric_value *snapshot_value(const struct snapshot *s,
					  enum metric_id id)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->values[i].id == id)
			return &s->values[i];
	return NULL;
}

uint64_t snapshot_u64(const struct snapshot *s, enum metric_id id)
{
	const struct metric_value *v = snapshot_value(s, id);

	return v ? v->value.u64 : 0;
}

const struct size_histogram *snapshot_histogram(const struct snapshot *s,
						const struct metric_value *v)
{
	if (v->kind != METRIC_HISTOGRAM || v->value.histogram >= s->histogram_count)
		return NULL;
	return &s->histograms[v->value.histogram];
}

double snapshot_figures_age(const struct snapshot *s)
{
	if (s->figures_monotonic_ns > s->monotonic_ns)
		return 0;
	return (double)(s->monotonic_ns - s->figures_monotonic_ns) / NS_PER_SECOND;
}

uint64_t histogram_upper_bound(const struct size_histogram *h, unsigned bucket)
{
	return bucket >= h->count - 1 ? UINT64_MAX : 1ULL << (h->first_log2 + bucket);
}

static struct metric_value *append(struct snapshot *s, enum metric_id id)
{
	const struct metric *m = metric_by_id(id);
	struct metric_value *v;

	if (!m || s->count >= SNAPSHOT_VALUES_MAX)
		return NULL;
	v = &s->values[s->count++];
	v->id = m->id;
	v->kind = m->kind;
	v->unit = (uint8_t)metric_unit_of_key(m->key);
	strncpy(v->key, m->key, sizeof(v->key) - 1);
	strncpy(v->brief, m->brief, sizeof(v->brief) - 1);
	return v;
}

bool snapshot_add_u64(struct snapshot *s, enum metric_id id, uint64_t value)
{
	struct metric_value *v = append(s, id);

	if (v)
		v->value.u64 = value;
	return v != NULL;
}

bool snapshot_add_f64(struct snapshot *s, enum metric_id id, double value)
{
	struct metric_value *v = append(s, id);

	if (v)
		v->value.f64 = value;
	return v != NULL;
}
