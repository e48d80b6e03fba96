/* SPDX-License-Identifier: MIT */
#ifndef READER_FINDINGS_H
#define READER_FINDINGS_H
/*
 * What follows from an examination: how much can be tallied, why not more,
 * and what to do about it. Main thread only.
 */
#include <stddef.h>

#include "reader/examination.h"

/* Of one finding, and of all: the worst. */
enum verdict {
	VERDICT_FULL,    /* a finding: only a note */
	VERDICT_PARTIAL,
	VERDICT_NONE,
};

#define FINDINGS_MAX 40

/* Texts are printable. */
struct finding {
	const char *key;    /* for programs */
	enum verdict verdict;
	char *reason;
	char *advice;       /* NULL = nothing to be done */
};

struct findings {
	enum verdict verdict;
	size_t count;
	struct finding items[FINDINGS_MAX]; /* the worst first */
};

/* Judges an examination. The caller releases *ret. */
void findings_judge(struct findings *ret, const struct examination *e);
void findings_release(struct findings *f);

/* The first finding of that verdict, NULL = there is none. */
const struct finding *findings_first(const struct findings *f,
				     enum verdict verdict);

/* "full", "partial", "none". */
const char *verdict_name(enum verdict verdict);

#endif /* READER_FINDINGS_H */
