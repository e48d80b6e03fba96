/* SPDX-License-Identifier: MIT */
/*
 * What becomes of a target: live, exited, killed, replaced, as the lock and
 * the kernel tell, of real processes too; and of its file.
 */
#include <signal.h>

#include "tests/unit/own_image.h"
#include "tests/unit/own_segment.h"

/* --- states --- */

static void test_lock_is_life(void)
{
	struct segment_request request = own_request();
	struct attachment *a;
	struct segment s;

	create_or_die(&s, &request);
	segment_publish(&s);
	a = attach_or_die(own_name(&s));
	is_u64(attach_state(a), TARGET_LIVE, "state: live");
	is_u64(look(a)->state, TARGET_LIVE, "state: in the snapshot, too");
	drop(&s);
	is_u64(attach_state(a), TARGET_KILLED, "state: killed");
	is_u64(look(a)->state, TARGET_KILLED, "state: in the snapshot, too");
	attach_close(a);
	unlink(s.path);
}

static void test_exited(void)
{
	struct segment_request request = own_request();
	struct attachment *a;
	struct segment s;

	create_or_die(&s, &request);
	segment_publish(&s);
	a = attach_or_die(own_name(&s));
	segment_finish(&s, true);
	drop(&s);
	is_u64(attach_state(a), TARGET_EXITED, "state: exited");
	attach_close(a);
	a = attach_or_die(own_name(&s));
	is_u64(look(a)->state, TARGET_EXITED, "state: exited, seen later");
	attach_close(a);
	unlink(s.path);
}

/* Unlinked at the end, as without HEAPTALLY_KEEP: still to be read. */
static void test_exited_unlinked(void)
{
	struct segment_request request = own_request();
	struct attachment *a;
	struct segment s;

	create_or_die(&s, &request);
	segment_publish(&s);
	a = attach_or_die(own_name(&s));
	s.slots[3].alloc_by_size[SIZE_BUCKETS - 1] = 33;
	segment_finish(&s, false);
	drop(&s);
	is_u64(snapshot_u64(look(a), METRIC_HEAP_ALLOCS_OBJECTS), 33,
	       "state: last figures of an unlinked segment");
	is_u64(attach_state(a), TARGET_EXITED, "state: exited, unlinked");
	ok(!attach_is_current(a, sandbox.dirfd, own_name(&s)),
	   "state: but no longer current");
	attach_close(a);
}

static void request_as_kernel_says(struct segment_request *request)
{
	*request = own_request();
	request->starttime_ticks = real_starttime();
	request->pidns_inode = real_pidns();
}

/* The lock is gone, pid and start time live on: an exec into something. */
static void test_replaced(void)
{
	struct segment_request request;
	struct attachment *a;
	struct segment s;

	request_as_kernel_says(&request);
	create_or_die(&s, &request);
	segment_publish(&s);
	a = attach_or_die(own_name(&s));
	is_u64(attach_state(a), TARGET_LIVE, "replaced: live before");
	drop(&s);
	is_u64(attach_state(a), TARGET_REPLACED, "replaced: by another image");
	attach_close(a);
	unlink(s.path);
}

/* Through exit() and still dying: nobody's new image. */
static void test_exited_not_replaced(void)
{
	struct segment_request request;
	struct attachment *a;
	struct segment s;

	request_as_kernel_says(&request);
	create_or_die(&s, &request);
	segment_publish(&s);
	a = attach_or_die(own_name(&s));
	segment_finish(&s, true);
	drop(&s);
	is_u64(attach_state(a), TARGET_EXITED,
	       "exited: even while the process is still there");
	attach_close(a);
	unlink(s.path);
}

/* The pid means nothing in another namespace. */
static void test_not_replaced(void)
{
	struct segment_request request;
	struct attachment *a;
	struct segment s;

	request_as_kernel_says(&request);
	request.pidns_inode++;
	create_or_die(&s, &request);
	segment_publish(&s);
	a = attach_or_die(own_name(&s));
	drop(&s);
	is_u64(attach_state(a), TARGET_KILLED,
	       "not replaced: same pid in another namespace");
	attach_close(a);
	unlink(s.path);
}

/* --- real ends of real processes --- */

enum ending { END_KILL, END_EXIT, END_UNDERSCORE_EXIT, END_ABORT };

static const char *const ending_names[] = {
	[END_KILL] = "kill -9", [END_EXIT] = "exit",
	[END_UNDERSCORE_EXIT] = "_exit", [END_ABORT] = "abort",
};

/* Tells its name through the pipe, counts, then ends or waits for it. */
static void be_target(enum ending ending, int fd)
{
	struct segment_request request;
	char name[SEGMENT_NAME_BYTES] = "";
	struct segment s;

	alarm(SANDBOX_CHILD_SECONDS);
	request_as_kernel_says(&request);
	create_or_die(&s, &request);
	s.slots[OVERFLOW_SLOTS].alloc_by_size[3] = 5;
	s.slots[OVERFLOW_SLOTS].free_by_size[3] = 2;
	segment_commit_slot(&s, OVERFLOW_SLOTS);
	segment_publish(&s);
	strcpy(name, own_name(&s));
	if (write(fd, name, sizeof(name)) != (ssize_t)sizeof(name))
		_exit(1);
	raise(SIGSTOP); /* until the reader has attached */
	if (ending == END_ABORT) {
		signal(SIGABRT, SIG_DFL);
		abort();
	}
	if (ending == END_EXIT)
		segment_finish(&s, true);
	if (ending != END_KILL)
		_exit(0);
	for (;;)
		pause();
}

struct target {
	pid_t pid;
	char name[SEGMENT_NAME_BYTES];
	struct attachment *attachment;
};

/* A child, stopped, with its segment ready and attached. */
static void start_target(struct target *t, enum ending ending)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) != 0)
		sandbox_fail("pipe2");
	t->pid = fork();
	if (t->pid == 0)
		be_target(ending, ends[1]);
	if (read(ends[0], t->name, sizeof(t->name)) !=
	    (ssize_t)sizeof(t->name))
		sandbox_fail("a target did not start");
	close(ends[0]);
	close(ends[1]);
	waitpid(t->pid, NULL, WUNTRACED);
	t->attachment = attach_or_die(t->name);
}

static void release_target(struct target *t)
{
	attach_close(t->attachment);
	unlinkat(sandbox.dirfd, t->name, 0);
}

static void let_end(const struct target *t, enum ending ending)
{
	kill(t->pid, ending == END_KILL ? SIGKILL : SIGCONT);
}

static void test_ending(enum ending ending)
{
	const char *name = ending_names[ending];
	enum target_state want =
		ending == END_EXIT ? TARGET_EXITED : TARGET_KILLED;
	struct target t;
	siginfo_t info;

	start_target(&t, ending);
	is_u64(attach_state(t.attachment), TARGET_LIVE,
	       "%s: stopped is live", name);
	let_end(&t, ending);
	/* A zombie keeps pid and start time, and is nobody's new image. */
	waitid(P_PID, (id_t)t.pid, &info, WEXITED | WNOWAIT);
	is_u64(attach_state(t.attachment), want, "%s: as a zombie", name);
	wait_for(t.pid);
	is_u64(attach_state(t.attachment), want, "%s: when gone", name);
	is_u64(snapshot_u64(look(t.attachment), METRIC_HEAP_LIVE_OBJECTS), 3,
	       "%s: the last figures", name);
	release_target(&t);
}

/* Polls while a process dies: the first state that is not live is final. */
static void test_ending_watched(enum ending ending, unsigned rounds)
{
	enum target_state want =
		ending == END_EXIT ? TARGET_EXITED : TARGET_KILLED;
	unsigned wrong = 0;

	for (unsigned i = 0; i < rounds; i++) {
		enum target_state state;
		struct target t;

		start_target(&t, ending);
		let_end(&t, ending);
		do
			state = attach_state(t.attachment);
		while (state == TARGET_LIVE);
		wrong += state != want;
		wait_for(t.pid);
		release_target(&t);
	}
	is_u64(wrong, 0, "%s: %u times watched, never another state",
	       ending_names[ending], rounds);
}

/* --- is it still the same file? --- */

static void test_current(void)
{
	struct segment_image image = fresh_image();
	struct attachment *a = attach_image(&image);

	ok(attach_is_current(a, sandbox.dirfd, IMAGE_NAME), "current: yes");
	ok(!attach_is_current(a, sandbox.dirfd, "heaptally.1.2"),
	   "current: not under another name");
	ok(!attach_is_current(a, -1, IMAGE_NAME), "current: not nowhere");
	unlinkat(sandbox.dirfd, IMAGE_NAME, 0);
	ok(!attach_is_current(a, sandbox.dirfd, IMAGE_NAME),
	   "current: not when unlinked");
	write_image(&image);
	ok(!attach_is_current(a, sandbox.dirfd, IMAGE_NAME),
	   "current: not when replaced");
	is_u64(attach_snapshot(a, &(struct snapshot){ .count = 0 }), ATTACH_OK,
	       "current: the old one can still be read");
	unlinkat(sandbox.dirfd, IMAGE_NAME, 0);
	if (symlinkat("/proc/self/exe", sandbox.dirfd, IMAGE_NAME) == 0)
		ok(!attach_is_current(a, sandbox.dirfd, IMAGE_NAME),
		   "current: not when a symlink");
	unlinkat(sandbox.dirfd, IMAGE_NAME, 0);
	attach_close(a);
	image_release(&image);
}

int main(void)
{
	sandbox_init();
	alarm(300);
	RUN(test_lock_is_life());
	RUN(test_exited());
	RUN(test_exited_unlinked());
	RUN(test_replaced());
	RUN(test_not_replaced());
	RUN(test_exited_not_replaced());
	RUN(test_ending(END_KILL));
	RUN(test_ending(END_EXIT));
	RUN(test_ending(END_UNDERSCORE_EXIT));
	RUN(test_ending(END_ABORT));
	RUN(test_ending_watched(END_KILL, 100));
	RUN(test_ending_watched(END_EXIT, 100));
	RUN(test_ending_watched(END_UNDERSCORE_EXIT, 100));
	RUN(test_current());
	return done();
}
