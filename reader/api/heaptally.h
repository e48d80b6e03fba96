/* SPDX-License-Identifier: MIT */
#ifndef HEAPTALLY_H
#define HEAPTALLY_H
/*
 * libheaptally-reader: the heap and thread metrics of processes that run
 * under heaptally's tally. The processes notice nothing of being read.
 *
 *	struct ht *h = ht_new();
 *	struct ht_sample live = { .key = "/heap/live:bytes" };
 *	uint64_t bytes;
 *
 *	if (!h || ht_open_pid(h, NULL, 4242) != 0 || ht_read(h, &live, 1) != 0)
 *		die(h ? ht_message(h) : "out of memory");
 *	if (ht_u64(&live, &bytes) == 0)
 *		printf("%" PRIu64 "\n", bytes);
 *	else
 *		printf("unknown: %s\n", live.reason);
 *	ht_free(h);
 *
 * Errors. Functions that can fail return 0 or a negative errno, and leave a
 * text that ht_message() returns. Nothing is printed, and nothing aborts: not
 * even a value asked for as what it is not. The codes of a segment, which is
 * the file with a process's figures:
 *
 *	-ENOENT           there is none
 *	-EACCES, -EPERM   it may not be read; it belongs to another user
 *	-EBADMSG          it is damaged, or no segment at all
 *	-EPROTONOSUPPORT  written by a newer version, or by a machine of the
 *	                  other byte order
 *	-EAGAIN           its process has just begun
 *	-ESTALE           it was cut short while it was read
 *	-EBADF            nothing is open in this handle
 *	-ENOMEM and those of open(2)
 *
 * Threads. All state is in handles: any number of threads may use the library
 * at the same time, each with a handle of its own; one handle is for one
 * thread at a time. The tables of ht_all() are shared and never change.
 *
 * Signals. The first open installs a handler of SIGBUS, which an access to a
 * segment that is cut short would raise, and which then only ends that read.
 * A SIGBUS from elsewhere is handed to the handler found at that time. A
 * program with such a handler of its own sets it before the first open.
 * No function may be called in a signal handler.
 *
 * Memory. ht_new(), ht_open_*(), ht_list() and ht_threads() allocate; nothing
 * else does, in particular not ht_read().
 *
 * Trust. Numbers are checked; texts from a segment (command, executable,
 * provider, reason, keys that ht_all() does not have) are terminated, and may
 * hold any bytes: escape what you show on a terminal.
 *
 * Versions. Symbols are versioned, HEAPTALLY_1. Members are appended to the
 * structs that the library makes, and take reserved places of those that the
 * caller makes; new metrics and kinds may come: skip what you do not know.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HT_ABI 1 /* of this header */
#define HT_API __attribute__((visibility("default")))

/* The ABI of the library, and its version as text: "0.1.0". */
HT_API unsigned ht_abi(void);
HT_API const char *ht_version(void);

/* ---- metrics ---- */

/* What a value is. The kind of a key never changes. */
enum ht_kind {
	HT_KIND_BAD = 0,       /* there is no value: `reason` tells why */
	HT_KIND_U64 = 1,
	HT_KIND_F64 = 2,       /* seconds and cpu-seconds; always finite */
	HT_KIND_HISTOGRAM = 3,
};

/* What a value does over time. */
enum ht_type {
	HT_TYPE_COUNTER = 1,   /* only rises while the instance lives */
	HT_TYPE_GAUGE = 2,
	HT_TYPE_HIGHWATER = 3, /* a gauge that only rises */
	HT_TYPE_HISTOGRAM = 4, /* counts; each only rises */
};

struct ht_metric {
	const char *key;          /* "/path:unit"; a new meaning is a new key */
	const char *unit;         /* of the key: "bytes", "cpu-seconds" */
	const char *brief;        /* a few words */
	const char *description;  /* a sentence: what is counted, what is not,
	                           * exact or an estimate */
	const char *availability; /* "always", "/proc", "cgroup", "libgc",
	                           * "switched on", "asked: glibc jemalloc":
	                           * what must be there for the value to be */
	enum ht_kind kind;
	enum ht_type type;
	bool cumulative;          /* a rate of it makes sense */
	bool costly;              /* read from some thirty files, and two for
	                           * each thread; of stacks from the tables of
	                           * their pages besides; the others from
	                           * memory and one file, all together */
	uint32_t order;           /* place in a list for people, where related
	                           * metrics stand together; from 0 */
	uint64_t reserved[4];
};

/*
 * The metrics that this version knows, sorted by key, and how many. Constant:
 * valid for ever, the same in every call.
 */
HT_API const struct ht_metric *ht_all(size_t *ret_count);

/* ---- handles ---- */

struct ht; /* a reader, with at most one process open in it */

/* Returns a new handle, for ht_free() to end; NULL when out of memory. */
HT_API struct ht *ht_new(void);
HT_API void ht_free(struct ht *h); /* NULL is fine */

/*
 * Why the last call that failed did: lower-case, without a full stop. Valid
 * until the next call with this handle; never NULL.
 */
HT_API const char *ht_message(const struct ht *h);

/* ---- finding processes ---- */

/* Where a segment is. Not trusted: what counts is what opening finds. */
struct ht_place {
	int pid;                  /* as its name says: in the pid namespace of
	                           * the process */
	int inside_pid;           /* a process in whose directory it was found,
	                           * by our pid; 0 = in the one that was listed */
	uint64_t starttime_ticks; /* field 22 of /proc/PID/stat, likewise */
	char run[64];             /* directory of a `heaptally run` below the
	                           * main one; "" = it is in the main one */
	char name[64];            /* of the file; "" = the directory `run` */
	uint64_t reserved[4];
};

/*
 * The directory that NULL stands for below: $HEAPTALLY_DIR, or else
 * /dev/shm. Valid until the environment changes.
 */
HT_API const char *ht_directory(void);

enum ht_list_flag {
	HT_LIST_EVERYWHERE = 1u << 0, /* also the directories of all processes
	                               * that may be looked at, in containers */
	HT_LIST_RUNS = 1u << 1,       /* also the directories of runs, behind
	                               * all segments; they cannot be opened */
};

/*
 * Lists the segments in `directory`, NULL meaning ht_directory(), by pid; the
 * calling process is left out. *ret is for free(); it
 * and *ret_count are untouched on failure. Flags: enum ht_list_flag.
 */
HT_API int ht_list(struct ht *h, const char *directory, unsigned flags,
		   struct ht_place **ret, size_t *ret_count);

/*
 * Opens, instead of what was open in the handle before; on failure nothing
 * is. Never blocks, never follows a symlink, never writes. A handle with a
 * process open holds two descriptors.
 *
 * ht_open_pid() takes the best segment of a process of our pid namespace:
 * live rather than ended, new rather than old. One that is not in `directory`
 * (as for ht_list()) is looked for in the directory of the process itself,
 * which may be in a container. The calling process is not found.
 * ht_open_place() takes one that ht_list() found in the same directory.
 * ht_open_file() takes the file `name` in the directory open as dirfd, which
 * may be AT_FDCWD; the caller keeps both.
 */
HT_API int ht_open_pid(struct ht *h, const char *directory, int pid);
HT_API int ht_open_place(struct ht *h, const char *directory,
			 const struct ht_place *place);
HT_API int ht_open_file(struct ht *h, int dirfd, const char *name);

/*
 * Where what is open is: its place, which after ht_open_file() has no more
 * than a name, and its directory. NULL and -1 when nothing is open; the
 * directory is -1 as well where it went away meanwhile. Both belong to the
 * handle, and are valid until it is closed.
 */
HT_API const struct ht_place *ht_place(const struct ht *h);
HT_API int ht_dirfd(const struct ht *h);

/* Closes it; the handle can open another. */
HT_API void ht_close(struct ht *h);

/* ---- who it is ---- */

/* What became of the process. */
enum ht_state {
	HT_STATE_LIVE = 0,
	HT_STATE_EXITED = 1,   /* ended through exit() */
	HT_STATE_KILLED = 2,   /* ended by a signal or abort() */
	HT_STATE_REPLACED = 3, /* lives on as another, untallied program */
};

/* How much of its allocation the tally sees. */
enum ht_coverage {
	HT_COVERAGE_NONE = 0,  /* nothing: there are no values of the heap */
	HT_COVERAGE_PARTIAL = 1,
	HT_COVERAGE_FULL = 2,
};

struct ht_identity {
	int pid;                     /* in its own pid namespace */
	int parent_pid;
	int host_pid;                /* in ours, while it lives; 0 = not there */
	bool in_our_namespace;
	unsigned uid;                /* effective, when the tally began */
	unsigned exec_count;         /* earlier programs of the same process */
	enum ht_coverage coverage;
	uint64_t starttime_ticks;    /* field 22 of /proc/PID/stat, 0 = unknown */
	uint64_t start_realtime_ns;  /* of the process, Unix epoch; of the tally
	                              * where that is not known */
	uint64_t tally_realtime_ns;  /* of the tally */
	char instance[33];           /* unique for each program that was run */
	char command[17];            /* the kernel's name */
	char exe[512];               /* path of the executable; "" = unknown */
	char provider[49];           /* of malloc: "glibc 2.36" */
	char coverage_reason[73];    /* "" when coverage is full */
	uint64_t pidns_inode;        /* of its pid namespace; 0 = unknown */
	bool baseline_approximate;   /* what it was forked with is a guess */
};

/*
 * Of what is open; NULL when nothing is. Valid until it is closed. Of this,
 * host_pid and coverage with its reason may change, and are as the last
 * ht_read() found them.
 */
HT_API const struct ht_identity *ht_identity(const struct ht *h);

/* The state now, without reading; HT_STATE_KILLED when nothing is open. */
HT_API enum ht_state ht_state(const struct ht *h);

/* "live", "partial"; "?" for a number that is none. */
HT_API const char *ht_state_name(enum ht_state state);
HT_API const char *ht_coverage_name(enum ht_coverage coverage);
HT_API const char *ht_type_name(enum ht_type type);

/* ---- reading ---- */

/*
 * Counts by size. Bucket i holds what is above bounds[i] and at most
 * bounds[i + 1], in the unit of the key; the first bound may be -infinity,
 * the last is +infinity. The bounds are the same as long as the process is
 * open, and valid so long; the counts until the next ht_read(),
 * ht_ask_allocator() or ht_switch().
 */
struct ht_histogram {
	size_t buckets;         /* at least 1 */
	const double *bounds;   /* buckets + 1, rising */
	const uint64_t *counts; /* buckets; each only rises */
};

/*
 * One value asked for. The caller sets either `key`, or `number` and no key;
 * everything else to 0, once. Use the same array again: keys are looked up by
 * the first read only.
 */
struct ht_sample {
	const char *key;      /* the caller's; or NULL */
	int number;           /* of ht_lookup(); kept by ht_read() */
	int kind;             /* enum ht_kind */
	int error;            /* 0; of HT_KIND_BAD a negative errno, see below */
	int reserved0;
	const char *reason;   /* a text for it, until the next call; else NULL */
	union {
		uint64_t u64;
		double f64;
		struct ht_histogram histogram;
	} value;              /* as the kind says; rather use ht_u64() etc. */
	uint64_t reserved[2];
};

/*
 * Why there is no value:
 *	-ENOENT   no metric of that name or number
 *	-ENOTSUP  the tally of this process does not count it
 *	-EACCES   a file of /proc may not be read, or is not shown
 *	-ESRCH    it comes from the kernel, and the process has ended
 *	-EFBIG    to ask would hold up the process
 *	-ENODATA  not set (a limit), or not told by this kernel
 *	-EPROTO   the segment contradicts the table of metrics
 */

/*
 * Metrics have numbers from 1 on: those of ht_all() in that order, behind
 * them the ones that only the open process has, from a newer version.
 */
HT_API int ht_count(const struct ht *h);
/* NULL for a number that is none. h may be NULL: those of ht_all() alone. */
HT_API const struct ht_metric *ht_metric(const struct ht *h, int number);
/* Returns the number of a key, or -ENOENT. h may be NULL, likewise. */
HT_API int ht_lookup(const struct ht *h, const char *key);

/*
 * Reads all samples from one snapshot. A value that is not there is no
 * failure: its sample says why. Fails with -EBADF or -ESTALE, and values are
 * as they were. Of a process that has ended the final figures are read; that it
 * did during the read as well. Does not allocate. The process never waits.
 */
HT_API int ht_read(struct ht *h, struct ht_sample *samples, size_t count);

/* About the last ht_read(). */
struct ht_snapshot {
	uint64_t realtime_ns;  /* when it was taken, Unix epoch */
	uint64_t monotonic_ns; /* likewise, CLOCK_MONOTONIC */
	enum ht_state state;
	bool approximate;      /* live figures are an estimate: more was freed
	                        * than counted, or a fork came amid threads */
	uint64_t skew_objects; /* frees that went on while it was taken: live
	                        * figures may be too high by what these were */
	double uptime_seconds; /* of the process; negative = not known */
	unsigned extras_on;    /* enum ht_extra, in force in the process */
	uint64_t clamped;      /* live figures that came out below zero since
	                        * it was opened, and were shown as 0 */
	double figures_age_seconds;  /* of the allocator's own figures, see
	                              * ht_ask_allocator(); negative = none */
	const char *figures_missing; /* why they are not there, or no longer
	                              * renewed; NULL where nothing is wrong */
};

/* NULL before the first. Valid, and kept up to date, until it is closed. */
HT_API const struct ht_snapshot *ht_snapshot(const struct ht *h);

/*
 * Store the value and return 0; or leave *ret alone and return the sample's
 * error where there is no value, -EINVAL where it is of another kind: nothing
 * is converted.
 */
HT_API int ht_u64(const struct ht_sample *s, uint64_t *ret);
HT_API int ht_f64(const struct ht_sample *s, double *ret);
HT_API int ht_histogram(const struct ht_sample *s, struct ht_histogram *ret);

/* ---- threads ---- */

/* What one thread did, or several together, of whosever blocks. */
struct ht_thread_counts {
	uint64_t allocs_objects;
	uint64_t allocs_bytes;
	uint64_t frees_objects;
	uint64_t frees_bytes;
};

struct ht_thread {
	int tid;                       /* in its own pid namespace; 0 = unknown */
	int host_tid;                  /* in ours, while it lives; 0 = unknown */
	char name[64];                 /* any bytes; "" = unknown */
	double age_seconds;            /* negative = not known, or it has ended */
	uint64_t start_realtime_ns;    /* when the tally first saw it, Unix
	                                * epoch; 0 = unknown */
	struct ht_thread_counts counts; /* its own; where coverage is none they
	                                * are 0, and tell nothing */
	bool has_stack_reserved;       /* are the next two known? */
	bool has_stack_resident;
	uint64_t stack_reserved_bytes; /* in whole pages, without guard pages */
	uint64_t stack_resident_bytes;
	uint64_t reserved[4];
};

/* What the list does not have. */
struct ht_threads_rest {
	struct ht_thread_counts counts; /* of threads that have ended, or have
	                                * no row of their own: with those of
	                                * the list they make the totals */
	uint64_t without_row;          /* alive, and share a row with others */
	uint64_t unknown_rows;         /* left out: half written just then */
	uint64_t overflow_threads;     /* how many ever shared rows */
	uint64_t reserved[4];
};

/*
 * Lists the threads of the process that is open, highest net bytes
 * (allocated minus freed) first; of one that has ended those of its end.
 * *ret is for free(); nothing is stored on failure: -EBADF, -ESTALE, -ENOMEM,
 * or -ENOTSUP where its library is too old to tell them apart. Needs no
 * ht_read(), and changes nothing that one has stored. Reads two files and one
 * for each thread, three in a container.
 */
HT_API int ht_threads(struct ht *h, struct ht_thread **ret, size_t *ret_count,
		      struct ht_threads_rest *ret_rest);

/* ---- asking a live process for more ---- */

/* Figures that cost a process something, and so are off at first. */
enum ht_extra {
	HT_EXTRA_MUTEX = 1u << 0,     /* time spent waiting for pthread locks */
	HT_EXTRA_STALL = 1u << 1,     /* duration of sampled allocator calls */
	HT_EXTRA_REQUESTED = 1u << 2, /* bytes as they were asked for */
	HT_EXTRA_ALLOCATOR = 1u << 3, /* the allocator's own, kept fresh */
};

/* "mutex"; NULL for what is no single extra. */
HT_API const char *ht_extra_name(unsigned extra);

/*
 * Asks the process once for its allocator's own figures ("asked:" among the
 * metrics), and waits a quarter of a second at most. They are there in the
 * next ht_read(); ht_snapshot() tells how old they are.
 *
 * ht_switch() switches some extras on and others off (enum ht_extra), and
 * waits as long. *ret_wanted is what is asked for now, by whomever,
 * *ret_in_force what the process does. With neither it only looks.
 *
 * These two alone write to a segment, one page that holds nothing else. A
 * process that does not allocate answers later: -ETIMEDOUT, or what is wanted
 * differs from what is in force. Else 0, or -ESRCH for one that has ended,
 * -EACCES, -ESTALE where it runs another program by now, -ENOTSUP where its
 * library is too old, -EBUSY where another reader is at it, -EINVAL for bits
 * that are no extra.
 */
HT_API int ht_ask_allocator(struct ht *h);
HT_API int ht_switch(struct ht *h, unsigned on, unsigned off,
		     unsigned *ret_wanted, unsigned *ret_in_force);

#ifdef __cplusplus
}
#endif

#endif /* HEAPTALLY_H */
