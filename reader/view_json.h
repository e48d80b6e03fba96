/* SPDX-License-Identifier: MIT */
#ifndef READER_VIEW_JSON_H
#define READER_VIEW_JSON_H
/*
 * A view as a member of a document (document.h). A key that is absent from
 * "metrics" is not available there; there is no false zero. To add a member,
 * append it: consumers skip what they do not know. Main thread only.
 */
#include "reader/json.h"
#include "reader/view.h"

/*
 * Appends the process to a list: who it is, metrics, what is unavailable.
 * Returns it, borrowed.
 */
struct json *view_append_json(struct json *processes, const struct view *v);

/* Sets who it is, and its state. */
void view_put_identity(struct json *process, const struct view *v);

/* Sets "metrics". */
void view_put_metrics(struct json *process, const struct view *v);

/*
 * Sets "unavailable", the reason by key, of what was asked for and could not
 * be known; nothing where that is for the process having ended or the tally
 * seeing nothing of it, which "state" and "coverage" tell.
 */
void view_put_unavailable(struct json *process, const struct view *v);

#endif /* READER_VIEW_JSON_H */
