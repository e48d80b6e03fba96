/* SPDX-License-Identifier: MIT */
#include "preload/process.h"

#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>

#include "preload/collector.h"
#include "preload/env.h"
#include "preload/extras.h"
#include "preload/figures.h"
#include "preload/fork.h"
#include "preload/message.h"
#include "preload/provider.h"
#include "preload/thread.h"
#include "shm/leftovers.h"
#include "shm/syscalls.h"

#define SANDBOX_SLOTS 64 /* for the threads to come */

#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK 18 /* Linux 4.14 */
#endif

/* ---- what survives a fork ---- */

struct process *process_self; /* wiped memory; NULL: nothing ever started */
struct process_kept kept;
static bool kernel_wipes;
static bool never;              /* off for good, children included */
static bool first_is_done;
static bool sandboxed;
static struct provider_facts provider;
static char exe[256];

/* ---- bitmaps ---- */

static bool take_bit(struct bitmap *map, unsigned limit, unsigned *ret_index)
{
	for (unsigned word = 0; word * 64 < limit; word++) {
		uint64_t seen = __atomic_load_n(&map->words[word], __ATOMIC_RELAXED);

		while (~seen) {
			unsigned bit = (unsigned)__builtin_ctzll(~seen);

			if (word * 64 + bit >= limit)
				return false;
			/* Acquire: pairs with the release in give_bit(), so
			 * that we continue from the last owner's counts. */
			if (!__atomic_compare_exchange_n(&map->words[word], &seen,
							 seen | 1ULL << bit, true,
							 __ATOMIC_ACQUIRE,
							 __ATOMIC_RELAXED))
				continue;
			*ret_index = word * 64 + bit;
			return true;
		}
	}
	return false;
}

static void give_bit(struct bitmap *map, unsigned index)
{
	__atomic_fetch_and(&map->words[index / 64], ~(1ULL << index % 64),
			   __ATOMIC_RELEASE);
}

/* ---- slots and handoffs ---- */

struct tally *process_claim(struct process *p)
{
	struct tally *t;
	unsigned index;

	if (!take_bit(&p->slots_taken, kept.segment.slot_count - OVERFLOW_SLOTS,
		      &index))
		return NULL;
	if (!segment_commit_slot(&kept.segment, OVERFLOW_SLOTS + index)) {
		give_bit(&p->slots_taken, index);
		return NULL;
	}
	t = &p->tallies[index];
	t->index = index;
	__atomic_store_n(&t->own, &kept.segment.slots[OVERFLOW_SLOTS + index],
			 __ATOMIC_RELAXED);
	return t;
}

void process_release(struct process *p, struct tally *t)
{
	t->slot = NULL;
	t->own = NULL;
	give_bit(&p->slots_taken, t->index);
}

struct slot *process_overflow_slot(void)
{
	/* A thread's own storage tells threads apart without a system call. */
	uintptr_t where = (uintptr_t)&tally_self;

	return &kept.segment.slots[(where >> 12 ^ where >> 20) % OVERFLOW_SLOTS];
}

struct handoff *handoff_give(void)
{
	struct process *p = process_if_on();
	unsigned index;

	if (!p || !take_bit(&p->handoffs_taken, EXCLUSIVE_SLOTS, &index))
		return NULL;
	return &kept.handoffs[index];
}

struct handoff handoff_take(struct handoff *h)
{
	struct handoff copy = *h;

	give_bit(&process_self->handoffs_taken, (unsigned)(h - kept.handoffs));
	return copy;
}

/* ---- what the kernel says of this process ---- */

static const char *skip_fields(const char *at, int fields)
{
	while (fields-- > 0 && (at = strchr(at, ' ')))
		at++;
	return at;
}

static uint64_t decimal(const char *at)
{
	uint64_t value = 0;

	for (; at && *at >= '0' && *at <= '9'; at++)
		value = value * 10 + (uint64_t)(*at - '0');
	return value;
}

/* "pid (name) S ppid ...": the name may hold anything, ')' included. */
static void parse_stat(char *line, struct segment_request *request, char *comm,
		       size_t room)
{
	char *open = strchr(line, '('), *close = strrchr(line, ')');
	size_t length;

	if (!open || !close || close < open)
		return;
	length = (size_t)(close - open - 1);
	if (length > room - 1)
		length = room - 1;
	memcpy(comm, open + 1, length);
	comm[length] = '\0';
	request->parent_pid = (int)decimal(skip_fields(close, 2));
	request->starttime_ticks = decimal(skip_fields(close, 20));
}

/* Without /proc the start time stays 0, which means unknown. */
static void read_stat(struct segment_request *request, char *comm, size_t room)
{
	char line[1024];
	ssize_t got;
	int fd = sys_open("/proc/self/stat", O_RDONLY | O_CLOEXEC, 0);

	if (fd < 0)
		return;
	got = sys_read(fd, line, sizeof(line) - 1);
	sys_close(fd);
	if (got <= 0)
		return;
	line[got] = '\0';
	parse_stat(line, request, comm, room);
}

/* Empty without /proc. */
static void read_link(const char *path, char *to, size_t room)
{
	ssize_t got = syscall(SYS_readlinkat, AT_FDCWD, path, to, room - 1);

	to[got > 0 ? got : 0] = '\0';
}

/* From "pid:[4026531836]": the inode, for half the price of a stat(). */
static uint64_t pid_namespace(void)
{
	char link[32];

	read_link("/proc/self/ns/pid", link, sizeof(link));
	return strncmp(link, "pid:[", 5) == 0 ? decimal(link + 5) : 0;
}

/* ---- beginning ---- */

/* The kernel's name of a process ends after 15 bytes, a file's does not. */
static bool is_wanted(const char *comm, int pid)
{
	const char *slash = strrchr(exe, '/');

	if (env.only_pid && env.only_pid != pid)
		return false;
	return !*env.only || env_glob_list_matches(env.only, comm) ||
	       env_glob_list_matches(env.only, slash ? slash + 1 : exe);
}

static bool make_segment(struct process *p)
{
	struct segment_request request = {
		.directory = env.directory,
		.any_filesystem = env.any_filesystem,
		.mode = env.mode,
		.exclusive_slots = env.slots,
		.pid = p->pid,
		.uid = (unsigned)syscall(SYS_geteuid),
		.exe = exe,
	};
	struct segment made;
	char comm[16] = "";
	const char *step;
	int error;

	request.comm = comm;
	read_stat(&request, comm, sizeof(comm));
	if (!is_wanted(comm, p->pid)) {
		message_off("not asked for by HEAPTALLY_ONLY", comm, 0);
		return false;
	}
	request.pidns_inode = pid_namespace();
	error = segment_create(&made, &request, &step);
	/* What is to be kept, also of others, somebody is going to read. */
	if (error == -ENOSPC && !env.keep &&
	    leftovers_remove(env.directory, request.uid))
		error = segment_create(&made, &request, &step);
	if (error)
		message_off(step, env.directory, error == -EMEDIUMTYPE ? 0 : -error);
	else
		kept.segment = made;
	return error == 0;
}

static void publish_coverage(struct segment_header *h)
{
	memcpy(h->coverage_reason, provider.reason, sizeof(h->coverage_reason));
	/* Release: whoever sees the verdict sees the reason. */
	__atomic_store_n(&h->coverage, provider.coverage, __ATOMIC_RELEASE);
}

static void fill_rest(bool is_child)
{
	struct segment_header *h = kept.segment.header;

	memcpy(h->provider, provider.name, sizeof(h->provider));
	publish_coverage(h);
	if (is_child) {
		struct fork_baseline born = fork_get_baseline();

		h->inherited_objects = born.live_objects;
		h->inherited_bytes = born.live_bytes;
		h->exec_count = 0;
		if (!born.exact)
			h->flags |= SEGMENT_BASELINE_APPROX;
	}
}

static bool begin(struct process *p, bool is_child)
{
	struct tally *t;

	p->pid = (pid_t)syscall(SYS_getpid);
	if (!make_segment(p))
		return false;
	fill_rest(is_child);
	p->inline_bytes = provider.inline_bytes;
	p->control = (void *)((char *)kept.segment.header +
			      kept.segment.header->control.offset_bytes);
	p->control->want_flags = env.extras;
	t = process_claim(p);
	if (!t) {
		segment_finish(&kept.segment, false);
		return false;
	}
	thread_adopt_first(p, t);
	extras_start(p);
	collector_start();
	segment_publish(&kept.segment);
	return true;
}

/* Once in the life of a program, in its first thread. */
static bool prepare(void)
{
	struct process *wiped;

	next_resolve();
	env_read();
	if (env.off) {
		if (env.off_why)
			message_off(env.off_why, NULL, 0);
		return false;
	}
	wiped = sys_mmap(sizeof(*wiped), PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);
	if (wiped == MAP_FAILED) {
		message_off("mmap", NULL, errno);
		return false;
	}
	kernel_wipes = sys_madvise(wiped, sizeof(*wiped), MADV_WIPEONFORK) == 0;
	if (!thread_watch_ends()) {
		message_off("no thread-specific key is left", NULL, 0);
		sys_munmap(wiped, sizeof(*wiped));
		return false;
	}
	provider_examine(&provider);
	figures_find(provider.name);
	collector_find();
	read_link("/proc/self/exe", exe, sizeof(exe));
	fork_register();
	process_self = wiped;
	return true;
}

/* Off for good, as the first image of this program could not be tallied. */
static void give_up(void)
{
	struct process *wiped = process_self;

	never = true;
	process_self = NULL;
	if (wiped)
		sys_munmap(wiped, sizeof(*wiped));
}

static void start_first(void)
{
	if (prepare() && begin(process_self, false))
		__atomic_store_n(&process_self->phase, PROCESS_ON, __ATOMIC_RELEASE);
	else
		give_up();
}

/*
 * False in a child of vfork, which has our memory but is not us. The first
 * process of a pid namespace is 1 like that of any other.
 */
static bool memory_is_ours(void)
{
	pid_t pid = (pid_t)syscall(SYS_getpid);

	return process_self->pid == pid &&
	       (pid != 1 || !process_if_on() ||
		kept.segment.header->pidns_inode == pid_namespace());
}

static void start_child(void)
{
	uint32_t fresh = PROCESS_FRESH;

	if (process_self->pid && !memory_is_ours())
		return;
	if (__atomic_compare_exchange_n(&process_self->phase, &fresh,
					PROCESS_STARTING, false,
					__ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		__atomic_store_n(&process_self->phase,
				 begin(process_self, true) ? PROCESS_ON : PROCESS_OFF,
				 __ATOMIC_RELEASE);
}

/*
 * Signals wait meanwhile: a handler that allocates would not be counted, and
 * the free of its block would be.
 */
static COLD void start(void)
{
	static bool entered;
	uint64_t all = ~0ULL, before;
	int saved = errno;

	/* Called by a constructor that runs before libc's own (-z initfirst):
	 * there is no environment to read yet. */
	if (!entered && !environ)
		return;
	/* Before the first system call: one could be its death. */
	if (first_is_done && (sandboxed || !env.follow_fork)) {
		never = true;
		extras_withdraw();
		return;
	}
	syscall(SYS_rt_sigprocmask, SIG_BLOCK, &all, &before, sizeof(all));
	if (!entered) {
		entered = true;
		start_first();
		first_is_done = true;
		message_is_late = true;
	} else if (first_is_done) {
		start_child();
	} /* else called back by start_first() itself: pass through */
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &before, NULL, sizeof(all));
	errno = saved;
}

struct process *process_if_on(void)
{
	if (process_self &&
	    LIKELY(__atomic_load_n(&process_self->phase, __ATOMIC_ACQUIRE) == PROCESS_ON))
		return process_self;
	return NULL;
}

struct process *process_get(void)
{
	if (!never && (!process_self || __atomic_load_n(&process_self->phase,
						   __ATOMIC_ACQUIRE) == PROCESS_FRESH))
		start();
	return process_if_on();
}

bool process_is_off(void)
{
	return process_self && __atomic_load_n(&process_self->phase,
					  __ATOMIC_RELAXED) == PROCESS_OFF;
}

void process_is_born(void)
{
	if (!process_self || sandboxed)
		return;
	if (!kernel_wipes)
		sys_madvise(process_self, sizeof(*process_self), MADV_DONTNEED);
	process_self->pid = (pid_t)syscall(SYS_getpid);
}

void process_is_bypassed(const char *reason)
{
	struct process *p = process_get();

	if (!p || provider.coverage != COVERAGE_FULL)
		return;
	memcpy(provider.reason, reason, strlen(reason) + 1);
	provider.coverage = COVERAGE_PARTIAL;
	publish_coverage(kept.segment.header);
}

void process_loads_library(void)
{
	char reason[sizeof(provider.reason)];

	if (provider_may_be_passed(&provider, reason))
		process_is_bypassed(reason);
}

/* ---- the program's start and end ---- */

__attribute__((constructor)) static void on_load(void)
{
	next_resolve();
	process_get();
	/* A look-up of ours that failed must not show in the program's first
	 * dlerror(); in a later moment this would eat an error of its own. */
	dlerror();
}

bool process_may_be_sandboxed(void)
{
	return process_self && !sandboxed && memory_is_ours();
}

void process_enters_sandbox(bool at_once)
{
	struct process *p = process_if_on();

	sandboxed = true;
	if (p)
		segment_stop_growing(&kept.segment, at_once ? 0 : SANDBOX_SLOTS);
}

bool process_is_sandboxed(void)
{
	return sandboxed;
}

void process_end(void)
{
	/* In a sandbox nobody may be asked whose memory this is. */
	if (!process_self || sandboxed || !memory_is_ours())
		return;
	if (process_if_on())
		segment_finish(&kept.segment, env.keep);
	else /* a segment begun from here on would never be finished */
		never = true;
}

/*
 * Destructors of what was loaded before us follow, and still free. A child of
 * vfork may not come here, so that a sandboxed process can say at least that
 * it has ended.
 */
__attribute__((destructor)) static void on_exit_of_program(void)
{
	if (sandboxed && process_if_on())
		segment_finish(&kept.segment, true);
	else
		process_end();
}
