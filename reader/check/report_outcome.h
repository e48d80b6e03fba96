/* SPDX-License-Identifier: MIT */
#ifndef READER_CHECK_REPORT_OUTCOME_H
#define READER_CHECK_REPORT_OUTCOME_H
/*
 * A report as a flat list, for outputs that are lists of test cases or of
 * issues. There is an outcome for each series that was judged and for each
 * limit, and one for a process, a run or the whole check whose verdict does
 * not follow from these. Running out of memory ends the process. Safe in
 * separate threads on separate reports.
 */
#include "reader/check/report.h"
#include "reader/format.h"

struct check_outcome {
	const struct check_report *report;
	const struct check_run *run;         /* NULL: the whole check */
	const struct check_process *process; /* NULL: the whole run */
	const struct check_series *series;   /* or NULL */
	enum check_series_id series_id;      /* where there is a series */
	const struct check_limit *limit;     /* or NULL */
	size_t twin;      /* 1 for the first process of a run that has this
			     name, 2 for the second, ... */
	enum check_verdict verdict;
	const char *reason;  /* a clause in lower case */
	bool decides;        /* else it is worse than the verdict of what it is
				a part of, which was found not to follow */
};

struct check_outcomes {
	struct check_outcome *items; /* by run, process, series and limit */
	size_t count, room;
};

/*
 * Lists them. A brief process is left out, but for limits it broke. Each run
 * has at least one outcome. The report must outlive the list.
 */
void check_outcomes_list(struct check_outcomes *ret,
			 const struct check_report *r);
void check_outcomes_release(struct check_outcomes *o);

/*
 * Writes a sentence about it without newline or full stop: "live bytes of srv
 * (pid 4242) grow by 1.2 MiB/hour, ...". Foreign text is made visible.
 */
void check_outcome_write(const struct check_outcome *o, FILE *out);

/* The same as a string, to be freed. */
char *check_outcome_text(const struct check_outcome *o);

/*
 * The verdict of the check in a sentence: the first outcome that decides it.
 * To be freed.
 */
char *check_headline(const struct check_report *r);

/*
 * Is it worth telling where this leads? Only where it goes straight on: the
 * slope of a step says nothing about tomorrow.
 */
bool report_projects(const struct check_series *s);

/* The growth that the verdict is about, and how much is tolerated. */
struct escaped_text report_growth(const struct check_series *s);

/*
 * What was judged: "live bytes", "--max-live", "observation". It is different
 * for all outcomes of a process.
 */
struct text check_outcome_subject(const struct check_outcome *o);

/* Does the check fail by it? Else it passes, warns, or does not decide. */
bool check_outcome_fails(const struct check_outcome *o);

/* A warning that does not fail, or too little to tell. */
bool check_outcome_warns(const struct check_outcome *o);

#endif /* READER_CHECK_REPORT_OUTCOME_H */
