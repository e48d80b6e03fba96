/* SPDX-License-Identifier: MIT */
#include "preload/message.h"

#include <stddef.h>
#include <string.h>

#include "preload/env.h"
#include "shm/syscalls.h"

/* Absent from other C libraries; strerror() may allocate. */
extern const char *strerrordesc_np(int error) __attribute__((weak));

bool message_is_late;

struct line {
	char text[512];
	size_t length;
};

static void put(struct line *line, const char *from)
{
	size_t room = sizeof(line->text) - line->length;
	size_t length = strnlen(from, room);

	memcpy(line->text + line->length, from, length);
	line->length += length;
}

void message_off(const char *why, const char *subject, int error)
{
	struct line line = { .length = 0 };

	if (!env.verbose || message_is_late)
		return;
	put(&line, "heaptally: the tally is off: ");
	put(&line, why);
	if (subject) {
		put(&line, ": '");
		put(&line, subject);
		put(&line, "'");
	}
	if (error && strerrordesc_np && strerrordesc_np(error)) {
		put(&line, ": ");
		put(&line, strerrordesc_np(error));
	}
	put(&line, "\n");
	sys_write(2, line.text, line.length);
}
