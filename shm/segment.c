/* SPDX-License-Identifier: MIT */
#include "segment.h"

#include <errno.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <time.h>

#include "metrics.h"
#include "syscalls.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif
#define TMPFS_MAGIC 0x01021994

#define FIRST_SLOTS     (OVERFLOW_SLOTS + 8)  /* committed at the start */
#define FIRST_SLOTS_OLD (OVERFLOW_SLOTS + 56) /* where no more can follow */
#define GROW_SLOTS      16
#define CREATE_TRIES    4
#define FALLOCATE_TRIES 16 /* it starts anew after each EINTR */

struct geometry {
	size_t page_bytes;
	size_t control_offset;
	size_t metrics_offset;
	size_t slots_offset;
	size_t file_bytes;
	unsigned slot_count;
};

static size_t round_up(size_t value, size_t to)
{
	return (value + to - 1) / to * to;
}

static struct geometry geometry_for(unsigned exclusive_slots)
{
	struct geometry g = { .page_bytes = getauxval(AT_PAGESZ) };

	if (g.page_bytes < sizeof(struct segment_header))
		g.page_bytes = 4096;
	g.slot_count = OVERFLOW_SLOTS + exclusive_slots;
	g.control_offset = g.page_bytes;
	g.metrics_offset = 2 * g.page_bytes;
	g.slots_offset = g.metrics_offset +
		round_up(METRICS_MAX * sizeof(struct metric_entry), g.page_bytes);
	g.file_bytes = g.slots_offset +
		round_up(g.slot_count * sizeof(struct slot), g.page_bytes);
	return g;
}

static size_t slots_end(const struct geometry *g, unsigned slots)
{
	size_t end = g->slots_offset + slots * sizeof(struct slot);

	end = round_up(end, g->page_bytes);
	return end < g->file_bytes ? end : g->file_bytes;
}

/* Past the limit ftruncate would raise SIGXFSZ, which kills. */
static int check_file_size_limit(size_t file_bytes)
{
	struct rlimit limit;

	if (sys_getrlimit(RLIMIT_FSIZE, &limit) == 0 &&
	    limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur < file_bytes)
		return -EFBIG;
	return 0;
}

/* Stores to a shared mapping of a disk file can stall for half a second. */
static int check_is_tmpfs(const char *directory)
{
	struct statfs fs;

	if (sys_statfs(directory, &fs) != 0)
		return -errno;
	return fs.f_type == TMPFS_MAGIC ? 0 : -EMEDIUMTYPE;
}

static int lock_file(int fd)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	return sys_fcntl(fd, F_OFD_SETLK, &lock) == 0 ? 0 : -errno;
}

/* Was the file left by an earlier image of this very process? */
static bool is_earlier_image(const struct segment_header *old,
			     const struct segment_request *request)
{
	return old->magic == SEGMENT_MAGIC && old->pid == request->pid &&
	       old->starttime_ticks == request->starttime_ticks &&
	       old->starttime_ticks != 0 &&
	       old->pidns_inode == request->pidns_inode;
}

/*
 * exec keeps pid and start time, so the name is taken by what this process
 * was before. Removes that file and counts it; leaves any other alone.
 *
 * While it holds the lock: to a sweeper in another pid namespace the file may
 * be one of a process that is gone, and once it had made sure of that, it
 * would remove the one that is about to take the name.
 */
static bool remove_earlier_image(const char *path,
				 const struct segment_request *request,
				 uint32_t *exec_count)
{
	struct segment_header old;
	struct stat st;
	bool removed = false;
	int fd = sys_open(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0);

	if (fd < 0)
		return false;
	if (sys_fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    st.st_uid == request->uid &&
	    sys_pread(fd, &old, sizeof(old), 0) == (ssize_t)sizeof(old) &&
	    is_earlier_image(&old, request) && lock_file(fd) == 0 &&
	    sys_unlink(path) == 0) {
		*exec_count = old.exec_count + 1;
		removed = true;
	}
	sys_close(fd);
	return removed;
}

static unsigned random_bits(void)
{
	unsigned bits = 0;

	if (sys_getrandom(&bits, sizeof(bits), GRND_NONBLOCK) !=
	    (ssize_t)sizeof(bits)) {
		struct timespec now;

		sys_clock_gettime(CLOCK_MONOTONIC, &now);
		bits = (unsigned)now.tv_nsec;
	}
	return bits;
}

/* Opens a file that did not exist before; its path goes to s->path. */
static int open_new_file(struct segment *s, const struct segment_request *request,
			 uint32_t *exec_count)
{
	const int flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	size_t directory = strlen(request->directory);
	int suffix = -1;

	if (directory + 1 + SEGMENT_NAME_BYTES > sizeof(s->path))
		return -ENAMETOOLONG;
	memcpy(s->path, request->directory, directory);
	s->path[directory] = '/';
	for (int tries = 0; tries < CREATE_TRIES; tries++) {
		int fd;

		segment_name_format(s->path + directory + 1, SEGMENT_PREFIX,
				    request->pid, request->starttime_ticks, suffix);
		fd = sys_open(s->path, flags, request->mode);
		if (fd >= 0)
			return fd;
		if (errno != EEXIST)
			return -errno;
		if (!remove_earlier_image(s->path, request, exec_count))
			suffix = (int)(random_bits() & 0xffff);
	}
	return -EEXIST;
}

static int allocate(int fd, size_t length)
{
	for (int tries = 0; tries < FALLOCATE_TRIES; tries++) {
		if (sys_fallocate(fd, 0, 0, (off_t)length) == 0)
			return 0;
		if (errno != EINTR)
			return -errno;
	}
	return -EINTR;
}

/*
 * Finds out, on the header's page, whether the kernel can commit more slots
 * later. Where it cannot, as many as will do for most are committed now.
 */
static int commit_first(struct segment *s, const struct geometry *g, int fd,
			unsigned *ret_committed)
{
	unsigned slots = FIRST_SLOTS < g->slot_count ? FIRST_SLOTS : g->slot_count;

	s->grows = sys_madvise(s->header, g->page_bytes, MADV_POPULATE_WRITE) == 0;
	if (!s->grows) {
		int error;

		slots = FIRST_SLOTS_OLD < g->slot_count ? FIRST_SLOTS_OLD
							: g->slot_count;
		error = allocate(fd, slots_end(g, slots));
		if (error)
			return error;
	}
	*ret_committed = slots;
	return 0;
}

static int set_up_file(struct segment *s, const struct geometry *g,
		       const struct segment_request *request, int fd,
		       unsigned *ret_committed, const char **ret_step)
{
	unsigned first = FIRST_SLOTS < g->slot_count ? FIRST_SLOTS : g->slot_count;
	void *map;
	int error;

	/* open() took the umask off, which is the program's to set. */
	*ret_step = "fchmod";
	if (sys_fchmod(fd, request->mode) != 0)
		return -errno;
	*ret_step = "lock";
	error = lock_file(fd);
	if (error)
		return error;
	*ret_step = "ftruncate";
	if (sys_ftruncate(fd, (off_t)g->file_bytes) != 0)
		return -errno;
	/* A store to a hole of a full tmpfs is SIGBUS; this is an error code. */
	*ret_step = "fallocate";
	error = allocate(fd, slots_end(g, first));
	if (error)
		return error;
	*ret_step = "mmap";
	map = sys_mmap(g->file_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
	if (map == MAP_FAILED)
		return -errno;
	s->header = map;
	s->map_bytes = g->file_bytes;
	*ret_step = "madvise";
	error = sys_madvise(map, g->file_bytes, MADV_DONTFORK) ? -errno : 0;
	if (!error) {
		*ret_step = "fallocate";
		error = commit_first(s, g, fd, ret_committed);
	}
	if (error)
		sys_munmap(map, g->file_bytes);
	return error;
}

static void copy_string(char *to, size_t room, const char *from)
{
	size_t length = strnlen(from, room - 1);

	memcpy(to, from, length);
	to[length] = '\0';
}

/* The end of a path says more than its beginning. */
static void copy_tail(char *to, size_t room, const char *from)
{
	size_t length = strlen(from);

	copy_string(to, room, length < room ? from : from + length - (room - 1));
}

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	sys_clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void fill_identity(struct segment_header *h,
			  const struct segment_request *request)
{
	h->pid = request->pid;
	h->parent_pid = request->parent_pid;
	h->uid = request->uid;
	h->starttime_ticks = request->starttime_ticks;
	h->pidns_inode = request->pidns_inode;
	h->started_realtime_ns = clock_ns(CLOCK_REALTIME);
	h->started_monotonic_ns = clock_ns(CLOCK_MONOTONIC);
	/* Without entropy so early in a boot, pid and time still tell apart. */
	if (sys_getrandom(h->instance, sizeof(h->instance), GRND_NONBLOCK) !=
	    (ssize_t)sizeof(h->instance)) {
		memcpy(h->instance, &h->started_monotonic_ns, 8);
		memcpy(h->instance + 8, &h->pid, 4);
	}
	copy_string(h->comm, sizeof(h->comm), request->comm);
	copy_tail(h->exe, sizeof(h->exe), request->exe);
}

static struct segment_section section(size_t offset, size_t count, size_t stride)
{
	return (struct segment_section){
		.offset_bytes = offset,
		.count = (uint32_t)count,
		.stride_bytes = (uint32_t)stride,
	};
}

static unsigned fill_metrics(struct metric_entry *entries)
{
	size_t count;
	const struct metric *all = metrics_all(&count);
	unsigned used = 0;

	for (size_t i = 0; i < count; i++) {
		struct metric_entry *entry = &entries[used];
		const struct metric *m = &all[i];

		if (m->scope == SCOPE_KERNEL)
			continue;
		entry->id = m->id;
		entry->kind = m->kind;
		entry->unit = (uint8_t)metric_unit_of_key(m->key);
		entry->scope = m->scope;
		entry->available = m->available;
		entry->offset = m->offset;
		entry->operand[0] = m->operand[0];
		entry->operand[1] = m->operand[1];
		copy_string(entry->key, sizeof(entry->key), m->key);
		copy_string(entry->brief, sizeof(entry->brief), m->brief);
		used++;
	}
	return used;
}

static void fill_header(struct segment *s, const struct geometry *g,
			const struct segment_request *request,
			uint32_t exec_count, unsigned committed)
{
	struct segment_header *h = s->header;
	char *base = (char *)h;

	h->magic = SEGMENT_MAGIC;
	h->byte_order = SEGMENT_BYTE_ORDER;
	h->abi = SEGMENT_ABI;
	h->abi_compat = SEGMENT_ABI_COMPAT;
	h->header_bytes = sizeof(*h);
	h->file_bytes = g->file_bytes;
	h->page_bytes = (uint32_t)g->page_bytes;
	h->flags = SEGMENT_LOCKED | SEGMENT_THREAD_BASES;
	h->exec_count = exec_count;
	h->threads_base = h->threads_now = h->threads_peak = 1;
	h->overflow_slots = OVERFLOW_SLOTS;
	h->slots_committed = committed;
	h->slots_hwm = OVERFLOW_SLOTS;
	h->control = section(g->control_offset, 1, sizeof(struct segment_control));
	h->metrics = section(g->metrics_offset,
		fill_metrics((void *)(base + g->metrics_offset)),
		sizeof(struct metric_entry));
	h->slots = section(g->slots_offset, g->slot_count, sizeof(struct slot));
	fill_identity(h, request);
	s->slots = (void *)(base + g->slots_offset);
	s->slot_count = g->slot_count;
}

int segment_create(struct segment *ret, const struct segment_request *request,
		   const char **ret_step)
{
	struct geometry g = geometry_for(request->exclusive_slots);
	uint32_t exec_count = 0;
	unsigned committed = 0;
	int error, fd;

	*ret_step = "file size limit";
	error = check_file_size_limit(g.file_bytes);
	if (error)
		return error;
	*ret_step = "not on a tmpfs";
	error = request->any_filesystem ? 0 : check_is_tmpfs(request->directory);
	if (error)
		return error;
	*ret_step = "open";
	fd = open_new_file(ret, request, &exec_count);
	if (fd < 0)
		return fd;
	error = set_up_file(ret, &g, request, fd, &committed, ret_step);
	if (error)
		sys_unlink(ret->path);
	else
		fill_header(ret, &g, request, exec_count, committed);
	/* The mapping keeps the open file, and with it the lock. */
	sys_close(fd);
	return error;
}

void segment_publish(struct segment *s)
{
	/* Pairs with the reader's acquire load of state. */
	__atomic_store_n(&s->header->state, SEGMENT_READY, __ATOMIC_RELEASE);
}

static void raise_to(uint32_t *word, uint32_t value)
{
	uint32_t seen = __atomic_load_n(word, __ATOMIC_RELAXED);

	/* Release: slots below the mark are backed once a reader sees it. */
	while (seen < value &&
	       !__atomic_compare_exchange_n(word, &seen, value, true,
					    __ATOMIC_RELEASE, __ATOMIC_RELAXED))
		;
}

static bool grow(struct segment *s, unsigned index)
{
	struct segment_header *h = s->header;
	unsigned upto = (index / GROW_SLOTS + 1) * GROW_SLOTS;
	size_t page = h->page_bytes;
	uintptr_t from, to;

	if (upto > s->slot_count)
		upto = s->slot_count;
	from = (uintptr_t)&s->slots[__atomic_load_n(&h->slots_committed,
						    __ATOMIC_ACQUIRE)];
	from = from / page * page;
	to = (uintptr_t)h + s->map_bytes;
	if ((uintptr_t)&s->slots[upto] < to)
		to = round_up((uintptr_t)&s->slots[upto], page);
	if (!s->grows || sys_madvise((void *)from, to - from, MADV_POPULATE_WRITE)) {
		__atomic_fetch_add(&h->grow_failed, 1, __ATOMIC_RELAXED);
		return false;
	}
	raise_to(&h->slots_committed, upto);
	return true;
}

bool segment_commit_slot(struct segment *s, unsigned index)
{
	struct segment_header *h = s->header;

	/* No page size: the zeros that a forked child finds there (preload). */
	if (index >= s->slot_count || !h->page_bytes)
		return false;
	if (index >= __atomic_load_n(&h->slots_committed, __ATOMIC_ACQUIRE) &&
	    !grow(s, index))
		return false;
	raise_to(&h->slots_hwm, index + 1);
	return true;
}

void segment_stop_growing(struct segment *s, unsigned slots)
{
	unsigned all = OVERFLOW_SLOTS + slots;

	if (s->grows && all > __atomic_load_n(&s->header->slots_committed,
					      __ATOMIC_ACQUIRE))
		grow(s, all - 1);
	s->grows = false;
}

void segment_finish(struct segment *s, bool keep)
{
	__atomic_store_n(&s->header->state, SEGMENT_FINAL, __ATOMIC_RELEASE);
	if (!keep)
		sys_unlink(s->path);
}
