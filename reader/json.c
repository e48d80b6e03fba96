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

struct json *json_new_array(void)
{
	return out_of(report_oom(json_array()));
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

/* ---- reading ---- */

static const json_t *of(const struct json *value)
{
	return (const json_t *)value;
}

struct json *json_parse(const char *text, size_t length)
{
	json_t *root = json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL);

	if (json_is_object(root))
		return out_of(root);
	json_decref(root);
	return NULL;
}

const struct json *json_get(const struct json *object, const char *key)
{
	return (const struct json *)json_object_get(of(object), key);
}

const char *json_get_string(const struct json *object, const char *key)
{
	return json_string_value(json_object_get(of(object), key));
}

bool json_get_u64(const struct json *object, const char *key, uint64_t *ret)
{
	const json_t *value = json_object_get(of(object), key);
	double real = json_real_value(value);

	/* One beyond INT64_MAX was written as a real. */
	if (json_is_real(value) && real >= 0 && real < 0x1p64)
		*ret = (uint64_t)real;
	else if (json_is_integer(value) && json_integer_value(value) >= 0)
		*ret = (uint64_t)json_integer_value(value);
	else
		return false;
	return true;
}

bool json_get_f64(const struct json *object, const char *key, double *ret)
{
	const json_t *value = json_object_get(of(object), key);

	if (!json_is_number(value))
		return false;
	*ret = json_number_value(value);
	return true;
}

bool json_get_bool(const struct json *object, const char *key)
{
	return json_is_true(json_object_get(of(object), key));
}

size_t json_count(const struct json *array)
{
	return json_array_size(of(array));
}

const struct json *json_item(const struct json *array, size_t i)
{
	return (const struct json *)json_array_get(of(array), i);
}

const char *json_item_string(const struct json *array, size_t i)
{
	return json_string_value(json_array_get(of(array), i));
}
