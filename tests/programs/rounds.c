/* SPDX-License-Identifier: MIT */
/*
 * rounds: for each line "COUNT BYTES" of standard input makes COUNT pairs of
 * malloc(BYTES) and free, for "trim" calls malloc_trim(), for "sandbox" gives
 * up all new privileges, and says "done". A target that does exactly what it
 * is told, when it is told.
 */
#include "expect.h"

#include <sys/prctl.h>

static bool read_line(char *line, size_t room)
{
	size_t length = 0;

	while (length + 1 < room && read(0, line + length, 1) == 1) {
		if (line[length] == '\n') {
			line[length] = '\0';
			return true;
		}
		length++;
	}
	return false;
}

static void say(const char *word)
{
	struct text t = { .length = 0 };

	text_string(&t, word);
	text_write(&t, 1);
}

int main(void)
{
	char line[64], *end;

	say("ready\n");
	while (read_line(line, sizeof(line))) {
		unsigned long count = strtoul(line, &end, 10);
		size_t bytes = strtoul(end, NULL, 10);

		if (strcmp(line, "trim") == 0)
			malloc_trim(0);
		if (strcmp(line, "sandbox") == 0)
			MUST(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
		while (count-- > 0)
			free(malloc(bytes));
		say("done\n");
	}
	return 0;
}
