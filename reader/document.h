/* SPDX-License-Identifier: MIT */
#ifndef READER_DOCUMENT_H
#define READER_DOCUMENT_H
/*
 * The JSON of every command: one schema (`heaptally` and its manual describe
 * it). A key that is absent is not available there; there is no false zero.
 * To add a member, append it: consumers skip what they do not know. Main
 * thread only.
 */
#include "reader/json.h"

/* A document with its head; freed by json_free(). */
struct json *document_new(void);

/* Adds the empty list of processes, and returns it for view_append_json(). */
struct json *document_processes(struct json *document);

/* Sets "time" to now; done by document_processes() once. */
void document_stamp(struct json *document);

#endif /* READER_DOCUMENT_H */
