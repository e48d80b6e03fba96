/* SPDX-License-Identifier: MIT */
/* Control groups of fake machines: version 1, version 2, both, and odd ones. */
#include "reader/cgroup.h"
#include "tests/unit/fake_root.h"
#include "tests/unit/tap.h"

#define MOUNT_V2 "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - " \
		 "cgroup2 cgroup2 rw,nsdelegate\n"
#define OTHER_MOUNTS                                                      \
	"22 27 0:21 / /proc rw,relatime - proc proc rw\n"                 \
	"27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,memory,cpu,pids\n" \
	"28 27 0:9 / /mnt/a\\040-\\040b rw - tmpfs cgroup2 rw\n"

static struct cgroup_figures got;
static struct procfile file;

static void look(void)
{
	memset(&got, 0xff, sizeof(got));
	cgroup_read(&got, &file, fake.process_fd, fake.path);
}

static void is_figure(enum cgroup_field field, uint64_t want, const char *what)
{
	ok(got.present & 1u << field, "%s: is there", what);
	is_u64(got.values[field], want, "%s", what);
}

static void is_absent(enum cgroup_field field, const char *what)
{
	ok(!(got.present & 1u << field), "%s: is absent", what);
}

/* /a/b of version 2, with all files of a kernel of today. */
static void make_v2(void)
{
	fake_root();
	fake_process("cgroup", "0::/a/b\n");
	fake_file("proc/self/mountinfo", OTHER_MOUNTS MOUNT_V2);
	fake_file("sys/fs/cgroup/a/b/memory.current", "1234567\n");
	fake_file("sys/fs/cgroup/a/b/memory.peak", "7654321\n");
	fake_file("sys/fs/cgroup/a/b/memory.max", "max\n");
	fake_file("sys/fs/cgroup/a/memory.max", "104857600\n");
	fake_file("sys/fs/cgroup/a/b/memory.events",
		  "low 1\nhigh 2\nmax 3\noom 4\noom_kill 5\n"
		  "oom_group_kill 6\n");
	fake_file("sys/fs/cgroup/a/b/cpu.stat",
		  "usage_usec 2500000\nuser_usec 2\nsystem_usec 3\n"
		  "nr_periods 4\nnr_throttled 5\nthrottled_usec 77\n");
	fake_file("sys/fs/cgroup/a/b/cpu.max", "150000 100000\n");
	fake_file("sys/fs/cgroup/a/cpu.max", "max 100000\n");
	fake_file("sys/fs/cgroup/a/b/pids.current", "12\n");
	fake_file("sys/fs/cgroup/a/b/pids.max", "500\n");
	fake_file("sys/fs/cgroup/a/pids.max", "max\n");
}

static void test_v2(void)
{
	make_v2();
	look();
	is_figure(CGROUP_MEMORY_CURRENT, 1234567, "current");
	is_figure(CGROUP_MEMORY_PEAK, 7654321, "peak");
	is_figure(CGROUP_MEMORY_LIMIT, 104857600, "limit of the parent");
	is_figure(CGROUP_MEMORY_OOM_KILLS, 5, "oom kills, not another line");
	is_figure(CGROUP_CPU_USAGE, 2500000000, "usage in ns");
	is_figure(CGROUP_CPU_THROTTLED, 77000, "throttled in ns");
	is_figure(CGROUP_CPU_QUOTA, 150000000, "quota in ns");
	is_figure(CGROUP_CPU_PERIOD, 100000000, "period in ns");
	is_figure(CGROUP_PIDS_CURRENT, 12, "pids");
	is_figure(CGROUP_PIDS_LIMIT, 500, "limit of pids");
}

static void test_lowest_limit(void)
{
	make_v2();
	fake_file("sys/fs/cgroup/a/b/memory.max", "4096\n");
	fake_file("sys/fs/cgroup/memory.max", "8192\n");
	fake_file("sys/fs/cgroup/a/cpu.max", "20000 50000\n");
	fake_file("sys/fs/cgroup/a/pids.max", "499\n");
	look();
	is_figure(CGROUP_MEMORY_LIMIT, 4096, "own limit");
	is_figure(CGROUP_CPU_QUOTA, 20000000, "by ratio, not by number");
	is_figure(CGROUP_CPU_PERIOD, 50000000, "with its own period");
	is_figure(CGROUP_PIDS_LIMIT, 499, "that of the parent");
	fake_file("sys/fs/memory.max", "1\n");
	fake_file("memory.max", "1\n");
	look();
	is_figure(CGROUP_MEMORY_LIMIT, 4096, "never above the mount");
}

/* The topmost group of version 2 has hardly any files. */
static void test_topmost(void)
{
	make_v2();
	fake_process("cgroup", "0::/\n");
	fake_file("sys/fs/cgroup/cpu.stat", "usage_usec 9\nuser_usec 2\n");
	look();
	is_figure(CGROUP_CPU_USAGE, 9000, "usage");
	is_u64(got.present, 1u << CGROUP_CPU_USAGE, "and nothing else");
}

static void test_no_limits(void)
{
	make_v2();
	fake_file("sys/fs/cgroup/a/memory.max", "max\n");
	fake_file("sys/fs/cgroup/a/b/cpu.max", "max 100000\n");
	fake_file("sys/fs/cgroup/a/b/pids.max", "max\n");
	look();
	is_absent(CGROUP_MEMORY_LIMIT, "memory");
	is_absent(CGROUP_CPU_QUOTA, "quota");
	is_absent(CGROUP_CPU_PERIOD, "period");
	is_absent(CGROUP_PIDS_LIMIT, "pids");
	is_figure(CGROUP_PIDS_CURRENT, 12, "the rest");
}

#define MOUNTS_V1                                                            \
	"31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n"         \
	"32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 master:2 - "    \
	"cgroup cgroup rw,cpu,cpuacct\n"                                     \
	"35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"  \
	"39 31 0:36 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n"      \
	"40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=cpu\n"

static void make_v1(void)
{
	fake_root();
	fake_process("cgroup", "9:name=systemd:/init\n8:pids:/p\n"
		     "4:memory:/m:1/n\n3:cpuset,cpuacct_not:/wrong\n"
		     "2:cpu,cpuacct:/c\n0::/init\n");
	fake_file("proc/self/mountinfo", OTHER_MOUNTS MOUNTS_V1);
	fake_file("sys/fs/cgroup/memory/m:1/n/memory.usage_in_bytes", "11\n");
	fake_file("sys/fs/cgroup/memory/m:1/n/memory.max_usage_in_bytes",
		  "12\n");
	fake_file("sys/fs/cgroup/memory/m:1/n/memory.limit_in_bytes",
		  "9223372036854771712\n");
	fake_file("sys/fs/cgroup/memory/m:1/n/memory.oom_control",
		  "oom_kill_disable 1\nunder_oom 2\noom_kill 3\n");
	fake_file("sys/fs/cgroup/cpu,cpuacct/c/cpuacct.usage", "1234567890\n");
	fake_file("sys/fs/cgroup/cpu,cpuacct/c/cpu.stat",
		  "nr_periods 1\nnr_throttled 2\nthrottled_time 333\n");
	fake_file("sys/fs/cgroup/cpu,cpuacct/c/cpu.cfs_quota_us", "50000\n");
	fake_file("sys/fs/cgroup/cpu,cpuacct/c/cpu.cfs_period_us", "100000\n");
	fake_file("sys/fs/cgroup/pids/p/pids.current", "7\n");
	fake_file("sys/fs/cgroup/pids/p/pids.max", "max\n");
}

static void test_v1(void)
{
	make_v1();
	look();
	is_figure(CGROUP_MEMORY_CURRENT, 11, "current, path with a colon");
	is_figure(CGROUP_MEMORY_PEAK, 12, "peak");
	is_absent(CGROUP_MEMORY_LIMIT, "a limit of 2^63 less a page");
	is_figure(CGROUP_MEMORY_OOM_KILLS, 3, "oom kills");
	is_figure(CGROUP_CPU_USAGE, 1234567890, "usage");
	is_figure(CGROUP_CPU_THROTTLED, 333, "throttled");
	is_figure(CGROUP_CPU_QUOTA, 50000000, "quota");
	is_figure(CGROUP_CPU_PERIOD, 100000000, "period");
	is_figure(CGROUP_PIDS_CURRENT, 7, "pids");
	is_absent(CGROUP_PIDS_LIMIT, "max");
	fake_file("sys/fs/cgroup/memory/m:1/memory.limit_in_bytes", "99\n");
	fake_file("sys/fs/cgroup/cpu,cpuacct/c/cpu.cfs_quota_us", "-1\n");
	look();
	is_figure(CGROUP_MEMORY_LIMIT, 99, "limit of the parent");
	is_absent(CGROUP_CPU_QUOTA, "a quota of -1");
}

/* Version 2 mounted beside it, without controllers, must not mix in. */
static void test_both(void)
{
	make_v1();
	fake_file("proc/self/mountinfo", OTHER_MOUNTS MOUNTS_V1
		  "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 x rw\n");
	fake_file("sys/fs/cgroup/unified/init/cpu.stat", "usage_usec 1\n");
	fake_file("sys/fs/cgroup/unified/init/memory.peak", "1\n");
	look();
	is_figure(CGROUP_CPU_USAGE, 1234567890, "version 1 has the CPU");
	is_figure(CGROUP_MEMORY_PEAK, 12, "and memory");
	fake_process("cgroup", "0::/init\n");
	look();
	is_figure(CGROUP_CPU_USAGE, 1000, "where it does not, version 2 has");
}

/* A container sees its part of the hierarchy, mounted in its place. */
static void test_part_is_mounted(void)
{
	make_v2();
	fake_file("proc/self/mountinfo",
		  "30 23 0:26 /a/bb /elsewhere rw - cgroup2 cgroup2 rw\n"
		  "30 23 0:26 /a /mnt/my\\040groups\\134x rw - cgroup2 c rw\n");
	fake_file("mnt/my groups\\x/b/pids.current", "5\n");
	fake_file("mnt/my groups\\x/pids.max", "6\n");
	fake_file("mnt/pids.max", "1\n");
	look();
	is_figure(CGROUP_PIDS_CURRENT, 5, "below the mounted part");
	is_figure(CGROUP_PIDS_LIMIT, 6, "up to its root");
	fake_process("cgroup", "0::/a\n");
	fake_file("mnt/my groups\\x/pids.current", "55\n");
	look();
	is_figure(CGROUP_PIDS_CURRENT, 55, "the mounted part itself");
	fake_process("cgroup", "0::/ab\n");
	look();
	is_u64(got.present, 0, "a name that only begins like it");
	fake_process("cgroup", "0::/other\n");
	look();
	is_u64(got.present, 0, "a group that is not mounted");
}

static void test_outside_namespace(void)
{
	make_v2();
	fake_file("sys/fs/pids.current", "1\n");
	fake_process("cgroup", "0::/../x\n");
	fake_file("sys/fs/x/pids.current", "1\n");
	look();
	is_u64(got.present, 0, "/../x is not looked for");
	fake_process("cgroup", "0::/..\n");
	look();
	is_u64(got.present, 0, "nor is /..");
	fake_process("cgroup", "0::/a/b (deleted)\n");
	look();
	is_figure(CGROUP_MEMORY_LIMIT, 104857600, "limit above a removed group");
	is_u64(got.present, 1u << CGROUP_MEMORY_LIMIT, "and nothing else");
}

static void test_missing(void)
{
	fake_root();
	look();
	is_u64(got.present, 0, "neither cgroup nor mountinfo");
	fake_process("cgroup", "0::/a/b\n");
	look();
	is_u64(got.present, 0, "no mountinfo");
	fake_file("proc/self/mountinfo", OTHER_MOUNTS);
	look();
	is_u64(got.present, 0, "nothing mounted");
	fake_file("proc/self/mountinfo", OTHER_MOUNTS MOUNT_V2);
	look();
	is_u64(got.present, 0, "no such group");
}

static const char *const odd_numbers[] = {
	"", "\n", "max", "max\n", "-1\n", "+5\n", "5", "5x\n", "0x10\n",
	"nan\n", "inf\n", "18446744073709551616\n",
	"99999999999999999999999999999\n", " \n",
};

static void test_odd_numbers(void)
{
	for (size_t i = 0; i < sizeof(odd_numbers) / sizeof(odd_numbers[0]);
	     i++) {
		char line[128];

		make_v2();
		fake_file("sys/fs/cgroup/a/b/memory.current", odd_numbers[i]);
		snprintf(line, sizeof(line), "150000 %s", odd_numbers[i]);
		fake_file("sys/fs/cgroup/a/b/cpu.max", line);
		snprintf(line, sizeof(line), "usage_usec %s", odd_numbers[i]);
		fake_file("sys/fs/cgroup/a/b/cpu.stat", line);
		look();
		is_absent(CGROUP_MEMORY_CURRENT, odd_numbers[i]);
		is_absent(CGROUP_CPU_QUOTA, odd_numbers[i]);
		is_absent(CGROUP_CPU_USAGE, odd_numbers[i]);
		is_figure(CGROUP_PIDS_CURRENT, 12, "the rest");
	}
}

static void test_huge_numbers(void)
{
	make_v2();
	fake_file("sys/fs/cgroup/a/b/memory.current",
		  "18446744073709551615\n");
	fake_file("sys/fs/cgroup/a/b/cpu.stat",
		  "usage_usec 18446744073709551\n"
		  "throttled_usec 18446744073709552\n");
	fake_file("sys/fs/cgroup/a/b/cpu.max", "18446744073709552 100000\n");
	look();
	is_figure(CGROUP_MEMORY_CURRENT, UINT64_MAX, "the most there can be");
	is_figure(CGROUP_CPU_USAGE, 18446744073709551000u, "just in range");
	is_absent(CGROUP_CPU_THROTTLED, "more nanoseconds than 64 bits");
	is_absent(CGROUP_CPU_QUOTA, "likewise a quota");
	fake_file("sys/fs/cgroup/a/b/cpu.max", "50000 0\n");
	look();
	is_absent(CGROUP_CPU_QUOTA, "no period of 0");
}

/* Every prefix of the two lists must do no harm. */
static void test_truncated(void)
{
	static const char list[] = "4:memory:/m\n2:cpu,cpuacct:/c\n0::/a/b\n";
	static const char mounts[] = OTHER_MOUNTS MOUNT_V2;
	char cut[sizeof(mounts)];

	make_v2();
	for (size_t i = 0; i < sizeof(list); i++) {
		snprintf(cut, i + 1, "%s", list);
		fake_process("cgroup", cut);
		look();
		ok(got.present < 1u << CGROUP_FIELDS, "list cut at %zu", i);
	}
	for (size_t i = 0; i < sizeof(mounts); i++) {
		snprintf(cut, i + 1, "%s", mounts);
		fake_file("proc/self/mountinfo", cut);
		look();
		ok(got.present < 1u << CGROUP_FIELDS, "mounts cut at %zu", i);
	}
	is_figure(CGROUP_PIDS_CURRENT, 12, "whole again");
}

/* Longer than any path may be. */
static void test_long_path(void)
{
	char *list = malloc(20000);

	make_v2();
	memset(list, 'x', 20000);
	memcpy(list, "0::/", 4);
	strcpy(list + 19990, "\n");
	fake_process("cgroup", list);
	look();
	is_u64(got.present, 0, "no group");
	strcpy(list + 4090, "\n");
	fake_process("cgroup", list);
	look();
	is_u64(got.present, 0, "nor one that becomes too long below the mount");
	free(list);
}

int main(void)
{
	sandbox_init();
	if (procfile_init(&file) != 0)
		sandbox_fail("procfile_init");
	RUN(test_v2());
	RUN(test_lowest_limit());
	RUN(test_topmost());
	RUN(test_no_limits());
	RUN(test_v1());
	RUN(test_both());
	RUN(test_part_is_mounted());
	RUN(test_outside_namespace());
	RUN(test_missing());
	RUN(test_odd_numbers());
	RUN(test_huge_numbers());
	RUN(test_truncated());
	RUN(test_long_path());
	return done();
}
