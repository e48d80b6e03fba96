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
#include "reader/target.h"

/* A document with its head; freed by json_free(). */
struct json *document_new(void);

/* Adds the empty list of processes, and returns it for document_add(). */
struct json *document_processes(struct json *document);

/* Sets "time" to now; done by document_processes() once. */
void document_stamp(struct json *document);

/* Sets who a process is, and its state; then a member "metrics" with all. */
void document_put_identity(struct json *process, const struct target *t);
void document_put_metrics(struct json *process, const struct target *t);

/* Appends one process to the list; returns it, borrowed. */
struct json *document_add(struct json *processes, const struct target *t);

#endif /* READER_DOCUMENT_H */
