/* SPDX-License-Identifier: MIT */
#ifndef READER_JSON_H
#define READER_JSON_H
/*
 * The one door to jansson: JSON is built as a tree and then written, or read
 * into one. Strings may hold any bytes; what is not UTF-8 becomes U+FFFD.
 * Keys are ours and valid. Running out of memory ends the process. Main
 * thread only.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct json; /* an object or an array */

/* A new object or array; freed, with everything in it, by json_free(). */
struct json *json_new(void);
struct json *json_new_array(void);
void json_free(struct json *root);

/* Sets a member of an object. */
void json_put_string(struct json *object, const char *key, const char *value);
void json_put_u64(struct json *object, const char *key, uint64_t value);
void json_put_i64(struct json *object, const char *key, int64_t value);
void json_put_f64(struct json *object, const char *key, double value);
void json_put_bool(struct json *object, const char *key, bool value);

/* The same with an empty object or array, which is returned and borrowed. */
struct json *json_put_object(struct json *object, const char *key);
struct json *json_put_array(struct json *object, const char *key);

/* Appends to an array; the object is returned and borrowed. */
struct json *json_append_object(struct json *array);
void json_append_string(struct json *array, const char *value);
void json_append_u64(struct json *array, uint64_t value);
void json_append_f64(struct json *array, double value); /* finite */

/*
 * Writes a tree and a newline: on one line, or indented. False when `out`
 * took less; what stdio still holds back is the caller's to flush and check.
 */
bool json_write(const struct json *root, FILE *out, bool one_line);

/*
 * Reads one value, which must fill the text, from whatever source. Returns
 * NULL for what is no JSON object; else to be freed with json_free().
 */
struct json *json_parse(const char *text, size_t length);

/*
 * Members of an object that was read: all results are borrowed from it. NULL
 * or false, and *ret untouched, where there is no such member or it is of
 * another type. No NULL is dereferenced: an object that is not there has no
 * members.
 */
const struct json *json_get(const struct json *object, const char *key);
const char *json_get_string(const struct json *object, const char *key);
bool json_get_u64(const struct json *object, const char *key, uint64_t *ret);
bool json_get_f64(const struct json *object, const char *key, double *ret);
bool json_get_bool(const struct json *object, const char *key);

/* Of an array: how many items; one of them; one that is a string. */
size_t json_count(const struct json *array);
const struct json *json_item(const struct json *array, size_t i);
const char *json_item_string(const struct json *array, size_t i);

#endif /* READER_JSON_H */
