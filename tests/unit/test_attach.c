/* SPDX-License-Identifier: MIT */
/*
 * Why a file is refused, by its kind, its owner, its age; what happens when
 * it is cut short under our eyes. Hostile content: test_corrupt.c.
 */
#include <setjmp.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "tests/fuzz/inspect.h"
#include "tests/unit/own_image.h"
#include "tests/unit/own_segment.h"

/* --- reasons not to attach --- */

static void expect_error(enum attach_error want, const char *name,
			 const char *what)
{
	struct attachment *const untouched = (struct attachment *)(void *)&tap;
	struct attachment *a = untouched;
	unsigned fds = count_fds();
	enum attach_error got = attach_open(&a, sandbox.dirfd, name, 0);

	is_str(attach_error_text(got), attach_error_text(want), "%s", what);
	ok(a == untouched, "%s: result untouched", what);
	is_u64(count_fds(), fds, "%s: no descriptor leaks", what);
	if (got == ATTACH_OK)
		attach_close(a);
}

static void test_wrong_kind(void)
{
	struct segment_image image = fresh_image();
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd;

	expect_error(ATTACH_GONE, "heaptally.9.9", "no such file");
	write_image(&image);
	symlinkat(IMAGE_NAME, sandbox.dirfd, "symlink");
	expect_error(ATTACH_NOT_REGULAR, "symlink", "a symlink");
	symlinkat("heaptally.9.9", sandbox.dirfd, "dangling");
	expect_error(ATTACH_NOT_REGULAR, "dangling", "a dangling symlink");
	mkfifoat(sandbox.dirfd, "fifo", 0600);
	expect_error(ATTACH_NOT_REGULAR, "fifo", "a FIFO");
	mkdirat(sandbox.dirfd, "directory", 0700);
	expect_error(ATTACH_NOT_REGULAR, "directory", "a directory");
	linkat(sandbox.dirfd, IMAGE_NAME, sandbox.dirfd, "link", 0);
	expect_error(ATTACH_NOT_REGULAR, "link", "a hard link");
	expect_error(ATTACH_NOT_REGULAR, IMAGE_NAME, "what it is linked to");
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket",
		 sandbox.path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		sandbox_fail("bind");
	expect_error(ATTACH_NOT_REGULAR, "socket", "a socket");
	close(fd);
	image_release(&image);
	unlinkat(sandbox.dirfd, "link", 0);
}

static void test_starting(void)
{
	struct segment_request request = own_request();
	struct segment s;

	create_or_die(&s, &request);
	expect_error(ATTACH_STARTING, own_name(&s), "not yet published");
	segment_publish(&s);
	attach_close(attach_or_die(own_name(&s)));
	drop_and_unlink(&s);
	create_or_die(&s, &request);
	drop(&s);
	expect_error(ATTACH_STARTING, own_name(&s), "died starting");
	unlink(s.path);
}

static void test_system_error(void)
{
	struct attachment *a = NULL;

	errno = 0;
	is_u64(attach_open(&a, -1, IMAGE_NAME, 0), ATTACH_SYSTEM,
	       "a bad directory descriptor");
	is_u64((uint64_t)errno, EBADF, "errno tells");
	attach_close(NULL);
	ok(!a, "closing nothing is fine");
}

/* --- other users; each in a child, as it drops its rights --- */

static int become_nobody(void)
{
	return setresgid(SANDBOX_NOBODY, SANDBOX_NOBODY, SANDBOX_NOBODY) ||
	       setresuid(SANDBOX_NOBODY, SANDBOX_NOBODY, SANDBOX_NOBODY);
}

/* Attaches as nobody; 0 when the answer is *want. */
static int attach_as_nobody(void *want)
{
	struct attachment *a = NULL;
	enum attach_error got;

	EXPECT(become_nobody() == 0);
	got = attach_open(&a, sandbox.dirfd, IMAGE_NAME, 0);
	EXPECT(got == *(enum attach_error *)want);
	attach_close(a);
	return 0;
}

static int attach_any_user_as_nobody(void *unused)
{
	struct attachment *a = NULL;
	enum attach_error got, snapshot;
	const char *complaint;

	(void)unused;
	EXPECT(become_nobody() == 0);
	got = attach_open(&a, sandbox.dirfd, IMAGE_NAME, ATTACH_ANY_USER);
	EXPECT(got == ATTACH_OK);
	complaint = inspect_attachment(a, &snapshot);
	EXPECT(complaint == NULL && snapshot == ATTACH_OK);
	attach_close(a);
	return 0;
}

static void set_owner_and_mode(unsigned uid, unsigned mode)
{
	if (fchownat(sandbox.dirfd, IMAGE_NAME, uid, uid, 0) != 0 ||
	    fchmodat(sandbox.dirfd, IMAGE_NAME, mode, 0) != 0)
		sandbox_fail(IMAGE_NAME);
}

static void test_users(void)
{
	struct segment_image image = fresh_image();
	enum attach_error want;

	if (geteuid() != 0) {
		skip("needs root to become somebody else", "other users");
		image_release(&image);
		return;
	}
	write_image(&image);
	want = ATTACH_DENIED;
	is_u64((uint64_t)in_child(attach_as_nobody, &want), 0,
	       "another's file without permission");
	set_owner_and_mode(0, 0644);
	want = ATTACH_FOREIGN;
	is_u64((uint64_t)in_child(attach_as_nobody, &want), 0,
	       "another's file that all may read");
	is_u64((uint64_t)in_child(attach_any_user_as_nobody, NULL), 0,
	       "another's file, when asked for");
	set_owner_and_mode(SANDBOX_NOBODY, 0400);
	want = ATTACH_OK;
	is_u64((uint64_t)in_child(attach_as_nobody, &want), 0,
	       "one's own file, read-only");
	attach_close(attach_or_die(IMAGE_NAME));
	ok(true, "root reads everybody's");
	unlinkat(sandbox.dirfd, IMAGE_NAME, 0);
	image_release(&image);
}

/* --- truncation under our eyes --- */

static void test_truncated_to(off_t length, const char *what)
{
	struct segment_image image = fresh_image();
	struct attachment *a = attach_image(&image);
	struct snapshot s;

	truncate_file(IMAGE_NAME, length);
	for (int i = 0; i < 3; i++)
		is_str(attach_error_text(attach_snapshot(a, &s)),
		       attach_error_text(ATTACH_TRUNCATED),
		       "truncated %s, time %d", what, i + 1);
	is_u64(attach_state(a), TARGET_KILLED, "truncated %s: state", what);
	attach_close(a);
	image_release(&image);
}

/* Cut and grown again: zeros where the counts were, and no SIGBUS. */
static void test_truncated_and_back(void)
{
	struct segment_image image = fresh_image();
	struct attachment *a = attach_image(&image);
	struct snapshot s;

	truncate_file(IMAGE_NAME, 0);
	truncate_file(IMAGE_NAME, (off_t)image.length_bytes);
	is_str(attach_error_text(attach_snapshot(a, &s)),
	       attach_error_text(ATTACH_TRUNCATED),
	       "cut and grown again: no false zeros");
	attach_close(a);
	image_release(&image);
}

static void test_truncated_between(void)
{
	struct segment_image image = fresh_image();
	struct attachment *cut = attach_image(&image);
	struct attachment *whole;
	struct snapshot s;

	truncate_file(IMAGE_NAME, 0);
	image_write(&image, sandbox.dirfd, "whole");
	whole = attach_or_die("whole");
	is_u64(attach_snapshot(cut, &s), ATTACH_TRUNCATED, "one is cut");
	is_u64(attach_snapshot(whole, &s), ATTACH_OK, "the other is not");
	is_u64(attach_snapshot(cut, &s), ATTACH_TRUNCATED, "one still is");
	attach_close(cut);
	attach_close(whole);
	image_release(&image);
}

/* --- a SIGBUS that is not ours --- */

static sigjmp_buf back;
static volatile sig_atomic_t buses;

static void on_bus(int number)
{
	(void)number;
	buses++;
	siglongjmp(back, 1);
}

/* Reads behind the end of an empty file. */
static void cause_bus(void)
{
	int fd = openat(sandbox.dirfd, "empty",
			O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	volatile char *p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);

	close(fd);
	(void)*p;
}

static int snapshot_of_cut(void)
{
	struct segment_image image = fresh_image();
	struct attachment *a = attach_image(&image);
	struct snapshot s;
	int error;

	truncate_file(IMAGE_NAME, 0);
	error = attach_snapshot(a, &s);
	attach_close(a);
	image_release(&image);
	return error;
}

static int bus_with_handler(void *unused)
{
	struct sigaction action = { .sa_handler = on_bus };

	(void)unused;
	sigaction(SIGBUS, &action, NULL);
	EXPECT(snapshot_of_cut() == ATTACH_TRUNCATED);
	EXPECT(buses == 0);
	if (!sigsetjmp(back, 1))
		cause_bus();
	EXPECT(buses == 1);
	return 0;
}

/* Its handler recovers: ours must be in place for the next truncation. */
static int bus_then_truncation(void *unused)
{
	EXPECT(bus_with_handler(unused) == 0);
	if (!sigsetjmp(back, 1))
		EXPECT(snapshot_of_cut() == ATTACH_TRUNCATED);
	EXPECT(buses == 1);
	return 0;
}

/* Sent, not caused: it does not come back by itself when we return. */
static int bus_by_kill(void *unused)
{
	struct sigaction action = { .sa_handler = on_bus };

	(void)unused;
	sigaction(SIGBUS, &action, NULL);
	EXPECT(snapshot_of_cut() == ATTACH_TRUNCATED);
	if (!sigsetjmp(back, 1))
		kill(getpid(), SIGBUS);
	EXPECT(buses == 1);
	return 0;
}

static int bus_without_handler(void *unused)
{
	(void)unused;
	signal(SIGBUS, SIG_DFL);
	EXPECT(snapshot_of_cut() == ATTACH_TRUNCATED);
	cause_bus();
	return 0;
}

/* Each in a child: the guard is installed once in a process. */
static void test_bus(void)
{
	int status;

	is_u64((uint64_t)in_child(bus_with_handler, NULL), 0,
	       "SIGBUS from elsewhere: the handler of before gets it");
	is_u64((uint64_t)in_child(bus_then_truncation, NULL), 0,
	       "SIGBUS from elsewhere: the guard stays");
	is_u64((uint64_t)in_child(bus_by_kill, NULL), 0,
	       "SIGBUS by kill: the handler of before gets it");
	status = in_child(bus_without_handler, NULL);
	ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS,
	   "SIGBUS from elsewhere: without a handler it ends us");
}

/* --- texts --- */

static bool text_is_fit(const char *text)
{
	return text && *text && text[strlen(text) - 1] != '.' &&
	       !(text[0] >= 'A' && text[0] <= 'Z');
}

static void test_texts(void)
{
	for (int i = 0; i < ATTACH_ERRORS; i++) {
		const char *text = attach_error_text((enum attach_error)i);

		ok(text_is_fit(text), "text of error %d", i);
		for (int j = 0; j < i; j++)
			if (strcmp(text, attach_error_text(
					   (enum attach_error)j)) == 0)
				ok(false, "errors %d and %d read alike", i, j);
	}
	ok(text_is_fit(attach_error_text(ATTACH_ERRORS)), "no such error");
	ok(text_is_fit(attach_error_text((enum attach_error)-1)), "error -1");
	is_str(target_state_name(TARGET_LIVE), "live", "name: live");
	is_str(target_state_name(TARGET_EXITED), "exited", "name: exited");
	is_str(target_state_name(TARGET_KILLED), "killed", "name: killed");
	is_str(target_state_name(TARGET_REPLACED), "replaced",
	       "name: replaced");
	ok(target_state_name((enum target_state)99), "name: no such state");
}

int main(void)
{
	sandbox_init();
	alarm(300); /* a FIFO that is waited for */
	/* First: before the guard is installed in this process. */
	RUN(test_bus());
	RUN(test_wrong_kind());
	RUN(test_starting());
	RUN(test_system_error());
	RUN(test_users());
	RUN(test_truncated_to(0, "to nothing"));
	RUN(test_truncated_to(1, "to a byte"));
	RUN(test_truncated_to(PAGES(1), "to the header"));
	RUN(test_truncated_to(PAGES(3), "before the slots"));
	RUN(test_truncated_to(PAGES(4), "in the slots"));
	RUN(test_truncated_and_back());
	RUN(test_truncated_between());
	RUN(test_texts());
	return done();
}
