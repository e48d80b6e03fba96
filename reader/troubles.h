/* SPDX-License-Identifier: MIT */
#ifndef READER_TROUBLES_H
#define READER_TROUBLES_H
/*
 * What is said of segments that could not be opened while looking at all of
 * them: damaged ones are named, those of other users counted, and of those
 * that went away meanwhile there is nothing to tell. Main thread only.
 */
#include <stddef.h>

#include "reader/api/heaptally.h"

struct troubles {
	size_t named;   /* lines printed so far, or left out */
	size_t foreign;
};

/* Notes that ht_open_place() or ht_read() failed with that error. */
void trouble_note(struct troubles *t, const struct ht *h,
		  const struct ht_place *place, int error);

/* The full path of a place, for messages: freed by the caller. */
char *place_path(const struct ht_place *place);

/* Prints what was only counted. */
void troubles_print(const struct troubles *t);

#endif /* READER_TROUBLES_H */
