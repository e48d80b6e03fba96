/* SPDX-License-Identifier: MIT */
#include "reader/check/report_escape.h"

#include <stdbool.h>
#include <string.h>

#include "reader/format.h"

struct special {
	char byte;
	const char *as;
};

#define SPECIALS_MAX 20

/* Of each language the bytes that act in it, and how they are written. */
static const struct special specials[ESCAPES][SPECIALS_MAX] = {
	[ESCAPE_SHELL] = { { '\'', "'\\''" } },
	[ESCAPE_MARKUP] = {
		{ '&', "&amp;" },  { '<', "&lt;" }, { '>', "&gt;" },
		{ '"', "&quot;" }, { '\'', "&#39;" },
	},
	/* Character references: a backslash would not stop an automatic link. */
	[ESCAPE_MARKDOWN] = {
		{ '&', "&amp;" },  { '<', "&lt;" },   { '>', "&gt;" },
		{ '`', "&#96;" },  { '*', "&#42;" },  { '_', "&#95;" },
		{ '[', "&#91;" },  { ']', "&#93;" },  { '(', "&#40;" },
		{ ')', "&#41;" },  { '#', "&#35;" },  { '|', "&#124;" },
		{ '~', "&#126;" }, { '!', "&#33;" },  { '\\', "&#92;" },
		{ '@', "&#64;" },  { ':', "&#58;" },  { '.', "&#46;" },
		{ '$', "&#36;" },
	},
	[ESCAPE_GITHUB] = {
		{ '%', "%25" }, { '\r', "%0D" }, { '\n', "%0A" },
	},
	[ESCAPE_GITHUB_PROPERTY] = {
		{ '%', "%25" }, { '\r', "%0D" }, { '\n', "%0A" },
		{ ':', "%3A" }, { ',', "%2C" },
	},
};

static void put(FILE *out, enum escape language, char byte)
{
	for (const struct special *s = specials[language]; s->byte; s++)
		if (s->byte == byte) {
			fputs(s->as, out);
			return;
		}
	fputc(byte, out);
}

/* XML has no way to write these two. */
static bool is_noncharacter(uint32_t code)
{
	return code == 0xfffe || code == 0xffff;
}

/* One character, so that it can be seen: at most four bytes as \xNN. */
static struct escaped_text visible(const char *text, unsigned length,
				   uint32_t code)
{
	struct escaped_text seen;
	char character[5] = "";
	unsigned used = 0;

	memcpy(character, text, length);
	if (!is_noncharacter(code))
		return format_escaped(character);
	for (unsigned i = 0; i < length; i++)
		used += (unsigned)snprintf(seen.s + used, 5, "\\x%02x",
					   (unsigned char)character[i]);
	return seen;
}

static void write_text(FILE *out, enum escape language, const char *text,
		       const char *kept)
{
	while (*text) {
		uint32_t code = 0;
		unsigned length = format_utf8(text, &code);
		struct escaped_text seen = { "" };

		if (!length)
			length = 1;
		if (strchr(kept, *text))
			seen.s[0] = *text;
		else
			seen = visible(text, length, code);
		for (const char *c = seen.s; *c; c++)
			put(out, language, *c);
		text += length;
	}
}

void escape_foreign(FILE *out, enum escape language, const char *text)
{
	write_text(out, language, text, "");
}

void escape_own(FILE *out, enum escape language, const char *text)
{
	write_text(out, language, text, "\\\t\n");
}
