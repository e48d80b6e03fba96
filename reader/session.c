/* SPDX-License-Identifier: MIT */
#include "reader/session.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "reader/choose.h"
#include "reader/diagnose.h"
#include "reader/family.h"
#include "reader/follow.h"
#include "reader/format.h"
#include "reader/marks.h"
#include "reader/procfile.h"
#include "reader/recorder.h"
#include "reader/report.h"
#include "reader/tallied_command.h"

#define NS_PER_SECOND 1000000000ULL
#define NS_PER_MS     1000000ULL
#define LOOK_NS       (200 * NS_PER_MS) /* how soon an end is noticed */
#define SETTLE_LOOKS  20 /* the lock of a process may outlive it a little */
#define SETTLE_NS     (10 * NS_PER_MS)
#define STOP_LOOKS    200 /* after SIGTERM, for what the command leaves */
#define MARK_NS       (10 * NS_PER_MS) /* at least between samples at marks */
#define MARK_SHARE    2000 /* and that part of the time recorded: many marks
			      make a recording finer, not endless */
#define GRACE_NS      (10 * NS_PER_SECOND) /* from SIGTERM to SIGKILL */

struct session {
	const struct session_request *request;
	struct recorder recorder;
	struct marks marks;
	int dirfd;                  /* where the segments are */
	struct ht *reader;          /* for one segment after the other */
	struct ht *spare;           /* for the next image of a process */
	struct family family;       /* of a running process */
	bool is_command;
	int main_pid;               /* 0: not that of a command of ours */
	char main_comm[17];         /* of its last image */
	bool has_main;
	enum ht_state main_state;
	char coverage_reason[73];   /* why one was not full */
	uint64_t started_ns, sampled_ns;
	uint64_t deadline_ns;       /* of the next sample */
	uint64_t kill_ns;           /* 0: was not told to end yet */
	uint64_t pending_marks;     /* since the last sample */
	bool has_progress;
};

static uint64_t monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_SECOND + (uint64_t)now.tv_nsec;
}

/* ---- time and progress ---- */

static void begin(struct session *s, char **argv)
{
	recorder_head(&s->recorder, s->request->interval_seconds, argv,
		      s->main_pid);
	/* A reader of our output who leaves must not end us. */
	signal(SIGPIPE, SIG_IGN);
	s->started_ns = s->deadline_ns = monotonic_ns();
	/* The command's output would be written into the line. */
	s->has_progress = s->request->shows_progress &&
			  isatty(STDERR_FILENO) &&
			  !(argv && isatty(STDOUT_FILENO));
}

static void show_progress(const struct session *s)
{
	const struct recorder *r = &s->recorder;
	double seconds = (double)(monotonic_ns() - s->started_ns) / 1e9;

	if (!s->has_progress)
		return;
	fprintf(stderr, "\r\033[Kheaptally: %s samples in %s, %zu process%s, "
		"%s live", format_count(r->samples).s,
		format_duration(seconds).s, r->alive_count,
		r->alive_count == 1 ? "" : "es",
		format_bytes(r->live_bytes, false).s);
}

static void hide_progress(const struct session *s)
{
	if (s->has_progress)
		fputs("\r\033[K", stderr);
}

/* The next moment of the interval; those that were slept through are left out. */
static void set_deadline(struct session *s, uint64_t now_ns)
{
	uint64_t interval_ns =
		(uint64_t)(s->request->interval_seconds * 1e9);

	s->deadline_ns += interval_ns;
	if (s->deadline_ns <= now_ns)
		s->deadline_ns += (now_ns - s->deadline_ns) / interval_ns *
				  interval_ns + interval_ns;
}

/* From when on a mark is sampled at once. */
static uint64_t marks_from_ns(const struct session *s)
{
	uint64_t pause_ns = (s->sampled_ns - s->started_ns) / MARK_SHARE;

	return s->sampled_ns + (pause_ns > MARK_NS ? pause_ns : MARK_NS);
}

static bool is_due(struct session *s)
{
	uint64_t now_ns = monotonic_ns();
	bool interval_over = now_ns >= s->deadline_ns;

	if (interval_over)
		set_deadline(s, now_ns);
	else if (!s->pending_marks || now_ns < marks_from_ns(s))
		return false;
	s->sampled_ns = now_ns;
	s->pending_marks = 0;
	return true;
}

static bool is_over(const struct session *s)
{
	double seconds = s->request->duration_seconds;

	return seconds > 0 && monotonic_ns() - s->started_ns >=
			      (uint64_t)(seconds * 1e9);
}

static void take_marks(void *session, uint64_t count, const char *name)
{
	struct session *s = session;

	s->pending_marks += count;
	recorder_mark(&s->recorder, count, name);
}

/* Rounded up, or the last millisecond would be spun through. */
static int until_ms(uint64_t now_ns, uint64_t at_ns)
{
	uint64_t left_ns = at_ns > now_ns ? at_ns - now_ns : 0;

	if (left_ns > LOOK_NS)
		left_ns = LOOK_NS;
	return (int)(left_ns / NS_PER_MS) + 1;
}

/* Until a signal, a mark that may be sampled, or the next look. */
static void wait_for_events(struct session *s, int signal_fd)
{
	uint64_t now_ns = monotonic_ns(), marks_ns = marks_from_ns(s);
	struct pollfd ready[] = {
		{ .fd = signal_fd, .events = POLLIN },
		{ .fd = s->marks.notify_fd, .events = POLLIN },
	};
	int wait_ms = until_ms(now_ns, s->deadline_ns);

	/* Those that come too soon are left for later. */
	if (s->recorder.marks && now_ns < marks_ns) {
		ready[1].fd = -1;
		if (marks_ns < s->deadline_ns)
			wait_ms = until_ms(now_ns, marks_ns);
	}
	poll(ready, 2, wait_ms);
	/* Without a notification there is only one way to know. */
	if (ready[1].revents || s->marks.notify_fd < 0)
		marks_read(&s->marks, take_marks, s);
}

static bool finish(struct session *s, struct session_result *ret,
		   const struct recorder_ending *ending)
{
	struct recorder *r = &s->recorder;

	ret->samples = r->samples;
	ret->processes = r->processes;
	ret->observed = r->observed;
	ret->was_stopped = ending->was_stopped;
	ret->not_observed = ending->not_observed;
	ret->complete = recorder_finish(r, ending);
	hide_progress(s);
	marks_close(&s->marks);
	family_release(&s->family);
	return ret->complete;
}

/* ---- looking at all segments ---- */

static void remember_main(struct session *s, const struct view *v)
{
	if (v->id.coverage_reason[0])
		memcpy(s->coverage_reason, v->id.coverage_reason,
		       sizeof(s->coverage_reason));
	if (v->id.pid != s->main_pid || !v->id.in_our_namespace)
		return;
	s->has_main = true;
	s->main_state = v->snapshot.state;
	memcpy(s->main_comm, v->id.command, sizeof(s->main_comm));
}

static bool is_wanted(const struct session *s, const char *command)
{
	const struct string_list *only = s->request->only;

	/* For a command the library sees to that. */
	if (s->is_command || !only || !only->count)
		return true;
	for (size_t i = 0; i < only->count; i++)
		if (fnmatch(only->items[i], command, 0) == 0)
			return true;
	return false;
}

static void add(struct session *s, const struct view *v)
{
	/* What ended before we came is nothing that was recorded. */
	if (!s->is_command && v->snapshot.state != HT_STATE_LIVE &&
	    !recorder_has_instance(&s->recorder, v->id.instance))
		return;
	if (!is_wanted(s, v->id.command))
		return;
	remember_main(s, v);
	recorder_add(&s->recorder, v);
}

/*
 * Adds what is in a segment. In the directory of a run the figures of one
 * that has ended are final, and it is removed: thousands of short processes
 * would fill the memory. Not `whole`: processes that live on are left for
 * later.
 */
static void add_segment(struct session *s, const char *name, bool whole)
{
	struct view v;
	enum ht_state state;

	if (ht_open_file(s->reader, s->dirfd, name) != 0 ||
	    (!whole && ht_state(s->reader) == HT_STATE_LIVE) ||
	    view_read(&v, s->reader, VIEW_TALLY) != 0)
		return;
	state = v.snapshot.state;
	/* A new image may be about to take the name of a replaced. */
	if (s->is_command &&
	    (state == HT_STATE_EXITED || state == HT_STATE_KILLED))
		unlinkat(s->dirfd, name, 0);
	if (whole || state != HT_STATE_REPLACED)
		add(s, &v);
}

typedef void segment_visit(struct session *s, const char *name);

static void each_segment(struct session *s, segment_visit *visit)
{
	struct procfile_list list;
	uint64_t starttime_ticks;
	const char *name;
	int pid;

	if (!procfile_list_open(&list, s->dirfd, "."))
		return;
	while ((name = procfile_list_next(&list)))
		if (segment_name_parse(name, SEGMENT_PREFIX, &pid,
				       &starttime_ticks) &&
		    (s->is_command ||
		     (pid != s->family.root_pid &&
		      family_has(&s->family, pid, starttime_ticks))))
			visit(s, name);
	procfile_list_close(&list);
}

static void add_any(struct session *s, const char *name)
{
	add_segment(s, name, true);
}

static void add_ended(struct session *s, const char *name)
{
	add_segment(s, name, false);
}

/* ---- a command and what it starts ---- */

static void look_at_run(struct session *s, bool whole)
{
	if (!whole) {
		each_segment(s, add_ended);
		return;
	}
	recorder_look_begin(&s->recorder);
	each_segment(s, add_any);
	recorder_look_end(&s->recorder);
	show_progress(s);
}

/* The command itself is told apart from them, and once. */
static void signal_segment(struct session *s, const char *name, int number)
{
	const struct ht_identity *id;

	if (ht_open_file(s->reader, s->dirfd, name) != 0)
		return;
	id = ht_identity(s->reader);
	if (id->host_pid > 1 && id->host_pid != s->main_pid &&
	    ht_state(s->reader) == HT_STATE_LIVE)
		kill(id->host_pid, number);
}

static void terminate_segment(struct session *s, const char *name)
{
	signal_segment(s, name, SIGTERM);
}

static void kill_segment(struct session *s, const char *name)
{
	signal_segment(s, name, SIGKILL);
}

/* Its time is up: all that belongs to it is told to end, and later made to. */
static void stop_command(struct session *s, const struct tallied_command *t)
{
	uint64_t now_ns = monotonic_ns();
	bool force = s->kill_ns && now_ns >= s->kill_ns;

	if (s->kill_ns && !force)
		return;
	s->kill_ns = now_ns + GRACE_NS;
	/* First, or a shell might end because what it waits for does. */
	kill(t->pid, force ? SIGKILL : SIGTERM);
	if (t->library)
		each_segment(s, force ? kill_segment : terminate_segment);
}

/* Of what was told to end all has to, else the command alone. */
static bool is_settled(const struct session *s)
{
	return s->kill_ns ? s->recorder.alive_count == 0 :
			    !recorder_has_alive(&s->recorder, s->main_pid);
}

static bool settle(struct session *s, int looks)
{
	const struct timespec pause = { .tv_nsec = SETTLE_NS };

	for (int i = 0; i < looks; i++) {
		look_at_run(s, false);
		if (is_settled(s))
			return true;
		nanosleep(&pause, NULL);
	}
	return false;
}

/* The command has ended: gives its lock the moment to go as well. */
static void look_last(struct session *s)
{
	marks_read(&s->marks, take_marks, s);
	if (s->kill_ns && !settle(s, STOP_LOOKS))
		each_segment(s, kill_segment);
	settle(s, SETTLE_LOOKS);
	look_at_run(s, true);
}

static void record_until_end(struct session *s, struct tallied_command *t,
			     int *ret_wait_status)
{
	while (!launch_wait(&t->child, 0, ret_wait_status)) {
		bool due;

		due = is_due(s);
		if (t->library)
			look_at_run(s, due);
		if (is_over(s))
			stop_command(s, t);
		wait_for_events(s, t->child.signal_fd);
	}
	if (t->library)
		look_last(s);
}

/*
 * It ended in order, but not as the image that was tallied last: that one has
 * become another program, which could not be.
 */
static bool is_replaced(const struct session *s,
			const struct tallied_command *t, int wait_status)
{
	return s->has_main && WIFEXITED(wait_status) &&
	       s->main_state == HT_STATE_KILLED && t->child.last_name[0] &&
	       strcmp(s->main_comm, t->child.last_name) != 0;
}

static const char *explain_unobserved(const struct session *s,
				      const struct tallied_command *t,
				      int wait_status)
{
	bool filtered = t->request.only && t->request.only->count;
	static char *clause;

	if (t->untallied)
		return t->untallied;
	if (is_replaced(s, t, wait_status) && !filtered)
		return report_clause(&clause, "it became '%s', which was not "
				     "tallied",
				     format_escaped(t->child.last_name).s);
	if (s->recorder.observed)
		return NULL;
	if (filtered)
		return "no process matches --only, or none could be tallied";
	if (!s->has_main)
		return diagnose_program(t->request.argv[0], t->libraries);
	return report_clause(&clause, "%s", *s->coverage_reason ?
			     format_escaped(s->coverage_reason).s :
			     "its allocator cannot be seen");
}

/* Without them the rest is recorded all the same. */
static bool open_marks(struct session *s, int dirfd, const char *name,
		       unsigned owner)
{
	int error = marks_open(&s->marks, dirfd, name, owner);

	if (error)
		report("marks cannot be taken: '%s': %s", name,
		       report_errno(-error));
	return !error;
}

/* Marks go into the directory of the run; without it there are none. */
static char *open_run_marks(struct session *s, const struct tallied_command *t)
{
	char *path = NULL;

	if (!t->library || !open_marks(s, t->directory.fd, MARKS_RUN_NAME,
				       geteuid()))
		return NULL;
	if (asprintf(&path, "%s/%s", t->directory.path, MARKS_RUN_NAME) < 0)
		path = NULL;
	return report_oom(path);
}

/* With a command that was started. */
static void follow_command(struct session *s, struct tallied_command *t,
			   struct session_result *ret)
{
	struct recorder_ending ending = { .has_status = true };

	s->main_pid = t->pid;
	begin(s, t->request.argv);
	record_until_end(s, t, &ending.wait_status);
	launch_end(&t->child);
	ending.was_stopped = s->kill_ns != 0;
	ending.not_observed = explain_unobserved(s, t, ending.wait_status);
	finish(s, ret, &ending);
	ret->command_status = tallied_command_status(ending.wait_status);
}

int session_record_command(const struct session_request *request, char **argv,
			   struct session_result *ret)
{
	struct tallied_request what = {
		.argv = argv, .only = request->only,
		.no_follow = request->no_follow,
	};
	struct session s = {
		.request = request, .is_command = true,
		.marks = { .fd = -1, .notify_fd = -1 },
	};
	struct tallied_command t;
	bool running = false;
	char *marks;
	int status = recorder_open(&s.recorder, request->output,
				   request->force);

	*ret = (struct session_result){ 0 };
	if (status != STATUS_OK)
		return status;
	s.reader = view_handle();
	tallied_command_prepare(&t, &what);
	s.dirfd = t.directory.fd;
	marks = open_run_marks(&s, &t);
	status = tallied_command_start(&t, marks);
	free(marks);
	if (status == STATUS_OK) {
		follow_command(&s, &t, ret);
		running = t.library && run_directory_users(&t.directory) > 0;
	} else {
		marks_close(&s.marks);
		recorder_abandon(&s.recorder);
	}
	tallied_command_release(&t, running);
	ht_free(s.reader);
	return status;
}

/* ---- a process that runs already ---- */

static int stop_signals(sigset_t *ret_before)
{
	static const int stopping[] = { SIGINT, SIGTERM, SIGHUP };
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(stopping) / sizeof(stopping[0]); i++)
		sigaddset(&set, stopping[i]);
	sigprocmask(SIG_BLOCK, &set, ret_before);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static bool was_signalled(int signal_fd)
{
	struct signalfd_siginfo received;

	return read(signal_fd, &received, sizeof(received)) ==
	       (ssize_t)sizeof(received);
}

/* Its own segment stays attached: at a clean exit the file goes at once. */
static bool look_at_family(struct session *s, struct ht *process,
			   struct view *root)
{
	if (view_read(root, process, VIEW_TALLY) != 0) {
		report("%d: %s", ht_identity(process)->pid,
		       ht_message(process));
		return false;
	}
	recorder_look_begin(&s->recorder);
	add(s, root);
	if (!s->request->no_follow) {
		family_look(&s->family, s->dirfd);
		if (family_has_children(&s->family))
			each_segment(s, add_any);
	}
	recorder_look_end(&s->recorder);
	show_progress(s);
	return true;
}

/* Returns true for a stop by a signal, false for an end of either. */
static bool record_family(struct session *s, struct ht **process,
			  int signal_fd)
{
	struct view root;

	while (!s->recorder.failed) {
		bool ended = ht_state(*process) != HT_STATE_LIVE;

		if ((is_due(s) || ended) && !look_at_family(s, *process, &root))
			return false;
		/* It may have ended in between, and was then read live. */
		if (ended && root.snapshot.state != HT_STATE_LIVE &&
		    !follow_exec(process, &s->spare, &root))
			return false;
		if (is_over(s))
			return false;
		wait_for_events(s, signal_fd);
		if (was_signalled(signal_fd))
			return true;
	}
	return false;
}

/*
 * Beside all other files, not in the directory of a run, which could not be
 * removed then.
 */
static int open_mark_directory(struct session *s, struct ht *h)
{
	int fd = marks_directory(h);
	char name[SEGMENT_NAME_BYTES];

	marks_file_of(name, ht_place(h));
	if (fd >= 0)
		open_marks(s, fd, name, ht_identity(h)->uid);
	return fd;
}

static void follow_process(struct session *s, struct ht **process,
			   struct session_result *ret)
{
	struct recorder_ending ending = { 0 };
	sigset_t before;
	int signal_fd = stop_signals(&before);

	family_init(&s->family, ht_identity(*process), s->reader);
	begin(s, NULL);
	ret->was_interrupted = record_family(s, process, signal_fd);
	marks_read(&s->marks, take_marks, s);
	ending.was_stopped = is_over(s);
	if (!s->recorder.observed)
		ending.not_observed = *s->coverage_reason ?
			s->coverage_reason : "its allocator cannot be seen";
	finish(s, ret, &ending);
	close(signal_fd);
	sigprocmask(SIG_SETMASK, &before, NULL);
}

static void close_if_open(int fd)
{
	if (fd >= 0)
		close(fd);
}

struct process_request {
	struct session *session;
	struct session_result *result;
};

static int record_process(struct ht *h, void *argument)
{
	const struct process_request *request = argument;
	struct session *s = request->session;
	struct ht *process = h;
	int marks_fd;
	int status = recorder_open(&s->recorder, s->request->output,
				   s->request->force);

	if (status != STATUS_OK)
		return status;
	s->reader = view_handle();
	s->spare = view_handle();
	s->dirfd = fcntl(ht_dirfd(h), F_DUPFD_CLOEXEC, 0);
	marks_fd = open_mark_directory(s, h);
	follow_process(s, &process, request->result);
	close_if_open(marks_fd);
	close_if_open(s->dirfd);
	/* What we were given may have become the spare one. */
	ht_free(process == h ? s->spare : process);
	ht_free(s->reader);
	return STATUS_OK;
}

int session_record_process(const struct session_request *request, char *pid,
			   struct session_result *ret)
{
	struct choice choice = {
		.command = request->command_name, .pids = &pid,
		.pid_count = pid != NULL, .glob = request->glob,
		.single = true,
	};
	struct session s = {
		.request = request, .marks = { .fd = -1, .notify_fd = -1 },
	};
	struct process_request wanted = { &s, ret };

	*ret = (struct session_result){ 0 };
	return choose(&choice, record_process, &wanted);
}
