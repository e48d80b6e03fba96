/* SPDX-License-Identifier: MIT */
#ifndef READER_TABLE_H
#define READER_TABLE_H
/*
 * Rows of text in aligned columns. The cells are kept until printed, as the
 * widths are those of the widest. Put foreign text into the last column: its
 * width is not counted. Running out of memory ends the process. Main thread
 * only.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "reader/style.h"

struct column {
	const char *head;
	bool right; /* aligned so: numbers */
};

struct table;

/* `columns` must outlive the table; freed with table_free(). */
struct table *table_new(const struct column *columns, size_t count);
void table_free(struct table *t);

/* Starts a row; its cells follow, one call for each column, left to right. */
void table_row(struct table *t, enum style style);
__attribute__((format(printf, 2, 3)))
void table_cell(struct table *t, const char *format, ...);

/* Writes heads and rows, each line after `indent` spaces. */
void table_print(const struct table *t, FILE *out, int indent);

#endif /* READER_TABLE_H */
