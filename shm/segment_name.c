/* SPDX-License-Identifier: MIT */
#include "segment_name.h"

#include <limits.h>
#include <string.h>

/* No snprintf: it is not signal-safe, and it may allocate. */
static size_t put_decimal(char *to, uint64_t value)
{
	char digits[20];
	size_t count = 0;

	do {
		digits[count++] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	for (size_t i = 0; i < count; i++)
		to[i] = digits[count - 1 - i];
	return count;
}

static size_t put_hex4(char *to, unsigned value)
{
	for (int i = 0; i < 4; i++)
		to[i] = "0123456789abcdef"[(value >> (12 - 4 * i)) & 15];
	return 4;
}

size_t segment_name_format(char *name, const char *prefix, int pid,
			   uint64_t starttime_ticks, int suffix)
{
	size_t at = strlen(prefix);

	memcpy(name, prefix, at);
	at += put_decimal(name + at, (uint64_t)pid);
	name[at++] = '.';
	at += put_decimal(name + at, starttime_ticks);
	if (suffix >= 0) {
		name[at++] = '.';
		at += put_hex4(name + at, (unsigned)suffix);
	}
	name[at] = '\0';
	return at;
}

/* Reads digits as put_decimal() writes them; NULL where it would not have. */
static const char *take_decimal(const char *from, uint64_t *ret)
{
	const char *start = from;
	uint64_t value = 0;

	for (; *from >= '0' && *from <= '9'; from++)
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, *from - '0', &value))
			return NULL;
	if (from == start || (*start == '0' && from - start > 1))
		return NULL;
	*ret = value;
	return from;
}

static bool is_suffix(const char *s)
{
	return s[0] == '.' && strlen(s) == 5 &&
	       strspn(s + 1, "0123456789abcdef") == 4;
}

bool segment_name_parse(const char *name, const char *prefix, int *ret_pid,
			uint64_t *ret_starttime_ticks)
{
	size_t length = strlen(prefix);
	uint64_t pid, starttime_ticks;
	const char *at;

	if (strncmp(name, prefix, length) != 0)
		return false;
	at = take_decimal(name + length, &pid);
	if (!at || *at != '.' || pid == 0 || pid > INT_MAX)
		return false;
	at = take_decimal(at + 1, &starttime_ticks);
	if (!at || (*at != '\0' && !is_suffix(at)))
		return false;
	*ret_pid = (int)pid;
	*ret_starttime_ticks = starttime_ticks;
	return true;
}
