/* SPDX-License-Identifier: MIT */
#ifndef SHM_LAYOUT_H
#define SHM_LAYOUT_H
/*
 * Bytes as they lie in a segment. Included by shm/ and preload/ only:
 * everyone else reads a struct snapshot.
 *
 *	header page | control page | metric table | slots
 *
 * Every section starts on a page of the machine that made the file; the
 * header says where. Native byte order, fixed-width fields, 64-bit counters.
 *
 * Rules of abi 1: an offset never moves, an id or a bit is never reused, new
 * fields go into reserved words and read as 0 in older segments. A change
 * that an older reader would misread raises abi_compat.
 */
#include <stddef.h>
#include <stdint.h>

#define SEGMENT_MAGIC      0x01594c5450414548ULL /* "HEAPTLY\1" on little-endian */
#define SEGMENT_BYTE_ORDER 0x01020304u
#define SEGMENT_ABI        1 /* what this source writes */
#define SEGMENT_ABI_COMPAT 1 /* the oldest reader that may read it */

#define METRICS_MAX        64
#define METRIC_KEY_BYTES   40
#define METRIC_BRIEF_BYTES 64

#define SLOT_COUNTERS      16   /* 64-bit words at the head of a slot */
#define OVERFLOW_SLOTS     8    /* slots 0..7: shared, atomic adds */
#define EXCLUSIVE_SLOTS    4096 /* slots 8..: one writer each; the most */
#define EXCLUSIVE_DEFAULT  1024 /* so many unless asked otherwise: 1 MiB */
#define SLOTS_MAX          (OVERFLOW_SLOTS + EXCLUSIVE_SLOTS)

/*
 * Sizes are counted in buckets of powers of two: bucket i holds blocks of
 * more than 2^(i+2) and at most 2^(i+3) bytes, the first also smaller ones,
 * the last also larger ones. The number of objects is the sum of a
 * histogram, so that counting sizes costs no more than counting objects.
 */
#define SIZE_BUCKETS       48
#define SIZE_FIRST_LOG2    3    /* the first bucket's upper bound: 8 bytes */

/* Times likewise, in nanoseconds: up to 16 ns, 32 ns ... above 17 s. */
#define TIME_BUCKETS       32
#define TIME_FIRST_LOG2    4

/* Life of a segment, as its writer states it; the lock says if it is alive. */
enum segment_state {
	SEGMENT_STARTING = 0, /* being filled: nothing else may be believed */
	SEGMENT_READY = 1,
	SEGMENT_FINAL = 2,    /* the process went through exit() */
};

enum segment_flag {
	SEGMENT_LOCKED = 1u << 0,          /* liveness is the file lock */
	SEGMENT_BASELINE_APPROX = 1u << 1, /* inherited_* is an estimate */
	SEGMENT_THREAD_BASES = 1u << 2,    /* slots have their base_* */
};

/* How much of the target's allocation is seen. */
enum coverage {
	COVERAGE_NONE = 0,
	COVERAGE_PARTIAL = 1,
	COVERAGE_FULL = 2,
};

struct segment_section {
	uint64_t offset_bytes; /* from the start of the file, page aligned */
	uint32_t count;        /* entries; 0 = the section is absent */
	uint32_t stride_bytes; /* may exceed our struct */
};

/*
 * First page. The maker fills it and stores state = SEGMENT_READY last with
 * release; a reader that loads it with acquire sees all the rest, yet trusts
 * none of it: the file may have come from anywhere.
 */
struct segment_header {
	/* Identity and shape: constant once ready. */
	uint64_t magic;
	uint32_t byte_order;            /* SEGMENT_BYTE_ORDER as the writer stores it */
	uint16_t abi;
	uint16_t abi_compat;
	uint32_t header_bytes;          /* sizeof(struct segment_header) of the writer */
	uint32_t state;                 /* enum segment_state, atomic */
	uint64_t file_bytes;            /* constant size of the file */
	uint32_t flags;                 /* enum segment_flag */
	int32_t pid;                    /* in the target's pid namespace */
	uint64_t starttime_ticks;       /* /proc/PID/stat field 22, 0 = unknown */
	uint64_t pidns_inode;           /* of /proc/self/ns/pid, 0 = unknown */
	uint32_t uid;                   /* effective, when the segment was made */
	int32_t parent_pid;
	uint8_t instance[16];           /* random, unique for each segment */
	uint64_t run_id;                /* reserved for grouping, 0 */
	uint32_t exec_count;            /* images this process had before */
	uint32_t page_bytes;            /* section alignment */
	uint64_t started_realtime_ns;   /* Unix epoch, when the tally began */
	uint64_t started_monotonic_ns;  /* CLOCK_MONOTONIC, likewise */
	char comm[16];                  /* kernel's name of the process */
	char exe[128];                  /* last part of the executable's path */
	char provider[48];              /* "glibc 2.36", or a library's file name */
	uint32_t coverage;              /* enum coverage */
	uint32_t reserved0;
	char coverage_reason[72];       /* why not full; empty when full */
	struct segment_section metrics; /* struct metric_entry */
	struct segment_section slots;   /* struct slot */
	struct segment_section reserved_section;
	struct segment_section control; /* struct segment_control */
	uint8_t reserved1[64];

	/* Written when a thread starts or ends; read by everyone. */
	uint32_t slots_committed;       /* backed by memory; readers stay below */
	uint32_t slots_hwm;             /* 1 + highest slot ever used */
	uint32_t overflow_slots;        /* shared slots at the head of the section */
	uint32_t grow_failed;           /* times a page for slots was refused */
	uint64_t overflow_threads;      /* threads without a slot of their own */
	uint8_t reserved2[104];

	/* The peak line: written by folds of all threads, atomically. */
	int64_t batched_live_bytes;     /* folded so far; meaningless with one thread */
	uint64_t peak_bytes;
	uint64_t peak_slack_bytes;
	uint8_t reserved3[104];

	/* Threads and what a forked child was born with. */
	uint64_t threads_now;           /* gauge behind threads_peak */
	uint64_t threads_peak;
	uint64_t threads_base;          /* 1: the main thread */
	uint64_t inherited_objects;     /* live at fork */
	uint64_t inherited_bytes;
	uint8_t reserved4[88];

	/*
	 * Extras: what is counted only when it is asked for. Times in
	 * nanoseconds. A bit of `available` (enum availability) is set once
	 * its figure has a meaning here, and never cleared.
	 */
	uint32_t extras_on;             /* enum extra: what is in force */
	uint32_t figures_state;         /* enum figures_state */
	uint64_t available;
	uint64_t figures_asked;         /* segment_control.asked, as answered */
	uint64_t figures_monotonic_ns;  /* when; 0 = never */
	uint64_t figures_cost_ns;       /* how long the last answer took */
	uint64_t heap_sys_bytes;
	uint64_t heap_in_use_bytes;
	uint64_t heap_released_bytes;
	uint64_t heap_metadata_bytes;
	uint64_t heap_purges;
	uint64_t heap_trims;
	uint64_t allocator_ns;          /* estimate, see /cpu/allocator */
	uint64_t gc_cycles;
	uint64_t gc_pauses_ns;          /* sum */
	uint64_t gc_last_realtime_ns;
	uint64_t reserved5[17];
	uint64_t stall_ns[TIME_BUCKETS];
	uint64_t gc_pause_ns[TIME_BUCKETS];
};

/* What can be switched on and off while the target runs. */
enum extra {
	EXTRA_MUTEX = 1u << 0,     /* waits for locks */
	EXTRA_STALL = 1u << 1,     /* time of sampled calls of the allocator */
	EXTRA_REQUESTED = 1u << 2, /* bytes asked for, before rounding */
	EXTRA_ALLOCATOR = 1u << 3, /* the allocator's own figures, kept fresh */
	EXTRA_ALL = (1u << 4) - 1,
};

/* Bits of segment_header.available, of metrics that may be absent. */
enum availability {
	AVAILABLE_ALWAYS = 0,      /* no bit: 1 + number of the bit otherwise */
	AVAILABLE_SYS, AVAILABLE_IN_USE, AVAILABLE_RELEASED, AVAILABLE_METADATA,
	AVAILABLE_PURGES, AVAILABLE_TRIMS, AVAILABLE_STALL, AVAILABLE_REQUESTED,
	AVAILABLE_MUTEX, AVAILABLE_GC,
};

/* How far the allocator's own figures can be had. */
enum figures_state {
	FIGURES_UNASKED = 0,
	FIGURES_TAKEN = 1,
	FIGURES_UNKNOWN = 2,       /* no such figures from this provider */
	FIGURES_TOO_MANY = 3,      /* too many blocks to walk without a stall */
	FIGURES_TOO_SLOW = 4,      /* they took so long that it was given up */
	FIGURES_UNSAFE = 5,        /* a child of a bare fork of threads */
	FIGURES_SANDBOXED = 6,     /* asking may be forbidden by now */
};

/*
 * The only page that a reader may ever map writable, to ask for extras. The
 * target looks at it now and then, and believes nothing but known bits.
 */
struct segment_control {
	uint32_t want_flags;            /* enum extra */
	uint32_t reserved0;
	uint64_t asked;                 /* raised to ask for the figures once */
};

/* One row of the self-description; only SCOPE_KERNEL rows are left out. */
struct metric_entry {
	uint16_t id;
	uint8_t kind;                   /* enum metric_kind */
	uint8_t unit;                   /* enum metric_unit */
	uint8_t scope;                  /* enum metric_scope */
	uint8_t available;              /* enum availability */
	uint8_t reserved0[2];
	uint32_t offset;                /* bytes into the slot or the header */
	uint16_t operand[2];            /* see enum metric_scope */
	uint8_t reserved1[8];
	char key[METRIC_KEY_BYTES];
	char brief[METRIC_BRIEF_BYTES];
};

/*
 * One thread's counters, name tag and histograms, in groups of 128 bytes so
 * that none shares a pair of cache lines with another thread's.
 *
 * Counters only ever rise and are never zeroed: the next owner of the slot
 * continues from what it finds, which it notes in base_*, so sums over slots
 * lose nothing and each thread's own counts can be told. The owner
 * adds with plain stores, on overflow slots everybody adds atomically.
 */
struct slot {
	uint64_t alloc_bytes;
	uint64_t free_bytes;
	uint64_t realloc_calls;
	uint64_t alloc_failures;
	uint64_t threads_started;
	uint64_t threads_exited;
	uint64_t foreign_frees;
	uint64_t requested_bytes;
	uint64_t lock_waits;
	uint64_t lock_wait_ns;
	uint64_t reserved0[6];

	/* Descriptor, under a sequence count: odd while being written. */
	uint32_t sequence;
	int32_t tid;                    /* 0 = unknown */
	uint32_t owned;                 /* 1 while a thread has it */
	uint32_t stack_given;           /* 1: the program's own memory */
	uint64_t started_monotonic_ns;
	uint64_t stack_address;         /* somewhere in its stack; 0 = unknown */
	uint64_t stack_low;             /* as asked for at its creation, without */
	uint64_t stack_high;            /* guard; kept when it ends; 0 = unknown */
	uint64_t base_alloc_objects;    /* what the slot held when it was taken */
	uint64_t base_free_objects;
	uint64_t base_alloc_bytes;
	uint64_t base_free_bytes;
	uint8_t reserved2[48];

	/* Frees first: a damaged block header can make the index of a free
	 * run past the end, and should then hit our own words only. */
	uint64_t free_by_size[SIZE_BUCKETS];
	uint64_t alloc_by_size[SIZE_BUCKETS];
};

#define LAYOUT_AT(type, field, at) \
	_Static_assert(offsetof(struct type, field) == (at), "abi 1 is frozen")

LAYOUT_AT(segment_header, file_bytes, 24);
LAYOUT_AT(segment_header, starttime_ticks, 40);
LAYOUT_AT(segment_header, instance, 64);
LAYOUT_AT(segment_header, comm, 112);
LAYOUT_AT(segment_header, exe, 128);
LAYOUT_AT(segment_header, provider, 256);
LAYOUT_AT(segment_header, coverage, 304);
LAYOUT_AT(segment_header, metrics, 384);
LAYOUT_AT(segment_header, control, 432);
LAYOUT_AT(segment_header, slots_committed, 512);
LAYOUT_AT(segment_header, batched_live_bytes, 640);
LAYOUT_AT(segment_header, threads_now, 768);
LAYOUT_AT(segment_header, extras_on, 896);
LAYOUT_AT(segment_header, stall_ns, 1152);
_Static_assert(sizeof(struct segment_header) == 1664, "abi 1 is frozen");
_Static_assert(sizeof(struct segment_header) <= 4096, "it is one page");
LAYOUT_AT(slot, free_bytes, 8);
LAYOUT_AT(slot, foreign_frees, 48);
LAYOUT_AT(slot, sequence, 128);
LAYOUT_AT(slot, stack_address, 152);
LAYOUT_AT(slot, base_alloc_objects, 176);
LAYOUT_AT(slot, free_by_size, 256);
LAYOUT_AT(slot, alloc_by_size, 640);
_Static_assert(sizeof(struct slot) == 1024, "abi 1 is frozen");
LAYOUT_AT(metric_entry, key, 24);
_Static_assert(sizeof(struct metric_entry) == 128, "abi 1 is frozen");
_Static_assert(__atomic_always_lock_free(8, 0), "counters are 64-bit");

#endif /* SHM_LAYOUT_H */
