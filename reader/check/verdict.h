/* SPDX-License-Identifier: MIT */
#ifndef READER_CHECK_VERDICT_H
#define READER_CHECK_VERDICT_H
/*
 * A finished check, as it is handed to the outputs: plain data, complete and
 * constant by then, owned by whoever made it. Depends on libc alone.
 *
 * Text that is marked foreign came from a file or from another process and
 * may hold any bytes, also such as are not UTF-8: escape it. Everything else
 * is ours. No pointer is NULL unless that is said. Numbers are finite unless
 * that is said.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reader/check/trend.h"

/* In no order of weight: see check_worse(). */
enum check_verdict {
	CHECK_PASS,         /* enough data, no growth, every limit kept */
	CHECK_PLATEAU,      /* a warning: grew, ever more slowly */
	CHECK_STEP,         /* a warning: grew, but not throughout */
	CHECK_GROWTH,       /* grows without end, as far as can be seen */
	CHECK_LIMIT,        /* a limit is broken; nothing grows */
	CHECK_INCONCLUSIVE, /* too little to tell */
	CHECK_NOT_OBSERVED, /* nothing was seen: never a success */
	CHECK_VERDICTS
};

/* By what a slope counts. */
enum check_per {
	CHECK_PER_SECOND,
	CHECK_PER_HOUR,
	CHECK_PER_DAY,
	CHECK_PER_ITERATION,
	CHECK_PERS
};

/* A slope in units of one kind; 0 where it is not present. */
struct check_rate {
	bool present;         /* by iterations only where there were marks */
	double median;        /* most likely */
	double lower, upper;  /* one-sided bounds, each of the confidence */
};

/* To add a series: a row in judge.c. All but the last are judged. */
enum check_series_id {
	CHECK_LIVE_BYTES,
	CHECK_LIVE_OBJECTS,
	CHECK_THREADS,
	CHECK_RESIDENT,       /* shown only */
	CHECK_SERIES
};

/* One value over time, of one process. */
struct check_series {
	const char *key;      /* "/heap/live:bytes" */
	const char *unit;     /* "bytes", "objects", "threads" */
	bool is_judged;       /* else only shown: verdict PASS, result void */
	enum check_verdict verdict; /* PASS, PLATEAU, STEP, GROWTH or
				       INCONCLUSIVE */
	const char *reason;   /* a clause in lower case */
	size_t count;         /* of samples; 0: never available there */
	/* In order of time; NULL if count is 0. */
	const double *seconds;            /* since the run began */
	const struct trend_point *points; /* as judged: x in seconds since the
					     run began, or in iterations done */
	uint64_t first, last, lowest, highest;
	struct trend_result result;       /* bins is 0 if INCONCLUSIVE */
	struct check_rate rates[CHECK_PERS];
	bool is_accepted;     /* grows, but within --max-growth: PASS */
};

/* A limit that was asked for, applied to one process. */
enum check_limit_state {
	CHECK_KEPT,
	CHECK_BROKEN,
	CHECK_UNKNOWN, /* what it speaks of was not seen: INCONCLUSIVE */
};

struct check_limit {
	const char *name;     /* the option without dashes: "max-live",
				 "baseline" */
	const char *key;      /* of the series or metric it is about */
	const char *unit;     /* of both numbers: "bytes", "objects",
				 "threads", "%", "bytes/hour", ... */
	double limit, value;  /* value is NAN if UNKNOWN */
	enum check_limit_state state;
	const char *reason;   /* a clause in lower case, static: "peak live
				 bytes", "did not exit while it was watched" */
};

/* "One unit of work done". */
struct check_mark {
	double seconds;       /* since the run began */
	uint64_t count;       /* at that moment: usually 1 */
	uint64_t total;       /* up to and including these */
	const char *name;     /* foreign; "" if it has none */
};

/* What is known of a process beside its series. */
struct check_totals {
	bool has_peak;                /* the next one is known */
	uint64_t peak_bytes;          /* of live bytes */
	uint64_t frees_objects;
	uint64_t foreign_objects;     /* frees of blocks that are not known */
	uint64_t torn_samples;        /* left out: less than nothing was live */
	bool has_exited;              /* in order, so that the next is final */
	uint64_t unfreed_bytes;
	double unseen_seconds;        /* it ran on as an untallied program */
};

/* One image of one process: what it executes next is another one. */
struct check_process {
	int pid;
	const char *command;          /* foreign: at most 16 bytes */
	const char *exe;              /* foreign, maybe "" */
	const char *instance;         /* foreign: 32 hex digits if honest */
	const char *provider;         /* foreign: "glibc 2.36" */
	const char *coverage;         /* foreign: "full", "partial", "none" */
	const char *coverage_reason;  /* foreign, "" when full */
	const char *start_time;       /* foreign: ISO 8601, "" if unknown */
	const char *state;            /* when last seen: "live", "exited",
					 "killed", "replaced" */
	double from_seconds, to_seconds; /* seen, since the run began */
	bool is_main;                 /* the command that was started, as what
					 it became last */
	bool is_brief;                /* was there for less than a quarter of
					 the run: not judged, others are */
	struct check_totals totals;
	enum check_verdict verdict;
	const char *reason;           /* a clause in lower case */
	struct check_series series[CHECK_SERIES];
	const struct check_limit *limits; /* as asked for, in that order */
	size_t limit_count;
};

/* One recording: a file, or one attempt of a live check. */
struct check_run {
	const char *file;         /* foreign: where the samples are kept; NULL
				     if they are not */
	const char *const *command; /* foreign: started by the recorder, ends
				     in NULL; NULL for a running process */
	const char *host;         /* foreign, as are the next four */
	const char *architecture;
	const char *libc;
	const char *start_time;   /* ISO 8601 */
	const char *ending;       /* of the command: "exited 3", "" if it was
				     not seen */
	double interval_seconds;  /* between samples */
	double seconds;           /* from the first sample to the last */
	uint64_t samples;
	uint64_t iterations;      /* marks, all together */
	const struct check_mark *marks; /* in order of time; of very many
				     neighbours are taken together */
	size_t mark_count;
	struct check_process *processes; /* by start; 0: NOT OBSERVED */
	size_t process_count;
	size_t brief_count;       /* how many of those are brief */
	const char *not_observed; /* why the command itself was not; foreign;
				     NULL if it was, or there is none */
	int command_status;       /* of the command, as shells say it; 0 if it
				     went well, was stopped by us or is none */
	enum check_verdict verdict;
	const char *reason;       /* a clause in lower case; may quote foreign
				     text, which is escaped */
};

struct check_report {
	const char *version;      /* of heaptally */
	const char *subject;      /* foreign: command line, "4242" or files */
	bool is_live;             /* measured now; else judged from files */
	bool by_iterations;       /* slopes are judged by x = iterations */
	bool is_strict;           /* warnings fail */
	double confidence;        /* of each bound: 0.99 */
	const char *baseline;     /* foreign: its file; NULL without */
	const struct check_run *runs; /* at least 1 */
	size_t run_count;
	size_t confirm_runs;      /* of --repeat; 1 without */
	enum check_verdict verdict;
	const char *reason;       /* as of a run */
	int status;               /* to exit with: 0, 1, 3 or 4; that of the
				     command where it failed and we did not */
};

/* "PASS", "GROWTH", "LIMIT BROKEN", "NOT OBSERVED" and so on. */
const char *check_verdict_name(enum check_verdict verdict);

/* "second", "hour", "day", "iteration". */
const char *check_per_name(enum check_per per);

/* PLATEAU or STEP: fails with --strict only. */
bool check_is_warning(enum check_verdict verdict);

/*
 * The one of two verdicts that decides: GROWTH, LIMIT, NOT_OBSERVED,
 * INCONCLUSIVE, STEP, PLATEAU, PASS, whichever comes first.
 */
enum check_verdict check_worse(enum check_verdict a, enum check_verdict b);

#endif /* READER_CHECK_VERDICT_H */
