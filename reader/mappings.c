/* SPDX-License-Identifier: MIT */
#include "reader/mappings.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* parse_line() takes none that is shorter: "0-1 rw-p   \n". */
#define LINE_LEAST_BYTES 12

/* No sign, no blanks, no 0x, as strtoull() would take. */
static bool take_hex(const char **at, char end, uint64_t *ret)
{
	char *behind;

	if (!isxdigit((unsigned char)**at) || (*at)[1] == 'x')
		return false;
	errno = 0;
	*ret = strtoull(*at, &behind, 16);
	if (errno || *behind != end)
		return false;
	*at = behind + 1;
	return true;
}

/* Goes behind the next blank of the same line. */
static bool skip_word(const char **at)
{
	*at += strcspn(*at, " \n");
	if (**at != ' ')
		return false;
	++*at;
	return true;
}

/* "FROM-TO rw-p OFFSET DEVICE INODE   NAME" and its end. */
static bool parse_line(const char *line, struct mapping *ret)
{
	static const char main_stack[] = "[stack]\n";
	const char *at = line, *rights;

	if (!take_hex(&at, '-', &ret->low) || !take_hex(&at, ' ', &ret->high) ||
	    ret->low >= ret->high)
		return false;
	rights = at;
	if (!skip_word(&at) || at - rights != 5 || !skip_word(&at) ||
	    !skip_word(&at))
		return false;
	ret->writable = rights[1] == 'w';
	ret->inaccessible = strncmp(rights, "---", 3) == 0;
	ret->anonymous = rights[3] == 'p' && at[0] == '0' &&
			 (at[1] == ' ' || at[1] == '\n');
	at += strcspn(at, " \n");
	at += strspn(at, " ");
	ret->is_main_stack = strncmp(at, main_stack, strlen(main_stack)) == 0;
	return true;
}

/* Stops at the first line that is none. */
static bool parse_all(struct mappings *m, const char *text)
{
	uint64_t behind = 0;

	for (; *text; text = strchr(text, '\n') + 1) {
		struct mapping *one = &m->all[m->count];

		if (!strchr(text, '\n') || !parse_line(text, one) ||
		    one->low < behind)
			return false;
		behind = one->high;
		m->count++;
	}
	return true;
}

bool mappings_parse(struct mappings *m, const char *text)
{
	m->count = 0;
	if (mappings_reserve(m, strlen(text)) && parse_all(m, text))
		return true;
	m->count = 0;
	return false;
}

/* Pages of it that no mapping needs take no memory. */
bool mappings_reserve(struct mappings *m, size_t text_bytes)
{
	size_t room = text_bytes / LINE_LEAST_BYTES + 1;

	if (room <= m->room)
		return true;
	mappings_release(m);
	m->all = malloc(room * sizeof(*m->all));
	m->room = m->all ? room : 0;
	return m->all != NULL;
}

void mappings_release(struct mappings *m)
{
	free(m->all);
	*m = (struct mappings){ .all = NULL };
}

const struct mapping *mappings_find(const struct mappings *m, uint64_t address)
{
	size_t first = 0, end = m->count;

	while (first < end) {
		size_t middle = first + (end - first) / 2;

		if (address >= m->all[middle].high)
			first = middle + 1;
		else if (address < m->all[middle].low)
			end = middle;
		else
			return &m->all[middle];
	}
	return NULL;
}

uint64_t mappings_writable_from(const struct mappings *m, uint64_t low,
				uint64_t high)
{
	uint64_t from = high;

	while (from > low) {
		const struct mapping *below = mappings_find(m, from - 1);

		if (!below || !below->writable)
			return from;
		from = below->low;
	}
	return low;
}
