/* SPDX-License-Identifier: MIT */
#ifndef READER_SUGGEST_H
#define READER_SUGGEST_H
/*
 * "Did you mean": the closest of the words on offer, by edit distance. Set
 * .word, offer candidates, read .best. Pure; candidates are not copied.
 */
#include <stddef.h>

struct suggestion {
	const char *word;  /* as mistyped */
	const char *best;  /* NULL: nothing is close enough */
	size_t distance;   /* of best */
};

/* Keeps `candidate` as the best if it is close and closer than the last. */
void suggest_offer(struct suggestion *s, const char *candidate);

#endif /* READER_SUGGEST_H */
