/* SPDX-License-Identifier: MIT */
#ifndef READER_CHECK_JUDGE_H
#define READER_CHECK_JUDGE_H
/*
 * From series to verdicts: each series of each process by its trend, each
 * process by its series and limits, a run by its processes, a report by its
 * runs. Pure: no clock, no input or output, no allocation, no state. Depends
 * on libc and libm only. Safe in any thread.
 */
#include "reader/check/verdict.h"

/* Growth per unit that is accepted; beyond it the limit is broken. */
struct check_max_growth {
	bool is_set;
	double amount;        /* bytes, objects or threads */
	enum check_per per;
};

/* What one command of a recording was like when it was good. */
struct check_baseline_entry {
	const char *command;          /* of the process */
	bool present[CHECK_SERIES];   /* it was judged by its trend */
	double slope_upper[CHECK_SERIES]; /* per second or iteration */
	uint64_t median_floor[CHECK_SERIES];
};

struct check_baseline {
	const struct check_baseline_entry *entries; /* one for each command */
	size_t count;
};

#define CHECK_NO_BYTES UINT64_MAX

struct check_rules {
	bool by_iterations;
	bool is_strict;
	bool limits_only;             /* no series is judged by its trend */
	double confidence;            /* 0.5 to 1 */
	double warmup;                /* in x; negative: by itself */
	double cycle;                 /* in x; 0: any */
	unsigned long samples_min;    /* 0: as it is by default */
	uint64_t max_live_bytes, max_peak_bytes, max_unfreed_bytes;
				      /* CHECK_NO_BYTES: no limit */
	unsigned long max_objects, max_threads; /* 0: no limit */
	double return_to_percent;     /* of the level after the warm-up;
					 0: no limit */
	struct check_max_growth max_growth[CHECK_SERIES];
	const struct check_baseline *baseline; /* NULL: none */
};

/* The rules without any option. */
struct check_rules check_rules(void);

/* A process has at most as many limits as there are options for them. */
#define CHECK_LIMITS_MAX 16

/* "/heap/live:bytes" and so on. */
const char *check_series_key(enum check_series_id id);

/*
 * Judges a run, whose processes hold samples and totals; everything that is
 * a decision is filled in. `room` holds CHECK_LIMITS_MAX for each process,
 * and must outlive the run.
 */
void check_judge_run(const struct check_rules *rules, struct check_run *run,
		     struct check_limit *room);

/*
 * Joins the verdicts of the runs. With confirm_runs above 1 growth counts only
 * if most of the runs show it, of as many as were asked for.
 */
void check_judge_report(struct check_report *r);

#endif /* READER_CHECK_JUDGE_H */
