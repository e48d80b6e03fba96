/* SPDX-License-Identifier: MIT */
/* The registry of metrics: every row well-formed, ids and keys for ever. */
#include <ctype.h>

#include "shm/attachment.h"
#include "shm/layout.h"
#include "shm/metrics.h"
#include "tests/unit/tap.h"

/*
 * Ids are stored in segments, keys in other people's dashboards: a row of
 * this list never changes. To add a metric, append its row here as well.
 */
static const struct {
	unsigned id;
	const char *key;
} frozen[] = {
	{ 1, "/heap/live:bytes" },
	{ 2, "/heap/live:objects" },
	{ 3, "/heap/peak:bytes" },
	{ 4, "/heap/peak/slack:bytes" },
	{ 5, "/heap/allocs:bytes" },
	{ 6, "/heap/allocs:objects" },
	{ 7, "/heap/frees:bytes" },
	{ 8, "/heap/frees:objects" },
	{ 9, "/heap/reallocs:calls" },
	{ 10, "/heap/alloc-failures:calls" },
	{ 11, "/heap/foreign-frees:objects" },
	{ 12, "/threads/live:threads" },
	{ 13, "/threads/peak:threads" },
	{ 14, "/threads/started:threads" },
	{ 15, "/threads/exited:threads" },
	{ 16, "/process/resident:bytes" },
	{ 17, "/process/anonymous:bytes" },
	{ 18, "/process/virtual:bytes" },
	{ 19, "/process/uptime:seconds" },
	{ 20, "/heap/allocs-by-size:bytes" },
	{ 21, "/heap/frees-by-size:bytes" },
	{ 22, "/threads/kernel:threads" },
	{ 23, "/threads/state/runnable:threads" },
	{ 24, "/threads/state/sleeping:threads" },
	{ 25, "/threads/state/uninterruptible:threads" },
	{ 26, "/threads/state/stopped:threads" },
	{ 27, "/threads/state/zombie:threads" },
	{ 28, "/process/resident/peak:bytes" },
	{ 29, "/process/proportional:bytes" },
	{ 30, "/process/private-mapped:bytes" },
	{ 31, "/process/mapped-files:bytes" },
	{ 32, "/process/shared-memory:bytes" },
	{ 33, "/process/swapped:bytes" },
	{ 34, "/process/start-time:seconds" },
	{ 35, "/process/open-fds:fds" },
	{ 36, "/process/max-fds:fds" },
	{ 37, "/process/max-virtual:bytes" },
	{ 38, "/cpu/user:cpu-seconds" },
	{ 39, "/cpu/system:cpu-seconds" },
	{ 40, "/cpu/purge:cpu-seconds" },
	{ 41, "/sched/run-delay:seconds" },
	{ 42, "/sched/timeslices:slices" },
	{ 43, "/sched/processors:threads" },
	{ 44, "/sched/cpus:cpus" },
	{ 45, "/sched/switches/voluntary:switches" },
	{ 46, "/sched/switches/involuntary:switches" },
	{ 47, "/memory/limit:bytes" },
	{ 48, "/memory/faults/major:faults" },
	{ 49, "/memory/faults/minor:faults" },
	{ 50, "/io/read:bytes" },
	{ 51, "/io/written:bytes" },
	{ 52, "/io/disk/read:bytes" },
	{ 53, "/io/disk/written:bytes" },
	{ 54, "/cgroup/memory/current:bytes" },
	{ 55, "/cgroup/memory/peak:bytes" },
	{ 56, "/cgroup/memory/limit:bytes" },
	{ 57, "/cgroup/memory/oom-kills:events" },
	{ 58, "/cgroup/cpu/usage:cpu-seconds" },
	{ 59, "/cgroup/cpu/throttled:seconds" },
	{ 60, "/cgroup/cpu/quota:cpu-seconds" },
	{ 61, "/cgroup/cpu/period:seconds" },
	{ 62, "/cgroup/pids/current:threads" },
	{ 63, "/cgroup/pids/limit:threads" },
	{ 64, "/threads/stack/reserved:bytes" },
	{ 65, "/threads/stack/resident:bytes" },
	{ 66, "/threads/stack/cached:bytes" },
	{ 67, "/heap/sys:bytes" },
	{ 68, "/heap/in-use:bytes" },
	{ 69, "/heap/idle:bytes" },
	{ 70, "/heap/released:bytes" },
	{ 71, "/heap/metadata:bytes" },
	{ 72, "/heap/trims:calls" },
	{ 73, "/heap/purges:calls" },
	{ 74, "/heap/stall:seconds" },
	{ 75, "/heap/allocs/requested:bytes" },
	{ 76, "/cpu/allocator:cpu-seconds" },
	{ 77, "/sync/mutex/wait/total:seconds" },
	{ 78, "/sync/mutex/contentions:waits" },
	{ 79, "/gc/cycles/total:gc-cycles" },
	{ 80, "/gc/pauses:seconds" },
	{ 81, "/gc/pauses/total:seconds" },
	{ 82, "/gc/last:seconds" },
	{ 83, "/heaptally/clamped:events" },
};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* One path component: a letter, then letters, digits, single dashes. */
static const char *component_end(const char *at)
{
	if (!islower((unsigned char)*at))
		return NULL;
	while (islower((unsigned char)*at) || isdigit((unsigned char)*at) ||
	       (*at == '-' && at[1] != '-' && at[1] != '/' && at[1] != ':'))
		at++;
	return at;
}

/* Go's runtime/metrics grammar: /component(/component)*:unit */
static bool key_is_wellformed(const char *key)
{
	while (*key == '/') {
		key = component_end(key + 1);
		if (!key)
			return false;
	}
	if (*key != ':')
		return false;
	key = component_end(key + 1);
	return key && *key == '\0';
}

static void test_grammar_check_itself(void)
{
	ok(key_is_wellformed("/a/b-c:bytes"), "grammar: accepts a good key");
	ok(!key_is_wellformed("a:bytes"), "grammar: rejects no slash");
	ok(!key_is_wellformed("/a"), "grammar: rejects no unit");
	ok(!key_is_wellformed("/a:"), "grammar: rejects an empty unit");
	ok(!key_is_wellformed("/a//b:bytes"), "grammar: rejects //");
	ok(!key_is_wellformed("/A:bytes"), "grammar: rejects capitals");
	ok(!key_is_wellformed("/a-:bytes"), "grammar: rejects a last dash");
}

static void test_texts(const struct metric *m)
{
	size_t brief = strlen(m->brief);
	size_t help = strlen(m->help);

	ok(key_is_wellformed(m->key), "%s: grammar", m->key);
	ok(strlen(m->key) < METRIC_KEY_BYTES, "%s: key fits", m->key);
	ok(brief > 0 && brief < METRIC_BRIEF_BYTES, "%s: brief fits", m->key);
	ok(brief && m->brief[brief - 1] != '.', "%s: brief is no sentence",
	   m->key);
	ok(help > brief && m->help[help - 1] == '.', "%s: help is a sentence",
	   m->key);
	ok(metric_unit_of_key(m->key) != UNIT_NONE, "%s: unit is known",
	   m->key);
	ok(strcmp(metric_kind_name((enum metric_kind)m->kind), "?") != 0,
	   "%s: kind is known", m->key);
}

static bool slot_offset_is_sound(const struct metric *m)
{
	return m->offset % 8 == 0 && m->offset < SLOT_COUNTERS * 8;
}

/* Only the moving part of the header may be behind a metric. */
static bool header_offset_is_sound(const struct metric *m)
{
	return m->offset % 8 == 0 &&
	       m->offset >= offsetof(struct segment_header, slots_committed) &&
	       m->offset + 8 <= sizeof(struct segment_header);
}

static bool operand_is_sound(const struct metric *m, unsigned which,
			     int want_scope)
{
	const struct metric *of = metric_by_id(m->operand[which]);

	return of && of != m && of->scope == want_scope &&
	       metric_unit_of_key(of->key) == metric_unit_of_key(m->key);
}

/* Of two sums over the slots; objects are the totals of histograms. */
static bool difference_is_sound(const struct metric *m)
{
	int want = metric_unit_of_key(m->key) == UNIT_OBJECTS ? SCOPE_TOTAL
							      : SCOPE_SLOT;

	return operand_is_sound(m, 0, want) && operand_is_sound(m, 1, want) &&
	       m->operand[0] != m->operand[1];
}

/* All the buckets that the layout has, in one of its two arrays. */
static bool buckets_are_sound(const struct metric *m)
{
	return m->kind == METRIC_HISTOGRAM &&
	       metric_unit_of_key(m->key) == UNIT_BYTES &&
	       (m->offset == offsetof(struct slot, alloc_by_size) ||
		m->offset == offsetof(struct slot, free_by_size)) &&
	       m->operand[0] == SIZE_BUCKETS && m->operand[1] == SIZE_FIRST_LOG2;
}

/* Times are counted in the header, in one of its two arrays. */
static bool times_are_sound(const struct metric *m)
{
	return m->kind == METRIC_HISTOGRAM && m->available &&
	       metric_unit_of_key(m->key) == UNIT_SECONDS &&
	       (m->offset == offsetof(struct segment_header, stall_ns) ||
		m->offset == offsetof(struct segment_header, gc_pause_ns)) &&
	       m->operand[0] == TIME_BUCKETS && m->operand[1] == TIME_FIRST_LOG2;
}

static bool total_is_sound(const struct metric *m)
{
	const struct metric *of = metric_by_id(m->operand[0]);

	return m->kind == METRIC_COUNTER && of &&
	       metric_unit_of_key(m->key) == UNIT_OBJECTS &&
	       of->scope == SCOPE_BUCKETS && !m->offset && !m->operand[1];
}

static bool source_is_sound(const struct metric *m)
{
	switch (m->scope) {
	case SCOPE_SLOT:
		return m->kind == METRIC_COUNTER && slot_offset_is_sound(m) &&
		       !m->operand[0] && !m->operand[1];
	case SCOPE_GLOBAL:
		return m->kind != METRIC_HISTOGRAM &&
		       header_offset_is_sound(m) && !m->operand[0] &&
		       !m->operand[1];
	case SCOPE_DERIVED:
		return header_offset_is_sound(m) && m->kind == METRIC_GAUGE &&
		       difference_is_sound(m);
	case SCOPE_PEAK:
		return header_offset_is_sound(m) &&
		       m->kind == METRIC_HIGHWATER &&
		       operand_is_sound(m, 0, SCOPE_DERIVED) && !m->operand[1];
	case SCOPE_KERNEL:
		return m->kind != METRIC_HISTOGRAM && !m->operand[0] &&
		       !m->operand[1];
	case SCOPE_BUCKETS:
		return buckets_are_sound(m);
	case SCOPE_TOTAL:
		return total_is_sound(m);
	case SCOPE_TIMES:
		return times_are_sound(m);
	}
	return false;
}

/* What a metric is read from: of a slot or of the header, from here... */
static bool storage_of(const struct metric *m, bool *ret_in_slot,
		       uint32_t *ret_from, uint32_t *ret_to)
{
	*ret_in_slot = m->scope == SCOPE_SLOT || m->scope == SCOPE_BUCKETS;
	*ret_from = m->offset;
	*ret_to = m->offset +
		  8u * (m->kind == METRIC_HISTOGRAM ? m->operand[0] : 1);
	return m->scope != SCOPE_KERNEL && m->scope != SCOPE_TOTAL;
}

static bool shares_storage(const struct metric *a, const struct metric *b)
{
	uint32_t a_from, a_to, b_from, b_to;
	bool a_in_slot, b_in_slot;

	if (a->scope == SCOPE_TOTAL && b->scope == SCOPE_TOTAL)
		return a->operand[0] == b->operand[0];
	return storage_of(a, &a_in_slot, &a_from, &a_to) &&
	       storage_of(b, &b_in_slot, &b_from, &b_to) &&
	       a_in_slot == b_in_slot && a_from < b_to && b_from < a_to;
}

static void test_unique(const struct metric *all, size_t count)
{
	unsigned same_id = 0, same_key = 0, same_word = 0;

	for (size_t i = 0; i < count; i++)
		for (size_t j = i + 1; j < count; j++) {
			same_id += all[i].id == all[j].id;
			same_key += strcmp(all[i].key, all[j].key) == 0;
			same_word += shares_storage(&all[i], &all[j]);
		}
	is_u64(same_id, 0, "ids are unique");
	is_u64(same_key, 0, "keys are unique");
	is_u64(same_word, 0, "no two metrics share a word");
}

static void test_rows(void)
{
	size_t count = 0, of_kernel = 0;
	const struct metric *all = metrics_all(&count);

	for (size_t i = 0; i < count; i++)
		of_kernel += all[i].scope == SCOPE_KERNEL;
	ok(count > of_kernel && count - of_kernel <= METRICS_MAX,
	   "the table fits in a segment");
	ok(METRICS_READ_MAX + of_kernel <= SNAPSHOT_VALUES_MAX,
	   "the kernel's figures fit beside the longest table");
	test_unique(all, count);
	for (size_t i = 0; i < count; i++) {
		test_texts(&all[i]);
		ok(source_is_sound(&all[i]), "%s: source", all[i].key);
		ok(all[i].id != 0, "%s: id 0 means none", all[i].key);
		ok(metric_by_id(all[i].id) == &all[i], "%s: found by id",
		   all[i].key);
		ok(metric_by_key(all[i].key) == &all[i], "%s: found by key",
		   all[i].key);
	}
}

static void test_frozen(void)
{
	size_t count = 0;

	metrics_all(&count);
	is_u64(count, COUNT_OF(frozen), "every metric is on the frozen list");
	for (size_t i = 0; i < COUNT_OF(frozen); i++) {
		const struct metric *m = metric_by_id(frozen[i].id);

		is_str(m ? m->key : NULL, frozen[i].key, "id %u is frozen",
		       frozen[i].id);
	}
	is_u64(METRIC_HEAP_LIVE_BYTES, 1, "the enum carries the ids");
	is_u64(METRIC_PROCESS_UPTIME_SECONDS, 19, "whatever the order");
	is_u64(METRIC_HEAP_FREES_BY_SIZE_BYTES, 21, "to the last");
	is_u64(METRIC_HISTOGRAM, 4, "kinds carry what is stored");
	is_u64(SCOPE_BUCKETS, 6, "and so do scopes");
	is_u64(SCOPE_TIMES, 8, "to the last");
}

static void test_lookups_fail(void)
{
	ok(!metric_by_id(0), "no metric 0");
	ok(!metric_by_id(65535), "no metric 65535");
	ok(!metric_by_id(65536 + 1), "an id is not cut to 16 bits");
	ok(!metric_by_key(""), "no empty key");
	ok(!metric_by_key("/heap/live"), "no key by prefix");
	ok(!metric_by_key("/heap/live:bytes "), "no key with a tail");
	ok(!metric_by_key("/HEAP/LIVE:BYTES"), "keys know case");
}

static void test_units(void)
{
	is_u64(metric_unit_of_key("/x:bytes"), UNIT_BYTES, "unit bytes");
	is_u64(metric_unit_of_key("/x:objects"), UNIT_OBJECTS, "unit objects");
	is_u64(metric_unit_of_key("/x:threads"), UNIT_THREADS, "unit threads");
	is_u64(metric_unit_of_key("/x:calls"), UNIT_CALLS, "unit calls");
	is_u64(metric_unit_of_key("/x:seconds"), UNIT_SECONDS, "unit seconds");
	is_u64(metric_unit_of_key("/x:cpu-seconds"), UNIT_CPU_SECONDS,
	       "unit cpu-seconds is not seconds");
	is_u64(metric_unit_of_key("/x:events"), UNIT_EVENTS, "the last unit");
	ok(metric_unit_is_real(UNIT_SECONDS) &&
	   metric_unit_is_real(UNIT_CPU_SECONDS), "times are real numbers");
	ok(!metric_unit_is_real(UNIT_BYTES) && !metric_unit_is_real(UNIT_CPUS) &&
	   !metric_unit_is_real((enum metric_unit)255), "nothing else is");
	is_u64(metric_unit_of_key("/x:none"), UNIT_NONE, "unit none is none");
	is_u64(metric_unit_of_key("/x:byte"), UNIT_NONE, "unknown unit");
	is_u64(metric_unit_of_key("/x:"), UNIT_NONE, "empty unit");
	is_u64(metric_unit_of_key("/bytes"), UNIT_NONE, "no unit");
	is_u64(metric_unit_of_key(""), UNIT_NONE, "no key");
}

static void test_names(void)
{
	is_str(metric_unit_name(UNIT_NONE), "none", "name of no unit");
	is_str(metric_unit_name(UNIT_SECONDS), "seconds", "name of a unit");
	is_str(metric_unit_name(UNIT_EVENTS), "events", "name of the last");
	is_str(metric_unit_name((enum metric_unit)15), "?", "unit 15");
	is_str(metric_unit_name((enum metric_unit)255), "?", "unit 255");
	is_str(metric_unit_name((enum metric_unit)-1), "?", "unit -1");
	is_str(metric_kind_name(METRIC_COUNTER), "counter", "counter");
	is_str(metric_kind_name(METRIC_GAUGE), "gauge", "gauge");
	is_str(metric_kind_name(METRIC_HIGHWATER), "highwater", "highwater");
	is_str(metric_kind_name((enum metric_kind)0), "?", "kind 0");
	is_str(metric_kind_name(METRIC_HISTOGRAM), "histogram", "histogram");
	is_str(metric_kind_name((enum metric_kind)5), "?", "kind 5");
	is_str(metric_kind_name((enum metric_kind)-1), "?", "kind -1");
}

int main(void)
{
	RUN(test_grammar_check_itself());
	RUN(test_rows());
	RUN(test_frozen());
	RUN(test_lookups_fail());
	RUN(test_units());
	RUN(test_names());
	return done();
}
