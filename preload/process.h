/* SPDX-License-Identifier: MIT */
#ifndef PRELOAD_PROCESS_H
#define PRELOAD_PROCESS_H
/*
 * What the tally knows of the whole process, and how a process begins: at
 * the first interposed call or in our constructor, whichever comes first;
 * in a forked child at its first interposed call.
 *
 * All state that must not survive a fork lies in one private mapping that
 * the kernel wipes in the child (MADV_WIPEONFORK; before Linux 4.14 an
 * atfork handler does, which misses the rarer kinds of fork). The segment's
 * mapping does not reach the child at all.
 */
#include <stdbool.h>
#include <stdint.h>

#include "preload/next.h"
#include "preload/tally.h"
#include "shm/segment.h"

enum process_phase {
	PROCESS_FRESH = 0, /* never started, or wiped by a fork */
	PROCESS_STARTING,
	PROCESS_ON,
	PROCESS_OFF,
};

/* What a new thread is to do. */
struct handoff {
	union {
		void *(*pthread)(void *);
		thrd_start_t thrd;
	} start;
	void *argument;
	struct stack_request stack;
};

#define BITMAP_WORDS (EXCLUSIVE_SLOTS / 64)

/* One bit an entry, 1 = taken. Lock-free; lowest free entry first. */
struct bitmap {
	uint64_t words[BITMAP_WORDS];
};

struct process {
	uint32_t phase;                  /* enum process_phase, atomic */
	uint32_t threaded;               /* peak.c: was a second thread seen? */
	bool inline_bytes;               /* glibc's chunk header may be read */
	pid_t pid;                       /* 0 = a child that no handler saw */
	struct segment_control *control; /* what readers ask for */
	uint32_t extras_busy;            /* extras.c: somebody is switching */
	uint64_t figures_next_ns;        /* figures.c: not before */
	uint32_t figures_slow;           /* figures.c: so often in a row */
	uint64_t batch_sum_bytes;        /* of all threads, atomic */
	struct bitmap slots_taken;
	struct bitmap handoffs_taken;
	struct tally tallies[EXCLUSIVE_SLOTS]; /* the first ones on this page */
};

/*
 * What a forked child finds as its parent left it. A signal handler may fork
 * in the midst of any function here, and its child return into that: it
 * follows these pointers once more, to where the segment was, and finds
 * memory there (fork.c). That the process is another one, `phase` tells.
 */
struct process_kept {
	struct segment segment;
	struct tally *first;             /* the thread the process began with, */
	struct slot *first_slot;         /* and its slot, also when it has ended */
	struct handoff handoffs[EXCLUSIVE_SLOTS];
};

extern struct process_kept kept __attribute__((visibility("hidden")));

/*
 * The state of this program; NULL until it starts, and when it is off for
 * good. In a forked child all zero until its own tally starts. For those who
 * cannot afford a call; others use the functions below.
 */
extern struct process *process_self __attribute__((visibility("hidden")));

/*
 * Returns the process with its tally on, after starting it where that is
 * due; NULL when it is off. Keeps errno. Signal-safe.
 */
struct process *process_get(void);

/* The same without starting anything: NULL unless the tally is on. */
struct process *process_if_on(void);

/* Did this process try to start its tally in vain? */
bool process_is_off(void);

/*
 * The process goes: its segment becomes final, and unless it is to be kept
 * its file is removed. Late counts still go into the mapping. Does nothing in
 * a child of vfork, whose end is not that of the memory, and nothing in a
 * sandbox. Signal-safe.
 */
void process_end(void);

/*
 * System calls may be forbidden from now on, in children as well: no segment
 * for a forked child, no removal of the file at the end, no thread ids, no
 * more slots than there are. `at_once`: they are forbidden already.
 */
void process_enters_sandbox(bool at_once);

/* Is a sandbox entered now ours, and not that of a child of vfork? */
bool process_may_be_sandboxed(void);
bool process_is_sandboxed(void);

/*
 * From now on a part of the program may allocate past us: coverage is partial
 * for that reason, in children as well. Keeps an earlier reason.
 */
void process_is_bypassed(const char *reason);

/* A library is about to be loaded: the same, where it may bring such a part. */
void process_loads_library(void);

/*
 * To be called in a child by the atfork handler: notes whose memory this is
 * now; on kernels before 4.14 it also does what MADV_WIPEONFORK does on later
 * ones.
 */
void process_is_born(void);

/*
 * Takes the lowest free slot for the calling thread and backs it with
 * memory; NULL when there is none. process_release() gives it back.
 */
struct tally *process_claim(struct process *p);
void process_release(struct process *p, struct tally *t);

/* A slot to share, by atomic additions, for threads without their own. */
struct slot *process_overflow_slot(void);

/*
 * handoff_give() returns an empty handoff for the caller to fill, NULL when
 * the tally is off or all are on their way; handoff_take() reads it and gives
 * its place back.
 */
struct handoff *handoff_give(void);
struct handoff handoff_take(struct handoff *h);

#endif /* PRELOAD_PROCESS_H */
