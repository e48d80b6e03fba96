/* SPDX-License-Identifier: MIT */
/* What is made of the files in /proc/PID, of which a test writes its own. */
#include <math.h>
#include <sched.h>
#include <sys/resource.h>

#include "reader/kernel.h"
#include "reader/process.h"
#include "reader/procfile.h"
#include "tests/unit/fake_root.h"
#include "tests/unit/tap.h"

static struct snapshot got;
static struct kernel_reader reader;

static void look(void)
{
	memset(&got, 0, sizeof(got));
	kernel_add_files(&reader, &got, fake.process_fd, fake.path);
}

static void is_value(enum metric_id id, uint64_t want)
{
	const struct metric_value *v = snapshot_value(&got, id);
	const char *key = metric_by_id(id)->key;

	if (ok(v, "%s: is there", key))
		is_u64(v->value.u64, want, "%s", key);
}

static void is_seconds(enum metric_id id, double want)
{
	const struct metric_value *v = snapshot_value(&got, id);

	ok(v && fabs(v->value.f64 - want) < 1e-9, "%s is %g",
	   metric_by_id(id)->key, want);
}

static void is_absent(enum metric_id id)
{
	ok(!snapshot_value(&got, id), "%s: is absent", metric_by_id(id)->key);
}

/* ---- numbers in text ---- */

static void test_named_numbers(void)
{
	static const char text[] = "VmRSSx: 1 kB\nx VmRSS: 2 kB\nVmRSS 3\n"
				   "VmHWM:\t     4 kB\nPss_Dirty: 5\nPss:6 kB\n"
				   "rchar: 18446744073709551615\n"
				   "more: 18446744073709551616\n"
				   "word: max\nnegative: -7\nlast: 8";
	uint64_t n = 99;

	ok(procfile_named_number(text, "VmRSS", &n) && n == 3, "whole name");
	ok(procfile_named_number(text, "VmHWM", &n) && n == 4, "blanks");
	ok(procfile_named_number(text, "Pss", &n) && n == 6, "no blank");
	ok(procfile_named_number(text, "rchar", &n) && n == UINT64_MAX,
	   "64 bits");
	n = 99;
	ok(!procfile_named_number(text, "more", &n), "65 bits");
	ok(!procfile_named_number(text, "word", &n), "a word");
	ok(!procfile_named_number(text, "negative", &n), "a sign");
	ok(!procfile_named_number(text, "last", &n), "cut short");
	ok(!procfile_named_number(text, "none", &n), "no such line");
	ok(!procfile_named_number("", "none", &n), "no text");
	is_u64(n, 99, "nothing was stored");
}

static void test_files(void)
{
	char *large = calloc(1, PROCFILE_MAX_BYTES + 2);
	struct procfile *f = &reader.file;
	const char *text;

	fake_root();
	memset(large, 'x', PROCFILE_MAX_BYTES);
	fake_process("most", large);
	text = procfile_read(f, fake.process_fd, "most");
	ok(text && strlen(text) == PROCFILE_MAX_BYTES, "the largest is whole");
	fake_process("empty", NULL);
	is_str(procfile_read(f, fake.process_fd, "empty"), "", "an empty one");
	large[PROCFILE_MAX_BYTES] = 'x';
	fake_process("larger", large);
	ok(!procfile_read(f, fake.process_fd, "larger") && f->error == EFBIG,
	   "never a part of one");
	ok(!procfile_read(f, fake.process_fd, "none") && f->error == ENOENT,
	   "none");
	ok(!procfile_read(f, fake.process_fd, ".") && f->error == EISDIR,
	   "a directory");
	ok(!procfile_read(f, -1, "most") && f->error == EBADF, "no directory");
	free(large);
}

static void test_lists(void)
{
	struct procfile_list list;
	unsigned count = 0;
	const char *name;

	fake_root();
	for (unsigned i = 0; i < 1000; i++) { /* more than one call gives */
		char path[32];

		snprintf(path, sizeof(path), "fd/%u", i);
		fake_process(path, NULL);
	}
	fake_process("fd/.hidden", NULL);
	ok(procfile_list_open(&list, fake.process_fd, "fd"), "opens");
	while ((name = procfile_list_next(&list)))
		count += name[0] != '.';
	procfile_list_close(&list);
	is_u64(count, 1000, "every name once");
	ok(!procfile_list_open(&list, fake.process_fd, "none") &&
	   errno == ENOENT, "none");
	procfile_list_close(&list);
}

/* ---- one process ---- */

#define STAT_TAIL " S 1 2 3 4 -1 4194304 101 102 103 104 250 175 5 6 20 0 1 " \
		  "0 777 8888 99 18446744073709551615 1 1\n"

static void test_stat(void)
{
	static const char *const names[] = { "cat", "a b", "a) R 9 (b", ")",
					     "((", ") S 7 7 7 7 7 7 7 7 7 " };
	double ticks = (double)sysconf(_SC_CLK_TCK);

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char line[256];

		fake_root();
		snprintf(line, sizeof(line), "42 (%s)" STAT_TAIL, names[i]);
		fake_process("stat", line);
		look();
		is_value(METRIC_MEMORY_FAULTS_MINOR_FAULTS, 101);
		is_value(METRIC_MEMORY_FAULTS_MAJOR_FAULTS, 103);
		is_seconds(METRIC_CPU_USER_CPU_SECONDS, 250 / ticks);
		is_seconds(METRIC_CPU_SYSTEM_CPU_SECONDS, 175 / ticks);
	}
}

/* Wherever it is cut, what is told is right. */
static void test_stat_truncated(void)
{
	static const char whole[] = "42 (a) b)" STAT_TAIL;

	for (size_t i = 0; i < sizeof(whole); i++) {
		char cut[sizeof(whole)];
		uint64_t n;

		snprintf(cut, i + 1, "%s", whole);
		n = 101;
		procfile_stat_number(cut, 10, &n);
		is_u64(n, 101, "field 10, cut at %zu", i);
		n = 175;
		procfile_stat_number(cut, 15, &n);
		is_u64(n, 175, "field 15, cut at %zu", i);
	}
}

static void test_status(void)
{
	fake_root();
	fake_process("status", "Name:\tVmSwap: 1 kB\nVmHWM:\t 20 kB\n"
		     "VmRSS:\t 19 kB\nRssAnon:\t 1 kB\nRssFile:\t 17 kB\n"
		     "RssShmem:\t 0 kB\nVmSwap:\t 18014398509481984 kB\n");
	fake_process("smaps_rollup", "0-1 ---p 0 00:00 0 [rollup]\nRss: 19 kB\n"
		     "Pss:     7 kB\nPss_Dirty: 8 kB\n");
	look();
	is_value(METRIC_PROCESS_RESIDENT_PEAK_BYTES, 20 * 1024);
	is_value(METRIC_PROCESS_MAPPED_FILES_BYTES, 17 * 1024);
	is_value(METRIC_PROCESS_SHARED_MEMORY_BYTES, 0);
	is_absent(METRIC_PROCESS_SWAPPED_BYTES); /* 2^64 bytes */
	is_value(METRIC_PROCESS_PROPORTIONAL_BYTES, 7 * 1024);
	fake_process("status", "VmRSS:\t 65537 kB\n");
	look();
	is_absent(METRIC_PROCESS_PROPORTIONAL_BYTES);
	is_absent(METRIC_PROCESS_RESIDENT_PEAK_BYTES);
	fake_process("status", "VmRSS:\t 65536 kB\n");
	look();
	is_value(METRIC_PROCESS_PROPORTIONAL_BYTES, 7 * 1024);
}

static void test_maps(void)
{
	fake_root();
	fake_process("maps",
		     "1000-3000 rw-p 00000000 00:00 0 \n"
		     "3000-4000 rw-p 00000000 00:00 0      [heap]\n"
		     "5000-6000 rw-s 00000000 00:00 0      shared\n"
		     "6000-7000 rw-p 00000000 fe:00 12345  /lib/x y\n"
		     "7000-8000 r--p 00000000 00:00 0      [vvar]\n"
		     "8000-9000 ---p 00000000 00:00 0\n"
		     "a000-b000 rwxp 00000000 00:00 0      [stack]\n"
		     "c000-b000 rw-p 00000000 00:00 0\n"
		     "nonsense\n\n"
		     "d000-e000 rw-p 00000");
	look();
	is_value(METRIC_PROCESS_PRIVATE_MAPPED_BYTES, 0x4000);
	fake_process("maps", NULL);
	look();
	is_absent(METRIC_PROCESS_PRIVATE_MAPPED_BYTES);
}

#define LIMIT(name, soft) name "  " soft "  unlimited  bytes\n"

static void test_limits(void)
{
	fake_root();
	fake_process("limits", "Limit   Soft Limit  Hard Limit  Units\n"
		     LIMIT("Max data size            ", "3000")
		     LIMIT("Max open files           ", "20000")
		     LIMIT("Max address space        ", "4000"));
	look();
	is_value(METRIC_PROCESS_MAX_FDS_FDS, 20000);
	is_value(METRIC_PROCESS_MAX_VIRTUAL_BYTES, 4000);
	is_value(METRIC_MEMORY_LIMIT_BYTES, 3000);
	fake_process("limits",
		     LIMIT("Max data size            ", "unlimited")
		     LIMIT("Max address space        ", "unlimited"));
	look();
	is_absent(METRIC_PROCESS_MAX_FDS_FDS);
	is_absent(METRIC_PROCESS_MAX_VIRTUAL_BYTES);
	is_absent(METRIC_MEMORY_LIMIT_BYTES);
}

static void test_limit_of_group(void)
{
	fake_root();
	fake_process("cgroup", "0::/\n");
	fake_file("proc/self/mountinfo",
		  "30 23 0:26 / /cg rw - cgroup2 cgroup2 rw\n");
	fake_file("cg/memory.max", "2000\n");
	fake_file("cg/cpu.max", "150000 100000\n");
	fake_process("limits",
		     LIMIT("Max address space        ", "4000"));
	look();
	is_value(METRIC_MEMORY_LIMIT_BYTES, 2000);
	is_value(METRIC_CGROUP_MEMORY_LIMIT_BYTES, 2000);
	is_seconds(METRIC_CGROUP_CPU_QUOTA_CPU_SECONDS, 0.15);
	is_seconds(METRIC_CGROUP_CPU_PERIOD_SECONDS, 0.1);
	fake_process("limits",
		     LIMIT("Max address space        ", "1000"));
	look();
	is_value(METRIC_MEMORY_LIMIT_BYTES, 1000);
	is_value(METRIC_CGROUP_MEMORY_LIMIT_BYTES, 2000);
}

static void test_io_and_descriptors(void)
{
	fake_root();
	fake_process("io", "rchar: 1\nwchar: 2\nsyscr: 3\nsyscw: 4\n"
		     "read_bytes: 5\nwrite_bytes: 6\n"
		     "cancelled_write_bytes: 7\n");
	fake_process("fd/0", NULL);
	fake_process("fd/17", NULL);
	look();
	is_value(METRIC_IO_READ_BYTES, 1);
	is_value(METRIC_IO_WRITTEN_BYTES, 2);
	is_value(METRIC_IO_DISK_READ_BYTES, 5);
	is_value(METRIC_IO_DISK_WRITTEN_BYTES, 6);
	is_value(METRIC_PROCESS_OPEN_FDS_FDS, 2);
}

static void test_nothing_known(void)
{
	fake_root();
	look();
	is_u64(got.count, 0, "no files, no values");
	kernel_add_files(&reader, &got, -1, "/nonexistent");
	is_u64(got.count, 0, "nor without a directory");
}

/* ---- why something is absent ---- */

static void is_error(enum metric_id id, int want)
{
	enum kernel_source source = kernel_source_of(id);

	ok(source < KERNEL_SOURCES && reader.errors[source] == want,
	   "%s: %s", metric_by_id(id)->key, strerror(want));
}

static void test_reasons(void)
{
	fake_root();
	fake_process("status", "VmRSS:\t 65537 kB\n");
	fake_process("maps", NULL);
	look();
	is_error(METRIC_IO_READ_BYTES, ENOENT);
	is_error(METRIC_CPU_USER_CPU_SECONDS, ENOENT);
	is_error(METRIC_PROCESS_OPEN_FDS_FDS, ENOENT);
	is_error(METRIC_CGROUP_MEMORY_LIMIT_BYTES, ENOENT);
	is_error(METRIC_SCHED_TIMESLICES_SLICES, ENOENT);
	is_error(METRIC_PROCESS_PROPORTIONAL_BYTES, EFBIG);
	is_error(METRIC_PROCESS_PRIVATE_MAPPED_BYTES, EACCES);
	is_error(METRIC_PROCESS_SWAPPED_BYTES, 0);
	is_str(kernel_source_name(kernel_source_of(METRIC_IO_READ_BYTES)),
	       "io", "its file");
	ok(kernel_source_of(METRIC_HEAP_LIVE_BYTES) == KERNEL_SOURCES,
	   "no file of the heap");
}

/* In no segment either, but not of the kernel. */
static bool is_computed(unsigned id)
{
	return id == METRIC_HEAP_IDLE_BYTES ||
	       id == METRIC_HEAPTALLY_CLAMPED_EVENTS;
}

/* Every figure of the kernel has a file that can be named. */
static void test_sources(void)
{
	size_t count;
	const struct metric *all = metrics_all(&count);

	for (size_t i = 0; i < count; i++)
		ok((kernel_source_of(all[i].id) < KERNEL_SOURCES) ==
			   (all[i].scope == SCOPE_KERNEL &&
			    !is_computed(all[i].id)), "%s", all[i].key);
}

/* ---- threads ---- */

static void add_thread(unsigned tid, const char *name, char state,
		       const char *schedstat)
{
	char path[64], text[256];

	snprintf(path, sizeof(path), "task/%u/status", tid);
	snprintf(text, sizeof(text), "Name:\t%s\nState:\t%c (some)\n"
		 "voluntary_ctxt_switches:\t%u\n"
		 "nonvoluntary_ctxt_switches:\t%u\n", name, state, tid, 1u);
	fake_process(path, text);
	snprintf(path, sizeof(path), "task/%u/stat", tid);
	snprintf(text, sizeof(text), "%u (%s)" STAT_TAIL, tid, name);
	fake_process(path, text);
	snprintf(path, sizeof(path), "task/%u/schedstat", tid);
	fake_process(path, schedstat);
}

static void test_threads(void)
{
	static const char letters[] = "RRSSSDTtZXI?";

	fake_root();
	for (unsigned i = 0; letters[i]; i++)
		add_thread(1 + i, "State:\\nR (x)", letters[i],
			   "5 1000000000 3\n");
	look();
	is_value(METRIC_THREADS_STATE_RUNNABLE_THREADS, 2);
	is_value(METRIC_THREADS_STATE_SLEEPING_THREADS, 3);
	is_value(METRIC_THREADS_STATE_UNINTERRUPTIBLE_THREADS, 1);
	is_value(METRIC_THREADS_STATE_STOPPED_THREADS, 2);
	is_value(METRIC_THREADS_STATE_ZOMBIE_THREADS, 2);
	is_value(METRIC_SCHED_SWITCHES_VOLUNTARY_SWITCHES, 78);
	is_value(METRIC_SCHED_SWITCHES_INVOLUNTARY_SWITCHES, 12);
	is_value(METRIC_SCHED_TIMESLICES_SLICES, 36);
	is_seconds(METRIC_SCHED_RUN_DELAY_SECONDS, 12);
	is_absent(METRIC_CPU_PURGE_CPU_SECONDS);
}

static void test_purge_threads(void)
{
	double ticks = (double)sysconf(_SC_CLK_TCK);

	fake_root();
	add_thread(1, "jemalloc_bg_thd", 'S', "0 0 0\n");
	add_thread(2, "jemalloc_bg_thd", 'S', "0 0 0\n");
	add_thread(3, "jemalloc_bg_thdx", 'S', "0 0 0\n");
	add_thread(4, "main", 'S', "0 0 0\n");
	look();
	is_seconds(METRIC_CPU_PURGE_CPU_SECONDS, 2 * 425 / ticks);
	/* A kernel that keeps no such figures says 0. */
	is_absent(METRIC_SCHED_RUN_DELAY_SECONDS);
	is_absent(METRIC_SCHED_TIMESLICES_SLICES);
}

static void test_odd_threads(void)
{
	fake_root();
	fake_process("task/1/status", "State:\n");
	fake_process("task/1/schedstat", "1 2");
	fake_process("task/2/status", NULL);
	fake_process("task/2/schedstat", "1");
	fake_process("task/3/other", NULL);
	fake_process("task/4", "no directory");
	look();
	is_u64(got.count, 0, "threads that tell nothing");
	add_thread(5, "one that does", 'S', "1 2 3\n");
	look();
	is_value(METRIC_THREADS_STATE_SLEEPING_THREADS, 1);
	is_value(METRIC_THREADS_STATE_RUNNABLE_THREADS, 0);
	is_value(METRIC_SCHED_TIMESLICES_SLICES, 3);
}

/* ---- the real thing: this very process ---- */

static uint64_t own_start(void)
{
	uint64_t ticks = 0;
	char state;

	ok(process_start(getpid(), &ticks, &state), "our start is known");
	return ticks;
}

static void test_own_process(void)
{
	struct rlimit files;
	struct rusage usage;
	cpu_set_t cpus;
	uint64_t start = own_start();

	memset(&got, 0, sizeof(got));
	kernel_add(&reader, &got, getpid(), start);
	getrlimit(RLIMIT_NOFILE, &files);
	getrusage(RUSAGE_SELF, &usage);
	sched_getaffinity(0, sizeof(cpus), &cpus);
	is_value(METRIC_PROCESS_MAX_FDS_FDS, files.rlim_cur);
	is_value(METRIC_SCHED_CPUS_CPUS, (uint64_t)CPU_COUNT(&cpus));
	ok(snapshot_u64(&got, METRIC_SCHED_PROCESSORS_THREADS) >= 1,
	   "a processor at least");
	ok(snapshot_u64(&got, METRIC_MEMORY_FAULTS_MINOR_FAULTS) <=
		   (uint64_t)usage.ru_minflt, "faults are ours");
	ok(snapshot_value(&got, METRIC_PROCESS_START_TIME_SECONDS),
	   "and our start time");
}

static void test_another_process(void)
{
	uint64_t start = own_start();

	memset(&got, 0, sizeof(got));
	kernel_add(&reader, &got, getpid(), start + 1);
	is_u64(got.count, 0, "another start: a stranger");
	kernel_add(&reader, &got, 0x7ffffffe, 0);
	is_u64(got.count, 0, "no such process");
}

/* It reads as a process with no descriptors, no memory: not to be told. */
static void test_zombie(void)
{
	pid_t child = fork();
	siginfo_t info;
	uint64_t start = 0;
	char state = 0;

	if (child == 0)
		_exit(0);
	waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT);
	ok(process_start(child, &start, &state) && state == 'Z', "a zombie");
	memset(&got, 0, sizeof(got));
	kernel_add(&reader, &got, child, start);
	is_u64(got.count, 0, "nothing of it");
	wait_for(child);
}

int main(void)
{
	sandbox_init();
	if (procfile_init(&reader.file) != 0)
		sandbox_fail("procfile_init");
	RUN(test_named_numbers());
	RUN(test_files());
	RUN(test_lists());
	RUN(test_reasons());
	RUN(test_sources());
	RUN(test_stat());
	RUN(test_stat_truncated());
	RUN(test_status());
	RUN(test_maps());
	RUN(test_limits());
	RUN(test_limit_of_group());
	RUN(test_io_and_descriptors());
	RUN(test_nothing_known());
	RUN(test_threads());
	RUN(test_purge_threads());
	RUN(test_odd_threads());
	RUN(test_own_process());
	RUN(test_another_process());
	RUN(test_zombie());
	return done();
}
