/* SPDX-License-Identifier: MIT */
#include "reader/json.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "reader/format.h"
#include "reader/report.h"

/* struct json is jansson's json_t under a name that stays within this file. */
static json_t *in(struct json *value)
{
	return (json_t *)value;
}

static struct json *out_of(json_t *value)
{
	return (struct json *)value;
}

struct json *json_new(void)
{
	return out_of(report_oom(json_object()));
}

void json_free(struct json *root)
{
	json_decref(in(root));
}

/* Takes over `value`, NULL included, as jansson's _new functions do. */
static void put(struct json *object, const char *key, json_t *value)
{
	report_oom(value);
	if (json_object_set_new(in(object), key, value) != 0)
		report_oom(NULL);
}

static void append(struct json *array, json_t *value)
{
	report_oom(value);
	if (json_array_append_new(in(array), value) != 0)
		report_oom(NULL);
}

/* Makes a JSON string of any bytes. */
static json_t *text(const char *value)
{
	static const char replacement[] = "\xef\xbf\xbd"; /* U+FFFD */
	char *valid = report_oom(malloc(3 * strlen(value) + 1));
	char *end = valid;
	json_t *string;

	while (*value) {
		uint32_t code;
		unsigned length = format_utf8(value, &code);

		end = mempcpy(end, length ? value : replacement,
			      length ? length : 3);
		value += length ? length : 1;
	}
	*end = '\0';
	string = json_string(valid);
	free(valid);
	return string;
}

void json_put_string(struct json *object, const char *key, const char *value)
{
	put(object, key, text(value));
}

/* jansson's integers are signed; nothing real is that large. */
static json_t *number(uint64_t value)
{
	return value > INT64_MAX ? json_real((double)value)
				 : json_integer((json_int_t)value);
}

void json_put_u64(struct json *object, const char *key, uint64_t value)
{
	put(object, key, number(value));
}

void json_put_i64(struct json *object, const char *key, int64_t value)
{
	put(object, key, json_integer(value));
}

void json_put_f64(struct json *object, const char *key, double value)
{
	put(object, key, json_real(value));
}

void json_put_bool(struct json *object, const char *key, bool value)
{
	put(object, key, json_boolean(value));
}

struct json *json_put_object(struct json *object, const char *key)
{
	json_t *child = json_object();

	put(object, key, child);
	return out_of(child);
}

struct json *json_put_array(struct json *object, const char *key)
{
	json_t *child = json_array();

	put(object, key, child);
	return out_of(child);
}

struct json *json_append_object(struct json *array)
{
	json_t *child = json_object();

	append(array, child);
	return out_of(child);
}

void json_append_string(struct json *array, const char *value)
{
	append(array, text(value));
}

void json_append_u64(struct json *array, uint64_t value)
{
	append(array, number(value));
}

void json_append_f64(struct json *array, double value)
{
	append(array, json_real(value));
}

bool json_write(const struct json *root, FILE *out, bool one_line)
{
	/* 15 digits: 0.1 is written as 0.1, and no clock of ours has more. */
	size_t flags = JSON_REAL_PRECISION(15) |
		       (one_line ? JSON_COMPACT : JSON_INDENT(2));

	return json_dumpf((const json_t *)root, out, flags) == 0 &&
	       fputc('\n', out) != EOF;
}
