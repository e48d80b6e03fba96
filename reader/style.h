/* SPDX-License-Identifier: MIT */
#ifndef READER_STYLE_H
#define READER_STYLE_H
/*
 * Bold and dim text, on a terminal only and never against NO_COLOR
 * (https://no-color.org) or TERM=dumb. Main thread only.
 */
#include <stdbool.h>
#include <stdio.h>

enum style {
	STYLE_PLAIN,
	STYLE_BOLD, /* heads */
	STYLE_DIM,  /* what has ended */
};

/* May colours be written to `out`? */
bool style_is_wanted(FILE *out);

/* Switches `out` to a style; nothing is written where colour is unwanted. */
void style_set(FILE *out, enum style style);

#endif /* READER_STYLE_H */
