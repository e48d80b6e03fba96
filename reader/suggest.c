/* SPDX-License-Identifier: MIT */
#include "reader/suggest.h"

#include <string.h>

#define WORD_MAX 64

static size_t least(size_t a, size_t b, size_t c)
{
	size_t ab = a < b ? a : b;

	return ab < c ? ab : c;
}

/* Levenshtein distance of two words shorter than WORD_MAX. */
static size_t edit_distance(const char *a, const char *b)
{
	size_t row[WORD_MAX];
	size_t b_length = strlen(b);

	for (size_t j = 0; j <= b_length; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1]; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= b_length; j++) {
			size_t above = row[j];

			row[j] = least(row[j - 1] + 1, above + 1,
				       diagonal + (a[i - 1] != b[j - 1]));
			diagonal = above;
		}
	}
	return row[b_length];
}

void suggest_offer(struct suggestion *s, const char *candidate)
{
	size_t word_length = strlen(s->word);
	size_t distance;

	if (word_length >= WORD_MAX || strlen(candidate) >= WORD_MAX)
		return;
	/* "upt" for "uptime" is far by distance, yet plainly meant. */
	if (word_length >= 2 && strncmp(candidate, s->word, word_length) == 0)
		distance = 1;
	else
		distance = edit_distance(s->word, candidate);
	if (distance > 1 + word_length / 4 ||
	    (s->best && distance >= s->distance))
		return;
	s->best = candidate;
	s->distance = distance;
}
