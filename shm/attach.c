/* SPDX-License-Identifier: MIT */
/*
 * Opening a segment without trusting it. The header and the metric table are
 * read once into private memory and only that copy is validated and used: a
 * hostile writer could change the shared bytes between check and use.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "attachment.h"

#define FILE_BYTES_MIN (16u << 10)
#define FILE_BYTES_MAX (64u << 20)
#define SLOTS_READ_MAX 65536
#define HEADER_BYTES_MIN 896 /* the first of abi 1; more follows since */
#define START_TRIES    10 /* of 10 ms: making a segment takes microseconds */

static enum attach_error error_of_errno(int error)
{
	switch (error) {
	case ENOENT:
		return ATTACH_GONE;
	case EACCES:
	case EPERM:
		return ATTACH_DENIED;
	case ELOOP: /* O_NOFOLLOW met a symlink */
	case ENXIO: /* a socket */
	case EISDIR:
		return ATTACH_NOT_REGULAR;
	default:
		return ATTACH_SYSTEM;
	}
}

static enum attach_error check_file(const struct stat *st, unsigned flags)
{
	uid_t me = geteuid();

	/* A hard link may be somebody's way to make root read his file. */
	if (!S_ISREG(st->st_mode) || st->st_nlink > 1)
		return ATTACH_NOT_REGULAR;
	if (st->st_uid != me && me != 0 && !(flags & ATTACH_ANY_USER))
		return ATTACH_FOREIGN;
	/* Its maker has opened it, and not yet given it a size. */
	if (st->st_size == 0)
		return ATTACH_STARTING;
	if (st->st_size < FILE_BYTES_MIN || st->st_size > FILE_BYTES_MAX)
		return ATTACH_BAD_SIZE;
	return ATTACH_OK;
}

static bool pread_all(int fd, void *to, size_t count, uint64_t offset)
{
	ssize_t got;

	do
		got = pread(fd, to, count, (off_t)offset);
	while (got < 0 && errno == EINTR);
	return got == (ssize_t)count;
}

static bool section_fits(const struct segment_header *h,
			 const struct segment_section *s, size_t stride_min,
			 uint32_t count_max)
{
	uint64_t bytes, end;

	return s->count >= 1 && s->count <= count_max &&
	       s->stride_bytes >= stride_min && s->stride_bytes % 8 == 0 &&
	       s->offset_bytes >= h->header_bytes &&
	       s->offset_bytes % h->page_bytes == 0 &&
	       !__builtin_mul_overflow((uint64_t)s->count, s->stride_bytes, &bytes) &&
	       !__builtin_add_overflow(s->offset_bytes, bytes, &end) &&
	       end <= h->file_bytes;
}

static bool sections_overlap(const struct segment_section *a,
			     const struct segment_section *b)
{
	uint64_t a_end = a->offset_bytes + (uint64_t)a->count * a->stride_bytes;
	uint64_t b_end = b->offset_bytes + (uint64_t)b->count * b->stride_bytes;

	return a->offset_bytes < b_end && b->offset_bytes < a_end;
}

static bool shape_is_sound(const struct segment_header *h)
{
	return h->abi >= h->abi_compat && h->abi_compat >= 1 &&
	       h->page_bytes >= 4096 && h->page_bytes <= (1u << 20) &&
	       (h->page_bytes & (h->page_bytes - 1)) == 0 &&
	       h->header_bytes >= HEADER_BYTES_MIN &&
	       h->header_bytes <= h->page_bytes &&
	       h->header_bytes % 8 == 0 && h->file_bytes <= FILE_BYTES_MAX &&
	       section_fits(h, &h->metrics, sizeof(struct metric_entry), 4096) &&
	       section_fits(h, &h->slots, sizeof(struct slot), SLOTS_READ_MAX) &&
	       !sections_overlap(&h->metrics, &h->slots);
}

static enum attach_error check_header(const struct segment_header *h,
				      const struct stat *st)
{
	/* Of a foreign byte order the magic is reversed, too. */
	if (h->magic == __builtin_bswap64(SEGMENT_MAGIC))
		return ATTACH_BYTE_ORDER;
	/* An unfinished file has no magic yet: state 0 is told apart by it. */
	if (h->magic == 0 && h->state == SEGMENT_STARTING)
		return ATTACH_STARTING;
	if (h->magic != SEGMENT_MAGIC)
		return ATTACH_NOT_SEGMENT;
	if (h->state == SEGMENT_STARTING) /* the rest may not be there yet */
		return ATTACH_STARTING;
	if (h->byte_order != SEGMENT_BYTE_ORDER)
		return ATTACH_BYTE_ORDER;
	if (h->abi_compat > SEGMENT_ABI)
		return ATTACH_TOO_NEW;
	if (!shape_is_sound(h))
		return ATTACH_CORRUPT;
	if ((uint64_t)st->st_size < h->file_bytes)
		return ATTACH_TRUNCATED;
	return ATTACH_OK;
}

static bool is_aligned_word(uint32_t offset, uint32_t room)
{
	return offset % 8 == 0 && room >= 8 && offset <= room - 8;
}

/* A row that this reader can evaluate; others are skipped, not refused. */
static bool metric_is_sound(const struct metric_entry *m,
			    const struct segment_header *h)
{
	bool by_bucket = m->scope == SCOPE_BUCKETS || m->scope == SCOPE_TIMES;

	if (m->id == 0 || m->key[0] != '/' || m->available > 64 ||
	    (m->kind == METRIC_HISTOGRAM) != by_bucket)
		return false;
	if (by_bucket && (m->operand[0] < 1 || m->operand[1] + m->operand[0] > 64 ||
			  metric_unit_is_real((enum metric_unit)m->unit) !=
				  (m->scope == SCOPE_TIMES)))
		return false;
	switch (m->scope) {
	case SCOPE_SLOT:
		return is_aligned_word(m->offset, h->slots.stride_bytes);
	case SCOPE_GLOBAL:
	case SCOPE_DERIVED:
	case SCOPE_PEAK:
		return is_aligned_word(m->offset, h->header_bytes);
	case SCOPE_BUCKETS:
		return is_aligned_word(m->offset, h->slots.stride_bytes) &&
		       m->offset + 8u * m->operand[0] <= h->slots.stride_bytes;
	case SCOPE_TIMES:
		return is_aligned_word(m->offset, h->header_bytes) &&
		       m->offset + 8u * m->operand[0] <= h->header_bytes;
	case SCOPE_TOTAL:
		return true;
	default:
		return false;
	}
}

#define ROWS_AT_ONCE METRICS_MAX

/* Rows of our size by one call: a thousand segments are opened for a list. */
static bool read_rows(const struct attachment *a, uint32_t first, uint32_t count,
		      struct metric_entry *ret)
{
	const struct segment_section *s = &a->header.metrics;
	uint64_t at = s->offset_bytes + (uint64_t)first * s->stride_bytes;

	if (s->stride_bytes == sizeof(*ret))
		return pread_all(a->fd, ret, count * sizeof(*ret), at);
	for (uint32_t i = 0; i < count; i++, at += s->stride_bytes)
		if (!pread_all(a->fd, &ret[i], sizeof(ret[i]), at))
			return false;
	return true;
}

static void take_row(struct attachment *a, struct metric_entry *m,
		     unsigned *histograms)
{
	m->key[sizeof(m->key) - 1] = '\0';
	m->brief[sizeof(m->brief) - 1] = '\0';
	if (a->metric_count == METRICS_READ_MAX || !metric_is_sound(m, &a->header))
		return;
	/* Summing them is what takes time: no more than are shown. */
	if (m->kind == METRIC_HISTOGRAM &&
	    (*histograms)++ >= SNAPSHOT_HISTOGRAMS_MAX)
		return;
	a->metrics[a->metric_count++] = *m;
}

static enum attach_error read_metrics(struct attachment *a)
{
	uint32_t all = a->header.metrics.count, count;
	struct metric_entry rows[ROWS_AT_ONCE];
	unsigned histograms = 0;

	for (uint32_t i = 0; i < all && a->metric_count < METRICS_READ_MAX;
	     i += count) {
		count = all - i < ROWS_AT_ONCE ? all - i : ROWS_AT_ONCE;
		if (!read_rows(a, i, count, rows))
			return ATTACH_TRUNCATED;
		for (uint32_t row = 0; row < count; row++)
			take_row(a, &rows[row], &histograms);
	}
	return ATTACH_OK;
}

static void copy_bytes(char *to, size_t room, const char *from, size_t bytes)
{
	size_t length = strnlen(from, bytes < room ? bytes : room - 1);

	memcpy(to, from, length);
	to[length] = '\0';
}

static const char *coverage_name(uint32_t coverage)
{
	switch (coverage) {
	case COVERAGE_FULL:
		return "full";
	case COVERAGE_PARTIAL:
		return "partial";
	default:
		return "none";
	}
}

#define COPY_STRING(to, from) copy_bytes((to), sizeof(to), (from), sizeof(from))

bool attach_read_coverage(const struct attachment *a, struct snapshot *ret)
{
	struct segment_header h;

	/* Two reads, the verdict first: whoever sees it sees its reason. */
	if (!pread_all(a->fd, &h.coverage, sizeof(h.coverage),
		       offsetof(struct segment_header, coverage)) ||
	    !pread_all(a->fd, h.coverage_reason, sizeof(h.coverage_reason),
		       offsetof(struct segment_header, coverage_reason)))
		return false;
	ret->coverage = coverage_name(h.coverage);
	/* With full, one is being written for a verdict that is to come. */
	if (h.coverage != COVERAGE_FULL)
		COPY_STRING(ret->coverage_reason, h.coverage_reason);
	return true;
}

static void fill_identity(struct target_identity *id,
			  const struct segment_header *h)
{
	id->pid = h->pid;
	id->parent_pid = h->parent_pid;
	id->uid = h->uid;
	id->exec_count = h->exec_count;
	id->starttime_ticks = h->starttime_ticks;
	id->pidns_inode = h->pidns_inode;
	id->started_realtime_ns = h->started_realtime_ns;
	id->started_monotonic_ns = h->started_monotonic_ns;
	for (size_t i = 0; i < sizeof(h->instance); i++)
		snprintf(id->instance + 2 * i, 3, "%02x", h->instance[i]);
	COPY_STRING(id->comm, h->comm);
	COPY_STRING(id->exe, h->exe);
	COPY_STRING(id->provider, h->provider);
	COPY_STRING(id->coverage_reason, h->coverage_reason);
	id->coverage = coverage_name(h->coverage);
	id->baseline_approximate = h->flags & SEGMENT_BASELINE_APPROX;
}

/*
 * Asks with the type of a read lock: only a writer's lock stands against it,
 * not that of somebody who is sweeping.
 */
static bool writer_holds_lock(int fd)
{
	struct flock lock = { .l_type = F_RDLCK, .l_whence = SEEK_SET };

	return fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type == F_WRLCK;
}

/* Of an older writer the rest of the page is no header yet. */
static void forget_beyond(struct segment_header *h)
{
	if (h->header_bytes >= HEADER_BYTES_MIN && h->header_bytes < sizeof(*h))
		memset((char *)h + h->header_bytes, 0,
		       sizeof(*h) - h->header_bytes);
}

static enum attach_error read_header(struct attachment *a, const struct stat *st)
{
	const struct timespec pause = { .tv_nsec = 10000000 };
	enum attach_error error;

	for (int tries = 0;; tries++) {
		if (!pread_all(a->fd, &a->header, sizeof(a->header), 0))
			return ATTACH_TRUNCATED;
		/* A copy is not made at one moment: take it after `state`. */
		if (a->header.state != SEGMENT_STARTING &&
		    !pread_all(a->fd, &a->header, sizeof(a->header), 0))
			return ATTACH_TRUNCATED;
		forget_beyond(&a->header);
		error = check_header(&a->header, st);
		if (error != ATTACH_STARTING || tries == START_TRIES ||
		    !writer_holds_lock(a->fd))
			return error;
		nanosleep(&pause, NULL);
	}
}

static enum attach_error open_and_validate(struct attachment *a, int dirfd,
					   const char *name, unsigned flags)
{
	enum attach_error error;
	struct stat st;
	void *map;

	/* O_NONBLOCK: a FIFO put there must not hang us. */
	a->fd = openat(dirfd, name,
		       O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (a->fd < 0 || fstat(a->fd, &st) != 0)
		return error_of_errno(errno);
	a->device = st.st_dev;
	a->inode = st.st_ino;
	error = check_file(&st, flags);
	if (!error)
		error = read_header(a, &st);
	if (!error)
		error = read_metrics(a);
	if (error)
		return error;
	map = mmap(NULL, a->header.file_bytes, PROT_READ, MAP_SHARED, a->fd, 0);
	if (map == MAP_FAILED)
		return ATTACH_SYSTEM;
	a->map = map;
	fill_identity(&a->identity, &a->header);
	return ATTACH_OK;
}

enum attach_error attach_open(struct attachment **ret, int dirfd,
			      const char *name, unsigned flags)
{
	/* The one thing that snapshots change lies beside what they may not. */
	struct {
		struct attachment a;
		uint64_t clamped;
	} *both = calloc(1, sizeof(*both));
	struct attachment *a = (struct attachment *)both;
	enum attach_error error;

	if (!a)
		return ATTACH_SYSTEM;
	a->clamped = &both->clamped;
	a->fd = -1;
	error = open_and_validate(a, dirfd, name, flags);
	if (error) {
		int saved = errno;

		attach_close(a);
		errno = saved;
		return error;
	}
	*ret = a;
	return ATTACH_OK;
}

void attach_close(struct attachment *a)
{
	if (!a)
		return;
	if (a->map)
		munmap((void *)a->map, a->header.file_bytes);
	if (a->fd >= 0)
		close(a->fd);
	free(a);
}

const struct target_identity *attach_identity(const struct attachment *a)
{
	return &a->identity;
}

bool attach_is_current(const struct attachment *a, int dirfd, const char *name)
{
	struct stat st;

	return fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       st.st_dev == a->device && st.st_ino == a->inode;
}

/* Reads state and start time of a process; false when there is none. */
static bool read_process(int pid, char *ret_state, unsigned long long *ret_start,
			 unsigned long long *ret_virtual_bytes)
{
	char path[32], stat_line[1024];
	const char *tail;
	ssize_t got;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	got = read(fd, stat_line, sizeof(stat_line) - 1);
	close(fd);
	if (got <= 0)
		return false;
	stat_line[got] = '\0';
	/* The name in parentheses may hold anything, ')' included. */
	tail = strrchr(stat_line, ')');
	return tail && sscanf(tail, ") %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u"
				    " %*u %*u %*d %*d %*d %*d %*d %*d %llu %llu",
			      ret_state, ret_start, ret_virtual_bytes) == 3;
}

/* Does the very process go on without us, as another image? */
static bool process_goes_on(const struct target_identity *id)
{
	unsigned long long start, virtual_bytes;
	struct stat ns;
	char state;

	return id->starttime_ticks != 0 && stat("/proc/self/ns/pid", &ns) == 0 &&
	       ns.st_ino == id->pidns_inode &&
	       read_process(id->pid, &state, &start, &virtual_bytes) &&
	       start == id->starttime_ticks && state != 'Z' && state != 'X' &&
	       /* Dying, it gives up its memory, and our lock, before it is a zombie. */
	       virtual_bytes != 0;
}

enum target_state attach_state(const struct attachment *a)
{
	uint32_t state = SEGMENT_STARTING;

	if (writer_holds_lock(a->fd))
		return TARGET_LIVE;
	/* pread, not the mapping: the file may have been cut short. */
	pread_all(a->fd, &state, sizeof(state),
		  offsetof(struct segment_header, state));
	if (state == SEGMENT_FINAL)
		return TARGET_EXITED;
	return process_goes_on(&a->identity) ? TARGET_REPLACED : TARGET_KILLED;
}

const char *attach_error_text(enum attach_error error)
{
	static const char *const texts[ATTACH_ERRORS] = {
		[ATTACH_OK] = "no error",
		[ATTACH_GONE] = "no such segment",
		[ATTACH_DENIED] = "permission denied",
		[ATTACH_NOT_REGULAR] = "not a regular file",
		[ATTACH_FOREIGN] = "belongs to another user",
		[ATTACH_BAD_SIZE] = "not the size of a segment",
		[ATTACH_NOT_SEGMENT] = "not a heaptally segment",
		[ATTACH_BYTE_ORDER] = "written on a machine of the other byte order",
		[ATTACH_TOO_NEW] = "written by a newer version: update heaptally",
		[ATTACH_CORRUPT] = "damaged: its sections do not fit together",
		[ATTACH_TRUNCATED] = "segment truncated",
		[ATTACH_STARTING] = "not finished: its process is starting or died so",
		[ATTACH_SYSTEM] = "cannot be read",
	};

	if ((unsigned)error >= ATTACH_ERRORS)
		return "unknown error";
	return texts[error];
}

const char *target_state_name(enum target_state state)
{
	static const char *const names[] = {
		[TARGET_LIVE] = "live",
		[TARGET_EXITED] = "exited",
		[TARGET_KILLED] = "killed",
		[TARGET_REPLACED] = "replaced",
	};

	return (size_t)state < sizeof(names) / sizeof(names[0]) ? names[state] : "?";
}
