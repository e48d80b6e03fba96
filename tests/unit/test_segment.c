/* SPDX-License-Identifier: MIT */
/*
 * The writing half where all is well: what segment_create() leaves in the
 * file system, in the descriptor table and in the file; growth; the end.
 */
#include <time.h>

#include "shm/layout.h"
#include "shm/metrics.h"
#include "shm/segment.h"
#include "tests/unit/own_segment.h"
#include "tests/unit/sandbox.h"
#include "tests/unit/tap.h"

#define INITIAL_SLOTS (OVERFLOW_SLOTS + 8)

/*
 * The writer runs inside malloc: an allocation of its own would recurse.
 * Counted by standing in front of glibc's, where no sanitizer stands already.
 */
static unsigned allocations;

#if !SANDBOX_ASAN
extern void *__libc_malloc(size_t bytes);
extern void *__libc_calloc(size_t count, size_t bytes);

void *malloc(size_t bytes)
{
	allocations++;
	return __libc_malloc(bytes);
}

void *calloc(size_t count, size_t bytes)
{
	allocations++;
	return __libc_calloc(count, bytes);
}
#endif

/* Both ends of it: a slot may lie on pages of its own. */
static void touch_slot(struct slot *slot)
{
	slot->alloc_bytes = 1;
	slot->alloc_by_size[SIZE_BUCKETS - 1] = 1;
}

/* The lock type that stands in the way of ours, asked on a reader's fd. */
static int lock_on(const char *path)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fcntl(fd, F_OFD_GETLK, &lock) != 0)
		return -1;
	close(fd);
	return lock.l_type;
}

static uint64_t now_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* --- a segment as it should be --- */

static void test_file(const struct segment *s)
{
	char want[SEGMENT_PATH_BYTES + 64];
	struct stat st;

	snprintf(want, sizeof(want), "%s/heaptally.%d.%d", sandbox.path,
		 (int)getpid(), OWN_STARTTIME);
	is_str(s->path, want, "create: path");
	if (!ok(lstat(s->path, &st) == 0, "create: the file is there"))
		return;
	ok(S_ISREG(st.st_mode), "create: a regular file");
	is_u64(st.st_mode & 07777, 0600, "create: mode");
	is_u64(st.st_nlink, 1, "create: one link");
	is_u64((uint64_t)st.st_size, s->map_bytes, "create: size");
	is_u64(st.st_size % sysconf(_SC_PAGESIZE), 0, "create: whole pages");
	ok((uint64_t)st.st_blocks * 512 <= 48 * 1024,
	   "create: at most 48 KiB of memory (%lu)",
	   (unsigned long)st.st_blocks * 512);
	is_u64((uint64_t)lock_on(s->path), F_WRLCK, "create: locked");
	is_u64(count_entries(sandbox.path), 1, "create: no second file");
}

static bool all_zero(const void *bytes, size_t count)
{
	const unsigned char *at = bytes;

	while (count > 0 && *at == 0)
		at++, count--;
	return count == 0;
}

static void test_format(const struct segment_header *h)
{
	is_u64(h->magic, SEGMENT_MAGIC, "header: magic");
	is_u64(h->byte_order, SEGMENT_BYTE_ORDER, "header: byte order");
	is_u64(h->abi, SEGMENT_ABI, "header: abi");
	is_u64(h->abi_compat, SEGMENT_ABI_COMPAT, "header: abi_compat");
	is_u64(h->header_bytes, sizeof(*h), "header: its size");
	is_u64(h->state, SEGMENT_STARTING, "header: starting");
	is_u64(h->flags & SEGMENT_LOCKED, SEGMENT_LOCKED, "header: locked");
	is_u64(h->flags & SEGMENT_BASELINE_APPROX, 0, "header: exact");
	is_u64(h->page_bytes, (uint64_t)sysconf(_SC_PAGESIZE), "header: page");
	is_u64(h->overflow_slots, OVERFLOW_SLOTS, "header: overflow slots");
	is_u64(h->grow_failed, 0, "header: nothing failed to grow");
	is_u64(h->inherited_objects | h->inherited_bytes, 0,
	       "header: nothing inherited");
}

static void test_identity(const struct segment_header *h,
			  const struct segment_request *request)
{
	is_u64((uint64_t)h->pid, (uint64_t)request->pid, "identity: pid");
	is_u64((uint64_t)h->parent_pid, (uint64_t)request->parent_pid,
	       "identity: parent");
	is_u64(h->uid, request->uid, "identity: uid");
	is_u64(h->starttime_ticks, OWN_STARTTIME, "identity: start time");
	is_u64(h->pidns_inode, request->pidns_inode, "identity: namespace");
	is_u64(h->exec_count, 0, "identity: the first image");
	ok(!all_zero(h->instance, sizeof(h->instance)), "identity: instance");
	is_str(h->comm, "unit", "identity: comm");
	is_str(h->exe, "/usr/bin/unit", "identity: exe");
}

static void test_clocks(const struct segment_header *h, uint64_t realtime_ns,
			uint64_t monotonic_ns)
{
	ok(h->started_realtime_ns >= realtime_ns &&
	   h->started_realtime_ns <= now_ns(CLOCK_REALTIME),
	   "header: time of day");
	ok(h->started_monotonic_ns >= monotonic_ns &&
	   h->started_monotonic_ns <= now_ns(CLOCK_MONOTONIC),
	   "header: monotonic time");
}

static void test_section(const struct segment *s, const char *name,
			 struct segment_section at, size_t least_stride)
{
	uint64_t page = s->header->page_bytes;

	is_u64(at.offset_bytes % page, 0, "%s: on a page", name);
	ok(at.offset_bytes >= page, "%s: behind the header", name);
	ok(at.stride_bytes >= least_stride, "%s: stride", name);
	ok(at.offset_bytes + (uint64_t)at.count * at.stride_bytes <=
	   s->header->file_bytes, "%s: inside the file", name);
}

static void test_sections(const struct segment *s)
{
	const struct segment_header *h = s->header;

	is_u64(h->file_bytes, s->map_bytes, "header: file size");
	test_section(s, "metrics", h->metrics, sizeof(struct metric_entry));
	test_section(s, "slots", h->slots, sizeof(struct slot));
	test_section(s, "control", h->control,
		     sizeof(struct segment_control));
	is_u64(h->control.count, 1, "control: there is one");
	ok(all_zero(&h->reserved_section, sizeof(h->reserved_section)),
	   "reserved section: zero");
	is_u64(h->slots.count, SLOTS_MAX, "slots: as many as asked for");
	is_u64(s->slot_count, h->slots.count, "slots: handle and header agree");
	ok((const char *)s->slots == (const char *)h + h->slots.offset_bytes,
	   "slots: where the header says");
	ok(h->slots_committed >= INITIAL_SLOTS &&
	   h->slots_committed <= s->slot_count, "slots: first ones committed");
	ok(all_zero(s->slots, h->slots_committed * sizeof(struct slot)),
	   "slots: zero");
	ok(all_zero((const char *)h + h->control.offset_bytes, h->page_bytes),
	   "control: zero");
}

static void test_metric_row(const struct metric_entry *e,
			    const struct metric *m)
{
	is_u64(e->id, m->id, "table: id of %s", m->key);
	is_str(e->key, m->key, "table: key of %s", m->key);
	is_str(e->brief, m->brief, "table: brief of %s", m->key);
	ok(e->kind == m->kind && e->scope == m->scope &&
	   e->unit == metric_unit_of_key(m->key) && e->offset == m->offset &&
	   e->operand[0] == m->operand[0] && e->operand[1] == m->operand[1],
	   "table: numbers of %s", m->key);
}

static void test_metric_table(const struct segment *s)
{
	const struct segment_section *at = &s->header->metrics;
	const char *rows = (const char *)s->header + at->offset_bytes;
	size_t count, row = 0;
	const struct metric *all = metrics_all(&count);

	for (size_t i = 0; i < count; i++)
		if (all[i].scope != SCOPE_KERNEL && row < at->count)
			test_metric_row((const struct metric_entry *)
					(const void *)
					(rows + row++ * at->stride_bytes),
					&all[i]);
	is_u64(at->count, row, "table: every row is a metric");
	for (size_t i = 0; i < count; i++)
		row -= all[i].scope != SCOPE_KERNEL;
	is_u64(row, 0, "table: every metric has a row");
}

static void test_create(void)
{
	struct segment_request request = own_request();
	struct segment s;
	uint64_t realtime_ns = now_ns(CLOCK_REALTIME);
	uint64_t monotonic_ns = now_ns(CLOCK_MONOTONIC);
	unsigned fds = count_fds();
	unsigned before = allocations;

	create_or_die(&s, &request);
	is_u64(allocations, before, "create: no allocation");
	is_u64(count_fds(), fds, "create: no descriptor kept");
	test_file(&s);
	test_format(s.header);
	test_identity(s.header, &request);
	test_clocks(s.header, realtime_ns, monotonic_ns);
	test_sections(&s);
	test_metric_table(&s);
	segment_publish(&s);
	is_u64(s.header->state, SEGMENT_READY, "publish: ready");
	drop(&s);
	is_u64((uint64_t)lock_on(s.path), F_UNLCK, "drop: lock is gone");
	unlink(s.path);
}

/* --- variations of the request --- */

static void test_mode(unsigned mode, mode_t mask)
{
	struct segment_request request = own_request();
	struct segment s;
	struct stat st;

	request.mode = mode;
	umask(mask);
	create_or_die(&s, &request);
	is_u64((uint64_t)umask(022), mask, "mode: umask as before");
	stat(s.path, &st);
	is_u64(st.st_mode & 07777, mode, "mode: %o whatever the umask", mode);
	drop_and_unlink(&s);
}

static void test_slot_limit(unsigned exclusive)
{
	struct segment_request request = own_request();
	struct segment s;
	unsigned want = OVERFLOW_SLOTS + exclusive;

	request.exclusive_slots = exclusive;
	create_or_die(&s, &request);
	is_u64(s.slot_count, want, "limit %u: slots", exclusive);
	is_u64(s.header->slots.count, want, "limit %u: header", exclusive);
	ok(s.header->slots_committed <= want, "limit %u: committed",
	   exclusive);
	ok(segment_commit_slot(&s, want - 1), "limit %u: last slot",
	   exclusive);
	touch_slot(&s.slots[want - 1]);
	ok(!segment_commit_slot(&s, want), "limit %u: none behind it",
	   exclusive);
	ok(s.header->slots_committed <= want, "limit %u: still within",
	   exclusive);
	drop_and_unlink(&s);
}

/* What a process takes of the address space: four pages and 1 MiB. */
static void test_default_size(void)
{
	struct segment_request request = own_request();
	struct segment s;
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t slots = (OVERFLOW_SLOTS + 1024) * 1024;
	uint64_t table = METRICS_MAX * sizeof(struct metric_entry);

	request.exclusive_slots = EXCLUSIVE_DEFAULT;
	create_or_die(&s, &request);
	is_u64(s.map_bytes, 2 * page + (table + page - 1) / page * page +
	       (slots + page - 1) / page * page,
	       "default: size of the file");
	drop_and_unlink(&s);
}

/* Names that fill their field, or would not fit in it. */
static void test_long_names(void)
{
	struct segment_request request = own_request();
	struct segment s;
	char exe[300];
	size_t kept;

	memset(exe, 'd', sizeof(exe));
	exe[0] = '/';
	strcpy(exe + sizeof(exe) - 6, "/tail");
	request.exe = exe;
	request.comm = "fifteen-letters-and-more";
	create_or_die(&s, &request);
	kept = strnlen(s.header->exe, sizeof(s.header->exe));
	ok(kept >= 100 && memcmp(s.header->exe + kept - 5, "/tail", 5) == 0,
	   "names: a long path keeps its end");
	ok(strncmp(s.header->comm, "fifteen-letters", 15) == 0,
	   "names: a long comm keeps its start");
	is_u64(s.header->provider[0], 0, "names: the neighbour is untouched");
	drop_and_unlink(&s);
}

static void test_unknowns(void)
{
	struct segment_request request = own_request();
	struct segment s;

	request.exe = "";
	request.starttime_ticks = 0;
	request.pidns_inode = 0;
	create_or_die(&s, &request);
	is_str(s.header->exe, "", "unknown: exe");
	is_u64(s.header->starttime_ticks, 0, "unknown: start time");
	drop_and_unlink(&s);
}

static void test_instances_differ(void)
{
	struct segment_request request = own_request();
	struct segment a, b;

	create_or_die(&a, &request);
	request.starttime_ticks++;
	create_or_die(&b, &request);
	ok(memcmp(a.header->instance, b.header->instance, 16) != 0,
	   "instance: every segment has its own");
	drop_and_unlink(&a);
	drop_and_unlink(&b);
}

/* --- names that are taken --- */

static void test_exec(void)
{
	struct segment_request request = own_request();
	struct segment s;

	for (unsigned image = 0; image < 5; image++) {
		create_or_die(&s, &request);
		segment_publish(&s);
		is_u64(s.header->exec_count, image, "exec %u: counted", image);
		is_u64(count_entries(sandbox.path), 1, "exec %u: one file",
		       image);
		ok(all_zero(s.slots, OVERFLOW_SLOTS * sizeof(struct slot)),
		   "exec %u: starts at zero", image);
		touch_slot(&s.slots[0]);
		drop(&s);
	}
	unlink(s.path);
}

/* Found under our name, but not ours to replace: a suffix, and no harm. */
static void expect_suffix(const char *what)
{
	struct segment_request request = own_request();
	struct segment s;
	char plain[SEGMENT_PATH_BYTES + 64];
	unsigned before = count_entries(sandbox.path);

	snprintf(plain, sizeof(plain), "%s/heaptally.%d.%d", sandbox.path,
		 (int)getpid(), OWN_STARTTIME);
	create_or_die(&s, &request);
	ok(strncmp(s.path, plain, strlen(plain)) == 0 &&
	   strspn(s.path + strlen(plain) + 1, "0123456789abcdef") == 4 &&
	   s.path[strlen(plain)] == '.' &&
	   s.path[strlen(plain) + 5] == '\0', "%s: a suffix", what);
	is_u64(s.header->exec_count, 0, "%s: no exec", what);
	is_u64(count_entries(sandbox.path), before + 1, "%s: one new file",
	       what);
	drop_and_unlink(&s);
	is_u64(count_entries(sandbox.path), before, "%s: still there", what);
}

static const char *taken_name(void)
{
	static char name[64];

	snprintf(name, sizeof(name), "heaptally.%d.%d", (int)getpid(),
		 OWN_STARTTIME);
	return name;
}

static void test_locked(void)
{
	struct segment_request request = own_request();
	struct segment other;

	create_or_die(&other, &request);
	segment_publish(&other);
	expect_suffix("locked");
	is_u64((uint64_t)lock_on(other.path), F_WRLCK, "locked: still is");
	drop_and_unlink(&other);
}

/* Two containers share /dev/shm, and both have this pid. */
static void test_other_namespace(void)
{
	struct segment_request request = own_request();
	struct segment other;

	request.pidns_inode = 5;
	create_or_die(&other, &request);
	segment_publish(&other);
	drop(&other);
	expect_suffix("other namespace");
	unlink(other.path);
}

static void test_symlink(void)
{
	struct stat st;

	write_file("precious", "precious", 8);
	ok(symlinkat("precious", sandbox.dirfd, taken_name()) == 0,
	   "symlink: planted");
	expect_suffix("symlink");
	fstatat(sandbox.dirfd, "precious", &st, 0);
	is_u64((uint64_t)st.st_size, 8, "symlink: its target is untouched");
	unlinkat(sandbox.dirfd, "precious", 0);
	expect_suffix("dangling symlink");
	unlinkat(sandbox.dirfd, taken_name(), 0);
}

static void test_directory(void)
{
	mkdirat(sandbox.dirfd, taken_name(), 0700);
	expect_suffix("directory");
	unlinkat(sandbox.dirfd, taken_name(), AT_REMOVEDIR);
}

/* Opening one without a writer must not wait for it. */
static void test_fifo(void)
{
	mkfifoat(sandbox.dirfd, taken_name(), 0600);
	expect_suffix("fifo");
	unlinkat(sandbox.dirfd, taken_name(), 0);
}

static void test_foreign_owner(void)
{
	struct segment_request request = own_request();
	struct segment other;

	if (geteuid() != 0) {
		skip("needs root for chown", "foreign owner: a suffix");
		return;
	}
	create_or_die(&other, &request);
	segment_publish(&other);
	drop(&other);
	if (chown(other.path, SANDBOX_NOBODY, SANDBOX_NOBODY) != 0)
		sandbox_fail("chown");
	expect_suffix("foreign owner");
	unlink(other.path);
}

/* Rubbish under our name may be replaced or kept, but never stops us. */
static void test_rubbish(size_t bytes)
{
	static const char rubbish[4096] = "not a segment";
	struct segment_request request = own_request();
	struct segment s;

	write_file(taken_name(), rubbish, bytes);
	create_or_die(&s, &request);
	is_u64(s.header->magic, SEGMENT_MAGIC, "rubbish of %zu: created",
	       bytes);
	is_u64(s.header->exec_count, 0, "rubbish of %zu: no exec", bytes);
	drop_and_unlink(&s);
	unlinkat(sandbox.dirfd, taken_name(), 0);
}

/* --- growth --- */

static void test_growth(void)
{
	struct segment_request request = own_request();
	struct segment s;
	unsigned fds = count_fds(), last = SLOTS_MAX - 1, before;

	create_or_die(&s, &request);
	before = s.header->slots_committed;
	ok(segment_commit_slot(&s, 0), "growth: the first slot is there");
	is_u64(s.header->slots_committed, before, "growth: nothing to do");
	if (!s.grows) {
		skip("kernel without MADV_POPULATE_WRITE", "growth");
		drop_and_unlink(&s);
		return;
	}
	/* Within a step of growth and past several. */
	for (unsigned i = before; i < SLOTS_MAX; i += i % 3 ? 5 : 37) {
		if (!segment_commit_slot(&s, i) ||
		    s.header->slots_committed <= i)
			ok(false, "growth: slot %u", i);
		touch_slot(&s.slots[i]);
	}
	ok(segment_commit_slot(&s, last), "growth: the last slot");
	is_u64(s.header->slots_committed, SLOTS_MAX, "growth: all committed");
	touch_slot(&s.slots[last]);
	is_u64(s.header->grow_failed, 0, "growth: no failure");
	ok(!segment_commit_slot(&s, SLOTS_MAX), "growth: not past the end");
	ok(!segment_commit_slot(&s, UINT32_MAX), "growth: nowhere near");
	is_u64(count_fds(), fds, "growth: no descriptor");
	drop_and_unlink(&s);
}

/* --- the end, and children --- */

static void test_finish(bool keep)
{
	const char *name = keep ? "finish, keep" : "finish";
	struct segment_request request = own_request();
	struct segment s;

	create_or_die(&s, &request);
	segment_publish(&s);
	segment_finish(&s, keep);
	is_u64(s.header->state, SEGMENT_FINAL, "%s: final", name);
	is_u64((uint64_t)access(s.path, F_OK), (uint64_t)(keep ? 0 : -1),
	       "%s: %s", name, keep ? "file stays" : "file is gone");
	s.slots[3].alloc_by_size[0]++;
	ok(true, "%s: late counts do no harm", name);
	drop(&s);
	unlink(s.path);
}

/* A cleaner of /dev/shm was here before us. */
static void test_finish_unlinked(void)
{
	struct segment_request request = own_request();
	struct segment s;

	create_or_die(&s, &request);
	segment_publish(&s);
	unlink(s.path);
	segment_finish(&s, false);
	ok(true, "finish: an unlinked file is no trouble");
	drop(&s);
}

static int child_sees_nothing(void *unused)
{
	(void)unused;
	EXPECT(count_maps() == 0);
	return 0;
}

/* Waits to be killed, with whatever it inherited. */
static int child_lingers(void *fd)
{
	char byte;

	return read(*(int *)fd, &byte, 1) == 0 ? 0 : 1;
}

/* A child that outlives us must not keep us alive. */
static void test_lock_not_inherited(void)
{
	struct segment_request request = own_request();
	struct segment s;
	int ends[2];
	pid_t child;

	if (pipe2(ends, O_CLOEXEC) != 0)
		sandbox_fail("pipe2");
	create_or_die(&s, &request);
	segment_publish(&s);
	child = fork();
	if (child == 0) {
		close(ends[1]);
		_exit(child_lingers(&ends[0]));
	}
	is_u64((uint64_t)lock_on(s.path), F_WRLCK, "fork: parent holds on");
	drop(&s);
	is_u64((uint64_t)lock_on(s.path), F_UNLCK, "fork: child does not");
	close(ends[1]);
	is_u64((uint64_t)wait_for(child), 0, "fork: the child was there");
	close(ends[0]);
	unlink(s.path);
}

static void test_fork(void)
{
	struct segment_request request = own_request();
	struct segment s;

	create_or_die(&s, &request);
	ok(count_maps() > 0, "fork: mapped in the parent");
	is_u64((uint64_t)in_child(child_sees_nothing, NULL), 0,
	       "fork: not mapped in the child");
	drop_and_unlink(&s);
	test_lock_not_inherited();
}

/* Neither files of ours nor what was planted. */
static void test_nothing_is_left(void)
{
	is_u64(count_entries(sandbox.path), 0, "nothing is left");
}

int main(void)
{
	sandbox_init();
	umask(022);
	alarm(300); /* a FIFO that is waited for */
	RUN(test_create());
	RUN(test_mode(0600, 0777));
	RUN(test_mode(0600, 0));
	RUN(test_mode(0640, 077));
	RUN(test_mode(0644, 077));
	RUN(test_slot_limit(1));
	RUN(test_slot_limit(8));
	RUN(test_slot_limit(9));
	RUN(test_slot_limit(100));
	RUN(test_slot_limit(EXCLUSIVE_DEFAULT));
	RUN(test_default_size());
	RUN(test_long_names());
	RUN(test_unknowns());
	RUN(test_instances_differ());
	RUN(test_exec());
	RUN(test_locked());
	RUN(test_other_namespace());
	RUN(test_symlink());
	RUN(test_directory());
	RUN(test_fifo());
	RUN(test_foreign_owner());
	RUN(test_rubbish(0));
	RUN(test_rubbish(1));
	RUN(test_rubbish(4096));
	RUN(test_nothing_is_left());
	RUN(test_growth());
	RUN(test_finish(true));
	RUN(test_finish(false));
	RUN(test_finish_unlinked());
	RUN(test_fork());
	RUN(test_nothing_is_left());
	return done();
}
