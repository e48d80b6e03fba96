/* SPDX-License-Identifier: MIT */
#include "reader/tasks.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "reader/procfile.h"

/* How jemalloc names the threads that give memory back. */
#define PURGE_THREAD "jemalloc_bg_thd\n"

static const struct state {
	const char *letters; /* of the kernel */
	enum metric_id id;
} states[] = {
	{ "R", METRIC_THREADS_STATE_RUNNABLE_THREADS },
	{ "S", METRIC_THREADS_STATE_SLEEPING_THREADS },
	{ "D", METRIC_THREADS_STATE_UNINTERRUPTIBLE_THREADS },
	{ "Tt", METRIC_THREADS_STATE_STOPPED_THREADS },
	{ "ZX", METRIC_THREADS_STATE_ZOMBIE_THREADS },
};

#define STATES (sizeof(states) / sizeof(states[0]))

/* Each with the number of threads that told it. */
struct sum {
	uint64_t total;
	unsigned tellers;
};

struct sums {
	uint64_t in_state[STATES];
	unsigned threads; /* whose state is known */
	struct sum voluntary, involuntary;
	struct sum delay_ns, slices;
	struct sum purge_ticks;
};

static void add(struct sum *sum, uint64_t value)
{
	sum->total += value;
	sum->tellers++;
}

static void add_named(struct sum *sum, const char *text, const char *name)
{
	uint64_t value;

	if (procfile_named_number(text, name, &value))
		add(sum, value);
}

static void add_state(struct sums *sums, const char *status)
{
	const char *at = procfile_named(status, "State");

	at += at ? strspn(at, " \t") : 0;
	if (!at || !*at || *at == '\n')
		return;
	sums->threads++;
	for (size_t i = 0; i < STATES; i++)
		sums->in_state[i] += strchr(states[i].letters, *at) != NULL;
}

/* Fields 14 and 15: time in user mode, in the kernel. */
static void add_purge(struct sums *sums, struct procfile *file, int task_fd)
{
	const char *stat = procfile_read(file, task_fd, "stat");
	uint64_t user, kernel;

	if (stat && procfile_stat_number(stat, 14, &user) &&
	    procfile_stat_number(stat, 15, &kernel))
		add(&sums->purge_ticks, user + kernel);
}

static void add_status(struct sums *sums, struct procfile *file, int task_fd)
{
	const char *status = procfile_read(file, task_fd, "status");
	const char *name = status ? procfile_named(status, "Name") : NULL;

	if (!status)
		return;
	add_state(sums, status);
	add_named(&sums->voluntary, status, "voluntary_ctxt_switches");
	add_named(&sums->involuntary, status, "nonvoluntary_ctxt_switches");
	if (name && strncmp(name + strspn(name, "\t"), PURGE_THREAD,
			    strlen(PURGE_THREAD)) == 0)
		add_purge(sums, file, task_fd); /* status is void now */
}

/* "RUN_NS DELAY_NS SLICES"; a kernel that does not count says "0 0 0". */
static void add_schedstat(struct sums *sums, struct procfile *file,
			  int task_fd)
{
	const char *text = procfile_read(file, task_fd, "schedstat");
	const char *second = text ? strchr(text, ' ') : NULL;
	const char *third = second ? strchr(second + 1, ' ') : NULL;
	uint64_t delay_ns, slices;

	if (third && procfile_number(second, &delay_ns) &&
	    procfile_number(third, &slices) && slices) {
		add(&sums->delay_ns, delay_ns);
		add(&sums->slices, slices);
	}
}

/* By its directory, which another thread of the same number cannot take. */
static void add_task(struct sums *sums, struct procfile *file, int tasks_fd,
		     const char *tid)
{
	int fd = openat(tasks_fd, tid, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return;
	add_status(sums, file, fd);
	add_schedstat(sums, file, fd);
	close(fd);
}

static void put(struct snapshot *s, enum metric_id id, const struct sum *sum)
{
	if (sum->tellers)
		snapshot_add_u64(s, id, sum->total);
}

static void put_seconds(struct snapshot *s, enum metric_id id,
			const struct sum *sum, double per_second)
{
	if (sum->tellers)
		snapshot_add_f64(s, id, (double)sum->total / per_second);
}

static void put_all(struct snapshot *s, const struct sums *sums)
{
	for (size_t i = 0; sums->threads && i < STATES; i++)
		snapshot_add_u64(s, states[i].id, sums->in_state[i]);
	put_seconds(s, METRIC_CPU_PURGE_CPU_SECONDS, &sums->purge_ticks,
		    (double)sysconf(_SC_CLK_TCK));
	put_seconds(s, METRIC_SCHED_RUN_DELAY_SECONDS, &sums->delay_ns, 1e9);
	put(s, METRIC_SCHED_TIMESLICES_SLICES, &sums->slices);
	put(s, METRIC_SCHED_SWITCHES_VOLUNTARY_SWITCHES, &sums->voluntary);
	put(s, METRIC_SCHED_SWITCHES_INVOLUNTARY_SWITCHES, &sums->involuntary);
}

int tasks_add(struct snapshot *s, struct procfile *file, int process_fd)
{
	struct procfile_list list;
	struct sums sums = { .threads = 0 };
	const char *tid;

	if (!procfile_list_open(&list, process_fd, "task"))
		return errno;
	while ((tid = procfile_list_next(&list)))
		add_task(&sums, file, list.fd, tid);
	procfile_list_close(&list);
	put_all(s, &sums);
	return 0;
}
