/* SPDX-License-Identifier: MIT */
/*
 * The public library: the rules of its table, of samples and of errors; old
 * and newer segments; itself as a live process, and its end.
 */
#include <math.h>
#include <pthread.h>
#include <time.h>

#include "reader/api/heaptally.h"
#include "tests/unit/own_image.h"
#include "tests/unit/own_segment.h"

static struct ht *h;

static void is_error(int got, int want, const char *message, const char *what)
{
	ok(got == want, "%s: %s", what, strerror(-want));
	if (got != want)
		diag("got %d (%s)", got, strerror(-got));
	is_str(ht_message(h), message, "%s: the text", what);
}

/* ---- the table ---- */

static void test_table(void)
{
	size_t count, again;
	const struct ht_metric *all = ht_all(&count);
	bool taken[256] = { false };

	ok(count >= 60 && count <= 256, "there are some");
	ok(ht_all(&again) == all && again == count, "always the same");
	for (size_t i = 0; i < count; i++) {
		const struct ht_metric *m = &all[i];
		const char *unit = strrchr(m->key, ':');

		ok(i == 0 || strcmp(all[i - 1].key, m->key) < 0, "sorted: %s",
		   m->key);
		is_str(m->unit, unit + 1, "%s: unit", m->key);
		ok(m->brief[0] && m->availability[0] &&
		   m->description[strlen(m->description) - 1] == '.',
		   "%s: texts", m->key);
		ok(m->order < count && !taken[m->order], "%s: order", m->key);
		taken[m->order] = true;
		ok((m->kind == HT_KIND_HISTOGRAM) ==
			   (m->type == HT_TYPE_HISTOGRAM), "%s: type", m->key);
		ok(m->kind == HT_KIND_HISTOGRAM ||
		   (m->kind == HT_KIND_F64) == (strstr(unit, "seconds") != NULL),
		   "%s: seconds are real", m->key);
		ok(m->cumulative == (m->type == HT_TYPE_COUNTER ||
				     m->type == HT_TYPE_HISTOGRAM),
		   "%s: what a rate is for", m->key);
	}
}

static void test_numbers(void)
{
	size_t count;
	const struct ht_metric *all = ht_all(&count);

	is_u64((uint64_t)ht_count(NULL), count, "numbers without a process");
	for (size_t i = 0; i < count; i++)
		ok(ht_lookup(NULL, all[i].key) == (int)i + 1 &&
		   ht_metric(NULL, (int)i + 1) == &all[i], "%s", all[i].key);
	ok(ht_lookup(NULL, "/heap/live:byte") == -ENOENT, "not quite a key");
	ok(ht_lookup(NULL, "") == -ENOENT, "no key");
	ok(!ht_metric(NULL, 0) && !ht_metric(NULL, -ENOENT) &&
	   !ht_metric(NULL, (int)count + 1), "no such numbers");
}

static void test_names(void)
{
	is_str(ht_state_name(HT_STATE_REPLACED), "replaced", "a state");
	is_str(ht_coverage_name(HT_COVERAGE_PARTIAL), "partial", "a coverage");
	is_str(ht_type_name(HT_TYPE_COUNTER), "counter", "a type");
	is_str(ht_state_name((enum ht_state)9), "?", "no state");
	is_str(ht_coverage_name((enum ht_coverage)9), "?", "no coverage");
	is_str(ht_type_name((enum ht_type)9), "?", "no type");
	is_u64(ht_abi(), HT_ABI, "one ABI");
}

/* ---- errors ---- */

static void test_nothing_open(void)
{
	struct ht_sample s = { .key = "/heap/live:bytes" };

	ht_close(h);
	ok(!ht_identity(h) && !ht_snapshot(h), "nobody");
	ok(!ht_place(h) && ht_dirfd(h) == -1, "nowhere");
	is_error(ht_read(h, &s, 1), -EBADF, "nothing is open", "read");
	is_error(ht_open_file(h, sandbox.dirfd, "heaptally.9.9"), -ENOENT,
		 "no such segment", "none");
	is_error(ht_open_file(h, -1, "heaptally.9.9"), -EBADF,
		 "cannot be read: bad file descriptor", "no directory");
	is_error(ht_open_pid(h, "/nonexistent", 1), -ENOENT,
		 "cannot open the directory of segments: "
		 "no such file or directory", "by pid");
	is_error(ht_open_pid(h, sandbox.path, 0x7ffffff0), -ENOENT,
		 "no such segment", "a pid that is none");
	ht_free(NULL);
}

static void refuse(struct segment_image *image, int want, const char *message)
{
	write_image(image);
	is_error(ht_open_file(h, sandbox.dirfd, IMAGE_NAME), want, message,
		 message);
	ok(!ht_identity(h), "%s: nothing is open", message);
	image_release(image);
}

static void test_refused(void)
{
	struct segment_image image = fresh_image();

	image_header(&image)->magic = 1;
	refuse(&image, -EBADMSG, "not a heaptally segment");
	image = fresh_image();
	image_header(&image)->abi = image_header(&image)->abi_compat = 99;
	refuse(&image, -EPROTONOSUPPORT,
	       "written by a newer version: update heaptally");
	image = fresh_image();
	image_header(&image)->slots.count = 0;
	refuse(&image, -EBADMSG,
	       "damaged: its sections do not fit together");
	image = fresh_image();
	image_header(&image)->state = SEGMENT_STARTING;
	refuse(&image, -EAGAIN,
	       "not finished: its process is starting or died so");
}

static void open_image(struct segment_image *image)
{
	write_image(image);
	ok(ht_open_file(h, sandbox.dirfd, IMAGE_NAME) == 0, "opens: %s",
	   ht_message(h));
	image_release(image);
}

static void test_truncated(void)
{
	struct segment_image image = fresh_image();
	struct ht_sample s = { .key = "/heap/live:bytes" };
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", sandbox.path, IMAGE_NAME);
	open_image(&image);
	ok(ht_read(h, &s, 1) == 0 && s.kind == HT_KIND_U64, "reads");
	if (truncate(path, PAGES(1)) != 0)
		sandbox_fail("truncate");
	is_error(ht_read(h, &s, 1), -ESTALE, "segment truncated", "cut");
	ok(s.kind == HT_KIND_U64, "the value is as it was");
}

#define PLACE_PID  0x7ffffff0 /* of forged segments */
#define PLACE_NAME "heaptally.2147483632.4711"

static void is_opened(const struct ht_place *want, const char *how)
{
	const struct ht_place *place = ht_place(h);
	struct stat st;

	ok(place && memcmp(place, want, sizeof(*place)) == 0, "%s: its place",
	   how);
	ok(place && fstatat(ht_dirfd(h), place->name, &st, 0) == 0,
	   "%s: its directory", how);
}

static void test_places(void)
{
	struct segment_image image = fresh_image();
	struct ht_place *places, bad = { .name = "" };
	size_t count = 99;

	unlinkat(sandbox.dirfd, IMAGE_NAME, 0);
	image_write(&image, sandbox.dirfd, PLACE_NAME);
	ok(ht_list(h, sandbox.path, 0, &places, &count) == 0, "lists");
	is_u64(count, 1, "the one there is");
	is_u64((uint64_t)places[0].pid, PLACE_PID, "by its pid");
	ok(ht_open_place(h, sandbox.path, &places[0]) == 0, "opens");
	is_opened(&places[0], "by place");
	ok(ht_open_pid(h, sandbox.path, places[0].pid) == 0, "by pid, too");
	is_opened(&places[0], "by pid");
	ok(ht_open_file(h, sandbox.dirfd, PLACE_NAME) == 0, "by name");
	is_str(ht_place(h)->name, PLACE_NAME, "by name: its name");
	is_u64((uint64_t)ht_place(h)->pid, 0, "by name: no more");
	free(places);
	symlinkat(PLACE_NAME, sandbox.dirfd, "heaptally.7.7");
	is_error(ht_open_pid(h, sandbox.path, 7), -EBADMSG,
		 "not a regular file", "a link");
	unlinkat(sandbox.dirfd, "heaptally.7.7", 0);
	is_error(ht_open_place(h, sandbox.path, &bad), -EINVAL,
		 "not the place of a segment", "no name");
	memset(bad.name, 'x', sizeof(bad.name));
	is_error(ht_open_place(h, sandbox.path, &bad), -EINVAL,
		 "not the place of a segment", "a name without an end");
	places = (struct ht_place *)(void *)&bad;
	is_error(ht_list(h, "/nonexistent", 0, &places, &count), -ENOENT,
		 "cannot list segments: no such file or directory", "no list");
	ok((void *)places == (void *)&bad && count == 1, "untouched");
	unlinkat(sandbox.dirfd, PLACE_NAME, 0);
	image_release(&image);
}

/* ---- samples ---- */

static void test_samples(void)
{
	struct segment_image image = fresh_image();
	struct ht_sample s[] = {
		{ .key = "/heap/live:bytes" },
		{ .number = ht_lookup(NULL, "/heap/allocs:objects") },
		{ .key = "/no/such:thing" },
		{ .number = 9999 },
		{ .key = "/process/resident:bytes" },
		{ .key = "/heap/allocs-by-size:bytes" },
		{ .key = "/heap/frees:objects", .number = 3 },
	};
	uint64_t number = 99;
	double real = 99;
	struct ht_histogram histogram;

	open_image(&image);
	ok(ht_read(h, s, 7) == 0, "reads");
	ok(ht_u64(&s[0], &number) == 0 && number == 600 * FRESH_SLOTS,
	   "by key");
	ok(ht_u64(&s[1], &number) == 0 && number == 10 * FRESH_SLOTS,
	   "by number");
	ok(ht_u64(&s[6], &number) == 0 && number == 4 * FRESH_SLOTS,
	   "the key counts, not a stale number");
	ok(s[6].number == ht_lookup(h, "/heap/frees:objects"),
	   "which is put right");
	number = 99;
	ok(ht_u64(&s[2], &number) == -ENOENT && s[2].reason, "no such key");
	ok(ht_u64(&s[3], &number) == -ENOENT && s[3].reason, "no such number");
	ok(ht_u64(&s[4], &number) == -ESRCH, "ended: not known any more");
	is_str(s[4].reason, "the process has ended", "and why");
	/* The wrong question is refused, and nothing is stored. */
	ok(ht_f64(&s[0], &real) == -EINVAL && real == 99, "no real number");
	ok(ht_u64(&s[5], &number) == -EINVAL && number == 99, "no number");
	ok(ht_histogram(&s[0], &histogram) == -EINVAL, "no histogram");
	ok(ht_u64(&(struct ht_sample){ .key = "x" }, &number) == -EINVAL,
	   "never read");
	ok(ht_histogram(&s[5], &histogram) == 0 && histogram.buckets == 48 &&
	   histogram.bounds[0] == 0 && histogram.bounds[1] == 8 &&
	   isinf(histogram.bounds[48]), "bounds");
	for (size_t i = 0; i < histogram.buckets; i++)
		ok(histogram.bounds[i] < histogram.bounds[i + 1] &&
		   histogram.counts[i] == (i == IMAGE_BUCKET ?
					   10u * FRESH_SLOTS : 0),
		   "bucket %zu", i);
}

static void test_unseen(void)
{
	struct segment_image image = fresh_image();
	struct ht_sample s[] = { { .key = "/heap/live:bytes" },
				 { .key = "/threads/live:threads" } };

	image_header(&image)->coverage = COVERAGE_NONE;
	open_image(&image);
	ok(ht_read(h, s, 2) == 0 && ht_identity(h)->coverage ==
		   HT_COVERAGE_NONE, "reads");
	is_u64((uint64_t)-s[0].error, ENOTSUP, "no false zero");
	is_str(s[0].reason, "nothing of its allocation is seen", "why");
	ok(s[1].kind == HT_KIND_U64, "threads are seen");
}

static void poke(size_t offset, const void *bytes, size_t count)
{
	int fd = openat(sandbox.dirfd, IMAGE_NAME, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || pwrite(fd, bytes, count, (off_t)offset) != (ssize_t)count)
		sandbox_fail("poke");
	close(fd);
}

/* It may fall while the process runs. */
static void test_coverage_falls(void)
{
	static const char reason[] = "something went past";
	static const uint32_t none = COVERAGE_NONE;
	struct segment_image image = fresh_image();
	struct ht_sample s = { .key = "/heap/live:bytes" };

	open_image(&image);
	ok(ht_read(h, &s, 1) == 0 && s.kind == HT_KIND_U64, "seen");
	ok(ht_identity(h)->coverage == HT_COVERAGE_FULL, "full");
	is_str(ht_identity(h)->coverage_reason, "", "no reason");
	poke(offsetof(struct segment_header, coverage_reason), reason,
	     sizeof(reason));
	poke(offsetof(struct segment_header, coverage), &none, sizeof(none));
	ok(ht_identity(h)->coverage == HT_COVERAGE_FULL, "as it was read");
	ok(ht_read(h, &s, 1) == 0 && s.error == -ENOTSUP, "no longer seen");
	ok(ht_identity(h)->coverage == HT_COVERAGE_NONE, "none");
	is_str(ht_identity(h)->coverage_reason, reason, "the reason");
}

/* A segment may call a known metric anything. */
static void test_contradiction(void)
{
	struct segment_image image = fresh_image();
	struct ht_sample s[] = {
		{ .key = "/heap/peak/slack:bytes" },
		{ .key = "/heap/peak:bytes" },
	};

	strcpy(image_metric(&image, 3)->key, "/heap/other:bytes");
	open_image(&image);
	ok(ht_read(h, s, 2) == 0, "reads");
	is_u64((uint64_t)-s[0].error, EPROTO, "another key: %s", s[0].reason);
	ok(s[1].kind == HT_KIND_U64, "the others are as ever");
	ok(ht_lookup(h, "/heap/other:bytes") == -ENOENT, "no such metric");
}

/* ---- threads ---- */

static struct segment_request live_request(void)
{
	struct segment_request request = own_request();

	request.starttime_ticks = real_starttime();
	request.pidns_inode = real_pidns();
	return request;
}

static void add_counts(struct ht_thread_counts *to,
		       const struct ht_thread_counts *more)
{
	to->allocs_objects += more->allocs_objects;
	to->allocs_bytes += more->allocs_bytes;
	to->frees_objects += more->frees_objects;
	to->frees_bytes += more->frees_bytes;
}

/* Each slot has 10 allocs of 100 bytes, 4 frees; see test_threads.c. */
static void test_thread_list(void)
{
	struct segment_image image = fresh_image();
	unsigned exclusive = FRESH_SLOTS - OVERFLOW_SLOTS;
	struct ht_thread *list = NULL;
	struct ht_threads_rest rest;
	struct ht_thread_counts sum = { 0 };
	size_t count = 0;

	image_slot(&image, OVERFLOW_SLOTS + 4)->alloc_bytes += 7;
	image_slot(&image, OVERFLOW_SLOTS + 5)->sequence = 3;
	image_slot(&image, OVERFLOW_SLOTS + 6)->owned = 0;
	open_image(&image);
	ok(ht_threads(h, &list, &count, &rest) == 0, "lists threads");
	is_u64(count, exclusive - 2, "but the half written and the ended one");
	is_u64((uint64_t)list[0].tid, 1000 + OVERFLOW_SLOTS + 4, "most net first");
	is_u64(list[0].counts.allocs_bytes, 707, "its own");
	is_u64((uint64_t)list[1].tid, 1000 + OVERFLOW_SLOTS, "then by number");
	is_u64(list[1].counts.frees_objects, 3, "its own frees");
	ok(list[0].age_seconds < 0 && !list[0].host_tid && !list[0].name[0] &&
	   !list[0].has_stack_reserved && !list[0].has_stack_resident,
	   "of the dead nothing from the kernel");
	is_u64(rest.unknown_rows, 1, "half written");
	for (size_t i = 0; i < count; i++)
		add_counts(&sum, &list[i].counts);
	add_counts(&sum, &rest.counts);
	is_u64(sum.allocs_objects, 10 * FRESH_SLOTS, "all allocs");
	is_u64(sum.allocs_bytes, 1000 * FRESH_SLOTS + 7, "all allocated");
	is_u64(sum.frees_objects, 4 * FRESH_SLOTS, "all frees");
	is_u64(sum.frees_bytes, 400 * FRESH_SLOTS, "all freed");
	free(list);
}

static void test_no_thread_list(void)
{
	struct segment_image image = fresh_image();
	struct ht_thread *list = NULL;
	struct ht_threads_rest rest = { .without_row = 99 };
	size_t count = 99;
	char path[128];

	ht_close(h);
	is_error(ht_threads(h, &list, &count, &rest), -EBADF, "nothing is open",
		 "threads of nobody");
	image_header(&image)->flags &= ~(uint32_t)SEGMENT_THREAD_BASES;
	open_image(&image);
	is_error(ht_threads(h, &list, &count, &rest), -ENOTSUP,
		 "the library of that process is older", "no rows");
	snprintf(path, sizeof(path), "%s/%s", sandbox.path, IMAGE_NAME);
	if (truncate(path, PAGES(1)) != 0)
		sandbox_fail("truncate");
	is_error(ht_threads(h, &list, &count, &rest), -ESTALE,
		 "segment truncated", "threads of what was cut");
	ok(!list && count == 99 && rest.without_row == 99, "untouched");
}

/* A value stays what it was while threads are listed. */
static void test_thread_list_live(void)
{
	struct segment_request request = live_request();
	struct ht_sample s = { .key = "/heap/allocs-by-size:bytes" };
	struct ht_histogram before, after;
	struct ht_thread *list = NULL;
	struct ht_threads_rest rest;
	size_t count = 99;
	struct segment made;

	create_or_die(&made, &request);
	made.header->coverage = COVERAGE_FULL;
	segment_publish(&made);
	ok(ht_open_file(h, sandbox.dirfd, own_name(&made)) == 0, "opens");
	ok(ht_read(h, &s, 1) == 0 && ht_histogram(&s, &before) == 0, "reads");
	ok(ht_threads(h, &list, &count, &rest) == 0, "lists");
	is_u64(count, 0, "nobody took a slot");
	free(list);
	ok(ht_histogram(&s, &after) == 0 && after.counts == before.counts &&
	   ht_snapshot(h)->state == HT_STATE_LIVE, "the value is as it was");
	drop_and_unlink(&made);
}

/* ---- golden segments ---- */

static const struct golden {
	const char *key;
	uint64_t value;
} goldens[] = {
	{ "/heap/live:bytes", 9700 },
	{ "/heap/live:objects", 77 },
	{ "/heap/peak:bytes", 12345 },
	{ "/heap/peak/slack:bytes", 64 },
	{ "/heap/allocs:bytes", 10045 },
	{ "/heap/allocs:objects", 145 },
	{ "/heap/frees:bytes", 1045 },
	{ "/heap/frees:objects", 75 },
	{ "/heap/reallocs:calls", 55 },
	{ "/heap/alloc-failures:calls", 45 },
	{ "/heap/foreign-frees:objects", 20 },
	{ "/threads/live:threads", 6 },
	{ "/threads/peak:threads", 9 },
	{ "/threads/started:threads", 45 },
	{ "/threads/exited:threads", 40 },
};

static const struct golden newer[] = {
	{ "/new/in-slot:calls", 50 },
	{ "/new/in-header:bytes", 424242 },
	{ "/new/unit:furlongs", 8 },
	{ "/new/kind:bytes", 9 },
};

static void is_golden(const struct golden *want)
{
	struct ht_sample s = { .key = want->key };
	uint64_t value = 0;

	ok(ht_read(h, &s, 1) == 0 && ht_u64(&s, &value) == 0, "%s: %s",
	   want->key, s.reason ? s.reason : "is there");
	is_u64(value, want->value, "%s", want->key);
}

static void open_golden(const char *name)
{
	int fd = open("tests/golden", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct ht_identity *id;

	if (!ok(ht_open_file(h, fd, name) == 0, "%s: %s", name,
		ht_message(h)))
		sandbox_fail(name);
	close(fd);
	id = ht_identity(h);
	is_u64((uint64_t)id->pid, 2147483632, "pid");
	is_u64((uint64_t)id->parent_pid, 4242, "parent");
	is_u64(id->exec_count, 3, "earlier programs");
	is_u64(id->tally_realtime_ns, 1767225600000000000, "when it began");
	is_str(id->command, "golden", "command");
	is_str(id->exe, "/usr/bin/golden", "exe");
	is_str(id->provider, "glibc 2.36", "provider");
	is_str(id->instance, "00112233445566778899aabbccddeeff", "instance");
	is_str(id->coverage_reason, "as gold has it", "reason");
	ok(id->coverage == HT_COVERAGE_PARTIAL && !id->host_pid &&
	   !id->in_our_namespace, "the rest");
	ok(ht_state(h) == HT_STATE_EXITED, "its end");
	for (size_t i = 0; i < sizeof(goldens) / sizeof(goldens[0]); i++)
		is_golden(&goldens[i]);
}

static void test_golden_abi1(void)
{
	size_t count;

	open_golden("abi1.segment");
	ht_all(&count);
	is_u64((uint64_t)ht_count(h), count, "no metric of its own");
}

static void test_golden_abi2(void)
{
	size_t count;
	const struct ht_metric *m;

	open_golden("abi2.segment");
	ht_all(&count);
	is_u64((uint64_t)ht_count(h), count + 4, "metrics of its own");
	for (size_t i = 0; i < sizeof(newer) / sizeof(newer[0]); i++)
		is_golden(&newer[i]);
	ok(ht_lookup(h, "/new/scope:objects") == -ENOENT, "unknown scope");
	ok(ht_lookup(h, "/new/outside:objects") == -ENOENT, "no such slot");
	m = ht_metric(h, ht_lookup(h, "/new/in-slot:calls"));
	ok(m && m->type == HT_TYPE_COUNTER && m->cumulative &&
	   m->order >= count, "it says itself what it is");
	is_str(m->unit, "calls", "its unit");
	is_str(m->description, "a counter behind the slot of abi 1", "its text");
	ok(!ht_metric(NULL, ht_lookup(h, "/new/in-slot:calls")),
	   "but of this process only");
}

/* ---- a live process: this one ---- */

#define ALL_MAX 256

/* Reads everything there is; how many of them have a value. */
static unsigned read_all(struct ht *handle, struct ht_sample *samples)
{
	unsigned present = 0;
	int count = ht_count(handle);

	memset(samples, 0, ALL_MAX * sizeof(*samples));
	for (int i = 0; i < count; i++)
		samples[i].number = i + 1;
	if (ht_read(handle, samples, (size_t)count) != 0)
		return 0;
	for (int i = 0; i < count; i++)
		present += samples[i].kind != HT_KIND_BAD;
	return present;
}

static void check_sound(const struct ht_sample *samples)
{
	for (int i = 0; i < ht_count(h); i++) {
		const struct ht_metric *m = ht_metric(h, i + 1);
		const struct ht_sample *s = &samples[i];

		ok(s->kind == (int)m->kind || s->kind == HT_KIND_BAD,
		   "%s: of its kind", m->key);
		ok((s->kind == HT_KIND_BAD) == (s->reason != NULL) &&
		   (s->kind == HT_KIND_BAD) == (s->error != 0),
		   "%s: a reason where there is no value", m->key);
		ok(s->kind != HT_KIND_F64 || isfinite(s->value.f64),
		   "%s: finite", m->key);
	}
}

static void test_live(void)
{
	static struct ht_sample samples[ALL_MAX];
	struct segment_request request = live_request();
	struct segment s;
	unsigned live;

	create_or_die(&s, &request);
	s.header->coverage = COVERAGE_FULL;
	segment_publish(&s);
	ok(ht_open_file(h, sandbox.dirfd, own_name(&s)) == 0, "opens");
	ok(ht_state(h) == HT_STATE_LIVE, "alive");
	is_u64((uint64_t)ht_identity(h)->host_pid, (uint64_t)getpid(), "here");
	live = read_all(h, samples);
	ok(live > 40, "%u values", live);
	check_sound(samples);
	ok(ht_snapshot(h)->state == HT_STATE_LIVE &&
	   ht_snapshot(h)->uptime_seconds >= 0 &&
	   ht_snapshot(h)->monotonic_ns > 0, "about the read");
	/* It ends between two reads: the final state, and no false zero. */
	segment_finish(&s, true);
	drop(&s);
	ok(read_all(h, samples) < live, "the kernel tells no more");
	check_sound(samples);
	ok(ht_snapshot(h)->state == HT_STATE_EXITED, "marked");
	is_u64((uint64_t)-samples[ht_lookup(h, "/cpu/user:cpu-seconds") - 1]
		       .error, ESRCH, "why");
	ok(samples[ht_lookup(h, "/heap/live:bytes") - 1].kind == HT_KIND_U64,
	   "what the segment has stays");
	unlink(s.path);
}

static void test_extras(void)
{
	unsigned wanted = 99, in_force = 99;

	is_str(ht_extra_name(HT_EXTRA_STALL), "stall", "a name");
	ok(!ht_extra_name(0) && !ht_extra_name(3) && !ht_extra_name(1u << 31),
	   "no single extra");
	ht_close(h);
	is_error(ht_ask_allocator(h), -EBADF, "nothing is open", "ask");
	is_error(ht_switch(h, HT_EXTRA_STALL, 0, &wanted, &in_force), -EBADF,
		 "nothing is open", "switch");
	open_golden("abi1.segment");
	is_error(ht_ask_allocator(h), -ESRCH, "it has ended", "ask the dead");
	is_error(ht_switch(h, 0, HT_EXTRA_MUTEX, &wanted, &in_force), -ESRCH,
		 "it has ended", "switch the dead");
	is_error(ht_switch(h, 1u << 30, 0, &wanted, &in_force), -EINVAL,
		 "no such extra", "switch what is none");
	ok(wanted == 99 && in_force == 99, "untouched");
	ht_close(h);
}

static void test_only_what_is_asked(void)
{
	struct segment_request request = live_request();
	struct ht_sample cheap[] = { { .key = "/heap/live:bytes" },
				     { .key = "/process/resident:bytes" } };
	struct segment s;

	create_or_die(&s, &request);
	s.header->coverage = COVERAGE_FULL;
	segment_publish(&s);
	ok(ht_open_file(h, sandbox.dirfd, own_name(&s)) == 0, "opens");
	ok(ht_read(h, cheap, 2) == 0 && cheap[0].kind == HT_KIND_U64 &&
	   cheap[1].kind == HT_KIND_U64 && cheap[1].value.u64 > 0, "two");
	ok(ht_read(h, NULL, 0) == 0, "none");
	drop_and_unlink(&s);
}

/* ---- handles in threads ---- */

#define READERS 4

struct reader {
	pthread_t thread;
	const char *name;
	unsigned good;
};

static void *read_often(void *argument)
{
	struct reader *r = argument;
	struct ht_sample *samples = calloc(ALL_MAX, sizeof(*samples));
	struct ht *own = ht_new();

	if (samples && own && ht_open_file(own, sandbox.dirfd, r->name) == 0)
		for (int i = 0; i < 100; i++)
			r->good += read_all(own, samples) > 40;
	ht_free(own);
	free(samples);
	return NULL;
}

static void test_threads(void)
{
	struct segment_request request = live_request();
	struct reader readers[READERS] = { { .good = 0 } };
	struct segment s;

	create_or_die(&s, &request);
	s.header->coverage = COVERAGE_FULL;
	segment_publish(&s);
	for (int i = 0; i < READERS; i++) {
		readers[i].name = own_name(&s);
		pthread_create(&readers[i].thread, NULL, read_often,
			       &readers[i]);
	}
	for (int i = 0; i < READERS; i++) {
		pthread_join(readers[i].thread, NULL);
		is_u64(readers[i].good, 100, "reader %d", i);
	}
	drop_and_unlink(&s);
}

static void test_descriptors(void)
{
	struct segment_image image = fresh_image();
	unsigned before;

	ht_close(h);
	before = count_fds();
	for (int i = 0; i < 3; i++) {
		write_image(&image);
		ok(ht_open_file(h, sandbox.dirfd, IMAGE_NAME) == 0, "opens");
	}
	ht_close(h);
	ht_close(h);
	is_u64(count_fds(), before, "none is left");
	image_release(&image);
}

int main(void)
{
	sandbox_init();
	h = ht_new();
	ht_close(h);
	RUN(test_table());
	RUN(test_numbers());
	RUN(test_names());
	RUN(test_nothing_open());
	RUN(test_refused());
	RUN(test_truncated());
	RUN(test_places());
	RUN(test_samples());
	RUN(test_unseen());
	RUN(test_coverage_falls());
	RUN(test_contradiction());
	RUN(test_thread_list());
	RUN(test_no_thread_list());
	RUN(test_thread_list_live());
	RUN(test_golden_abi1());
	RUN(test_golden_abi2());
	RUN(test_live());
	RUN(test_extras());
	RUN(test_only_what_is_asked());
	RUN(test_threads());
	RUN(test_descriptors());
	ht_free(h);
	return done();
}
