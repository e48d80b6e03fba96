/* SPDX-License-Identifier: MIT */
#include "reader/style.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool style_is_wanted(FILE *out)
{
	const char *no_color = getenv("NO_COLOR");
	const char *term = getenv("TERM");

	return !(no_color && *no_color) && term && strcmp(term, "dumb") != 0 &&
	       isatty(fileno(out));
}

void style_set(FILE *out, enum style style)
{
	static const char *const sequences[] = {
		[STYLE_PLAIN] = "\033[0m",
		[STYLE_BOLD] = "\033[1m",
		[STYLE_DIM] = "\033[2m",
	};

	if (style_is_wanted(out))
		fputs(sequences[style], out);
}
