/* SPDX-License-Identifier: MIT */
#ifndef SHM_SNAPSHOT_H
#define SHM_SNAPSHOT_H
/*
 * The reading half: open a segment, distrust it, take consistent snapshots.
 * For readers; depends on libc only. Nothing in a segment is believed: the
 * header and the metric table are copied once and validated, counters are
 * read behind a guard that survives truncation of the file, and every string
 * is terminated. Strings may still hold any bytes: escape what you print.
 *
 * Thread safety: separate attachments may be used in separate threads. The
 * guard installs a process-wide SIGBUS handler at the first snapshot; a
 * SIGBUS from elsewhere is handed to the handler found then.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "metrics.h"

/* Why a segment could not be used. Texts: attach_error_text(). */
enum attach_error {
	ATTACH_OK = 0,
	ATTACH_GONE,         /* no such file */
	ATTACH_DENIED,       /* no permission to read it */
	ATTACH_NOT_REGULAR,  /* a symlink, FIFO, directory, or hard-linked file */
	ATTACH_FOREIGN,      /* it belongs to another user */
	ATTACH_BAD_SIZE,     /* too small or too large to be a segment */
	ATTACH_NOT_SEGMENT,  /* wrong magic */
	ATTACH_BYTE_ORDER,   /* written on a machine of the other byte order */
	ATTACH_TOO_NEW,      /* asks for a newer reader */
	ATTACH_CORRUPT,      /* sections or table do not fit together */
	ATTACH_TRUNCATED,    /* the file shrank while it was read */
	ATTACH_STARTING,     /* its process is still filling it, or died so */
	ATTACH_SYSTEM,       /* any other failure: errno tells */
	ATTACH_ERRORS        /* how many there are */
};

/* What is known of the process a segment speaks of. */
enum target_state {
	TARGET_LIVE,     /* the lock is held */
	TARGET_EXITED,   /* ended through exit() */
	TARGET_KILLED,   /* ended by a signal or abort() */
	TARGET_REPLACED, /* the process lives on as another, untallied image */
};

/* Who wrote a segment; constant for its life but for the coverage. */
struct target_identity {
	int pid;                       /* in the target's own pid namespace */
	int parent_pid;
	unsigned uid;
	unsigned exec_count;           /* earlier images of the same process */
	uint64_t starttime_ticks;      /* /proc/PID/stat field 22, 0 = unknown */
	uint64_t pidns_inode;          /* 0 = unknown */
	uint64_t started_realtime_ns;  /* when the tally began, Unix epoch */
	uint64_t started_monotonic_ns;
	char instance[33];             /* 32 hex digits */
	char comm[17];
	char exe[129];                 /* at most the last 127 bytes of the path */
	char provider[49];
	char coverage_reason[73];      /* empty when coverage is "full" */
	const char *coverage;          /* "full", "partial", "none": as it was
					* opened, see struct snapshot */
	bool baseline_approximate;     /* what it was forked with is a guess */
};

/* One value; key and brief point into the snapshot. */
struct metric_value {
	uint16_t id;            /* enum metric_id, or one of a newer writer */
	uint8_t kind;           /* enum metric_kind */
	uint8_t unit;           /* enum metric_unit */
	char key[40];
	char brief[64];
	union {
		uint64_t u64;
		uint64_t histogram; /* METRIC_HISTOGRAM: see snapshot_histogram() */
		double f64;     /* else where metric_unit_is_real(); finite */
	} value;
};

#define SNAPSHOT_VALUES_MAX     160
#define SNAPSHOT_HISTOGRAMS_MAX 6
#define HISTOGRAM_BUCKETS_MAX   64

/*
 * Counts by size in bytes, or by time in nanoseconds where the unit of the
 * key is real. Bucket i holds values up to 2^(first_log2 + i), inclusive, and
 * above the bound before it; the last one also all that are larger.
 */
struct size_histogram {
	unsigned first_log2;    /* at most 63 */
	unsigned count;         /* buckets, at least 1 */
	bool is_time;           /* bounds are nanoseconds, else bytes */
	uint64_t counts[HISTOGRAM_BUCKETS_MAX];
};

/*
 * All values at one moment. Live figures are never negative: frees are read
 * before allocs, so they err only by what was allocated during the reading,
 * at most skew_objects.
 */
struct snapshot {
	uint64_t realtime_ns;   /* when it was taken, Unix epoch */
	uint64_t monotonic_ns;
	enum target_state state;
	bool approximate;       /* a difference was clamped, or the baseline guessed */
	const char *coverage;   /* as in the identity, and as it is now: it may */
	char coverage_reason[73]; /* fall while the target runs */
	uint64_t clamped;       /* differences below zero since it was opened */
	uint64_t skew_objects;  /* frees that went on while counters were read */
	unsigned extras_on;     /* bits of enum control_extra, in force */
	const char *figures_missing; /* why the allocator's figures are not
				      * there, or are no longer renewed; or NULL */
	bool figures_given_up;  /* asking once more is in vain */
	uint64_t figures_monotonic_ns; /* when they were taken; 0 = never */
	uint64_t figures_asked; /* which request they answered, see control.h */
	size_t count;
	struct metric_value values[SNAPSHOT_VALUES_MAX];
	size_t histogram_count;
	struct size_histogram histograms[SNAPSHOT_HISTOGRAMS_MAX];
};

struct attachment;

enum attach_flag {
	ATTACH_ANY_USER = 1u << 0, /* accept files of other users (root always does) */
};

/*
 * Opens the file `name` in directory dirfd. On success stores a new
 * attachment, owned by the caller, in *ret and returns ATTACH_OK; otherwise
 * *ret is untouched. Never blocks, never follows a symlink, never writes.
 */
enum attach_error attach_open(struct attachment **ret, int dirfd,
			      const char *name, unsigned flags);
void attach_close(struct attachment *a); /* NULL is fine */

/* Valid until attach_close(). */
const struct target_identity *attach_identity(const struct attachment *a);

/* Asks the kernel for the lock; cheap, takes nothing, cannot fail. */
enum target_state attach_state(const struct attachment *a);

/* True while `name` in dirfd is still the very file that was opened. */
bool attach_is_current(const struct attachment *a, int dirfd, const char *name);

/* Fills *ret from the segment. ATTACH_OK or ATTACH_TRUNCATED. */
enum attach_error attach_snapshot(const struct attachment *a,
				  struct snapshot *ret);

/* Lower-case, without a full stop, for use after "name: ". */
const char *attach_error_text(enum attach_error error);

/* "live", "exited", "killed", "replaced". */
const char *target_state_name(enum target_state state);

/* Returns the value with that id, or NULL where the target has none. */
const struct metric_value *snapshot_value(const struct snapshot *s,
					  enum metric_id id);

/* The same as a plain number, 0 where absent; not where metric_unit_is_real(),
 * nor for METRIC_HISTOGRAM. */
uint64_t snapshot_u64(const struct snapshot *s, enum metric_id id);

/* The histogram of a value of kind METRIC_HISTOGRAM; NULL for any other. */
const struct size_histogram *snapshot_histogram(const struct snapshot *s,
						const struct metric_value *v);

/*
 * How old the allocator's own figures are, in seconds; at least 0, also where
 * the segment tells of a future. Only where figures_monotonic_ns is not 0.
 */
double snapshot_figures_age(const struct snapshot *s);

/* Upper bound of a bucket, bytes or nanoseconds; UINT64_MAX for the last. */
uint64_t histogram_upper_bound(const struct size_histogram *h, unsigned bucket);

/*
 * Adds a value that the reader found itself (SCOPE_KERNEL), taking kind,
 * unit and texts from the registry. False when the snapshot is full or the
 * id unknown. The f64 form is for units that metric_unit_is_real(), and takes
 * finite values only.
 */
bool snapshot_add_u64(struct snapshot *s, enum metric_id id, uint64_t value);
bool snapshot_add_f64(struct snapshot *s, enum metric_id id, double value);

#endif /* SHM_SNAPSHOT_H */
