/* SPDX-License-Identifier: MIT */
/*
 * The writing half in trouble: missing directories, limits, full file
 * systems. An error code, the step that failed, no signal and no trace.
 */
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include "shm/layout.h"
#include "shm/segment.h"
#include "tests/unit/own_segment.h"
#include "tests/unit/sandbox.h"
#include "tests/unit/tap.h"

#define INITIAL_SLOTS (OVERFLOW_SLOTS + 8)

/* Both ends of it: a slot may lie on pages of its own. */
static void touch_slot(struct slot *slot)
{
	slot->alloc_bytes = 1;
	slot->alloc_by_size[SIZE_BUCKETS - 1] = 1;
}

/* --- failures: an error, its step, and no trace --- */

static int create_fails(const struct segment_request *request, int want)
{
	const char *step = NULL;
	struct segment s;
	unsigned fds = count_fds(), maps = count_maps();
	int error = segment_create(&s, request, &step);

	if (error == 0)
		fprintf(stderr, "# created %s\n", s.path);
	EXPECT(error < 0);
	EXPECT(step && *step);
	if (want && error != -want)
		fprintf(stderr, "# %s: %s, want %s\n", step, strerror(-error),
			strerror(want));
	EXPECT(!want || error == -want);
	EXPECT(count_fds() == fds);
	EXPECT(count_maps() == maps);
	return 0;
}

static int fail_missing(void *unused)
{
	struct segment_request request = own_request();

	(void)unused;
	request.directory = "/dev/shm/ht-unit.no-such-directory";
	return create_fails(&request, ENOENT);
}

static int fail_not_directory(void *unused)
{
	struct segment_request request = own_request();

	char path[128];
	int result;

	(void)unused;
	snprintf(path, sizeof(path), "%s/file", sandbox.path);
	write_file("file", "", 0);
	request.directory = path;
	result = create_fails(&request, ENOTDIR);
	unlink(path);
	return result;
}

/* A path that would not fit in the handle must not be cut short. */
static int fail_long_path(void *unused)
{
	struct segment_request request = own_request();
	char path[2000];
	size_t length = strlen(sandbox.path);

	(void)unused;
	strcpy(path, sandbox.path);
	while (length < 600) {
		strcpy(path + length, "/.");
		length += 2;
	}
	request.directory = path;
	return create_fails(&request, 0);
}

/* SIGXFSZ keeps its default action here: it would kill the child. */
static int fail_file_limit(void *bytes)
{
	struct segment_request request = own_request();
	struct rlimit limit = { *(rlim_t *)bytes, RLIM_INFINITY };

	setrlimit(RLIMIT_FSIZE, &limit);
	return create_fails(&request, 0);
}

static int fail_no_descriptors(void *unused)
{
	struct segment_request request = own_request();
	struct rlimit few = { 0, 0 }, many;
	const char *step = NULL;
	struct segment s;
	int error;

	(void)unused;
	/* It lets the kernel make the file before it refuses it. */
	if (under_valgrind())
		return CHILD_SKIPS;
	getrlimit(RLIMIT_NOFILE, &many);
	few.rlim_max = many.rlim_max;
	setrlimit(RLIMIT_NOFILE, &few);
	error = segment_create(&s, &request, &step);
	setrlimit(RLIMIT_NOFILE, &many);
	EXPECT(error == -EMFILE);
	EXPECT(step && *step);
	return 0;
}

static int fail_address_space(void *unused)
{
	struct segment_request request = own_request();
	struct rlimit limit = { 1 << 20, 1 << 20 };
	const char *step = NULL;
	struct segment s;
	int error;

	(void)unused;
	/* Already more is mapped than that: no further mapping at all. */
	if (SANDBOX_ASAN || setrlimit(RLIMIT_AS, &limit) != 0 ||
	    mmap(NULL, 1 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		 0) != MAP_FAILED)
		return CHILD_SKIPS;
	error = segment_create(&s, &request, &step);
	EXPECT(error == -ENOMEM);
	EXPECT(step && *step);
	return 0;
}

/* Root may write anywhere, so it becomes somebody else. */
static int fail_denied(void *directory)
{
	struct segment_request request = own_request();

	if (geteuid() == 0 &&
	    setresuid(SANDBOX_NOBODY, SANDBOX_NOBODY, SANDBOX_NOBODY) != 0)
		return CHILD_SKIPS;
	request.directory = directory;
	return create_fails(&request, EACCES);
}

static void test_denied(void)
{
	char path[128];
	int status;

	snprintf(path, sizeof(path), "%s/read-only", sandbox.path);
	mkdir(path, 0555);
	status = in_child(fail_denied, path);
	if (child_skipped(status))
		skip("cannot become nobody", "fails: read-only directory");
	else
		is_u64((uint64_t)status, 0, "fails: read-only directory");
	is_u64(count_entries(path), 0, "fails: read-only directory: no file");
	rmdir(path);
}

static const rlim_t no_bytes = 0, one_page = 4096, some_pages = 65536;

static const struct {
	const char *name;
	int (*run)(void *);
	const void *argument;
	const char *why_skipped;
} failures[] = {
	{ "missing directory", fail_missing, NULL, NULL },
	{ "no directory", fail_not_directory, NULL, NULL },
	{ "path too long", fail_long_path, NULL, NULL },
	{ "RLIMIT_FSIZE 0", fail_file_limit, &no_bytes, NULL },
	{ "RLIMIT_FSIZE 4096", fail_file_limit, &one_page, NULL },
	{ "RLIMIT_FSIZE 65536", fail_file_limit, &some_pages, NULL },
	{ "RLIMIT_NOFILE 0", fail_no_descriptors, NULL,
	  "valgrind stands in for the limit" },
	{ "RLIMIT_AS", fail_address_space, NULL,
	  "the limit is not enforced under a sanitizer or valgrind" },
};

static void test_failures(void)
{
	for (size_t i = 0; i < sizeof(failures) / sizeof(*failures); i++) {
		int status = in_child(failures[i].run,
				      (void *)(uintptr_t)failures[i].argument);

		if (child_skipped(status))
			skip(failures[i].why_skipped, "fails: %s",
			     failures[i].name);
		else
			is_u64((uint64_t)status, 0, "fails: %s",
			       failures[i].name);
		is_u64(count_entries(sandbox.path), 0, "fails: %s: no file",
		       failures[i].name);
	}
}

/* --- other file systems --- */

/* Makes a directory that is not on tmpfs; false where all are. */
static bool make_disk_directory(char *path, size_t path_bytes)
{
	static const char *const parents[] = { "/tmp", "/var/tmp", ".", "/" };

	for (size_t i = 0; i < sizeof(parents) / sizeof(*parents); i++) {
		snprintf(path, path_bytes, "%s/ht-unit.XXXXXX", parents[i]);
		if (!is_tmpfs(parents[i]) && mkdtemp(path))
			return true;
	}
	return false;
}

static void test_disk(void)
{
	struct segment_request request = own_request();
	char path[64];
	struct segment s;

	if (!make_disk_directory(path, sizeof(path))) {
		skip("every directory is on tmpfs", "disk: refused");
		return;
	}
	request.directory = path;
	is_u64((uint64_t)create_fails(&request, 0), 0, "disk: refused");
	is_u64(count_entries(path), 0, "disk: no file");
	request.any_filesystem = true;
	create_or_die(&s, &request);
	is_u64(count_entries(path), 1, "disk: accepted when asked for");
	touch_slot(&s.slots[INITIAL_SLOTS - 1]);
	drop_and_unlink(&s);
	rmdir(path);
}

static bool write_map(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool written = fd >= 0 &&
		       write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	close(fd);
	return written;
}

/* Root of one's own: an unmapped user may mount, but not make a file. */
static bool enter_namespace(void)
{
	char uids[32], gids[32];

	if (geteuid() == 0)
		return unshare(CLONE_NEWNS) == 0;
	snprintf(uids, sizeof(uids), "0 %u 1", geteuid());
	snprintf(gids, sizeof(gids), "0 %u 1", getegid());
	return unshare(CLONE_NEWNS | CLONE_NEWUSER) == 0 &&
	       write_map("/proc/self/setgroups", "deny") &&
	       write_map("/proc/self/uid_map", uids) &&
	       write_map("/proc/self/gid_map", gids);
}

/* A tmpfs of so many pages over the sandbox, in a namespace of its own. */
static bool mount_small(unsigned pages)
{
	char options[64];

	snprintf(options, sizeof(options), "size=%lu",
		 (unsigned long)pages * (unsigned long)sysconf(_SC_PAGESIZE));
	return enter_namespace() &&
	       mount("none", "/", "none", MS_REC | MS_PRIVATE, "") == 0 &&
	       mount("tmpfs", sandbox.path, "tmpfs", 0, options) == 0;
}

/* Uses up what is left, so that the next page is refused. */
static void fill_disk(const char *name)
{
	char path[128];
	char page[4096] = "";
	int fd;

	snprintf(path, sizeof(path), "%s/%s", sandbox.path, name);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	while (write(fd, page, sizeof(page)) == (ssize_t)sizeof(page))
		continue;
	close(fd);
}

/* Either it fits and every promised slot is there, or there is no file. */
static int create_on_small(void *pages)
{
	struct segment_request request = own_request();
	const char *step = NULL;
	struct segment s;
	int error;

	if (!mount_small(*(unsigned *)pages))
		return CHILD_SKIPS;
	request.pidns_inode = real_pidns();
	error = segment_create(&s, &request, &step);
	if (error) {
		EXPECT(error == -ENOSPC);
		EXPECT(step && *step);
		EXPECT(count_entries(sandbox.path) == 0);
		return 0;
	}
	fill_disk("filler");
	for (unsigned i = 0; i < s.header->slots_committed; i++)
		touch_slot(&s.slots[i]);
	segment_publish(&s);
	return 0;
}

static int create_on_full(void *unused)
{
	struct segment_request request = own_request();

	(void)unused;
	if (!mount_small(20))
		return CHILD_SKIPS;
	fill_disk("filler");
	EXPECT(create_fails(&request, ENOSPC) == 0);
	EXPECT(count_entries(sandbox.path) == 1);
	return 0;
}

/* Growth fails softly, counts that, and leaves what was there usable. */
static int grow_on_full(void *unused)
{
	struct segment_request request = own_request();
	struct segment s;
	unsigned before;

	(void)unused;
	if (!mount_small(64))
		return CHILD_SKIPS;
	create_or_die(&s, &request);
	fill_disk("filler");
	before = s.header->slots_committed;
	if (before == s.slot_count)
		return CHILD_SKIPS;
	EXPECT(!segment_commit_slot(&s, s.slot_count - 1));
	EXPECT(!segment_commit_slot(&s, before));
	EXPECT(segment_commit_slot(&s, before - 1));
	EXPECT(s.header->slots_committed == before);
	EXPECT(s.header->grow_failed > 0);
	touch_slot(&s.slots[before - 1]);
	return 0;
}

static void report_mounted(int status, const char *name)
{
	if (child_skipped(status))
		skip("cannot mount a tmpfs here", "%s", name);
	else
		is_u64((uint64_t)status, 0, "%s", name);
}

static void test_small_disks(void)
{
	char name[64];

	for (unsigned pages = 1; pages <= 12; pages++) {
		snprintf(name, sizeof(name), "tmpfs of %u pages", pages);
		report_mounted(in_child(create_on_small, &pages), name);
	}
	report_mounted(in_child(create_on_full, NULL), "full tmpfs: create");
	report_mounted(in_child(grow_on_full, NULL), "full tmpfs: grow");
}

/* --- locked memory --- */

/* mlockall(MCL_FUTURE) is the target's business: it may cost, not break. */
static int create_locked_memory(void *unused)
{
	struct segment_request request = own_request();
	const char *step = NULL;
	struct segment s;
	int error;

	(void)unused;
	if (mlockall(MCL_FUTURE) != 0)
		return CHILD_SKIPS;
	error = segment_create(&s, &request, &step);
	EXPECT(error == 0 || count_entries(sandbox.path) == 0);
	if (!error) {
		touch_slot(&s.slots[0]);
		unlink(s.path);
	}
	return 0;
}

static void test_locked_memory(void)
{
	int status = in_child(create_locked_memory, NULL);

	if (child_skipped(status))
		skip("mlockall is refused", "mlockall");
	else
		is_u64((uint64_t)status, 0, "mlockall: made, or no trace");
}

/* Neither files of ours nor what was planted. */
static void test_nothing_is_left(void)
{
	is_u64(count_entries(sandbox.path), 0, "nothing is left");
}

int main(void)
{
	sandbox_init();
	alarm(300);
	RUN(test_failures());
	RUN(test_denied());
	RUN(test_disk());
	RUN(test_small_disks());
	RUN(test_locked_memory());
	RUN(test_nothing_is_left());
	return done();
}
