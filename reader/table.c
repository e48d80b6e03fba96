/* SPDX-License-Identifier: MIT */
#include "reader/table.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "reader/report.h"

struct table {
	const struct column *columns;
	size_t column_count;
	char **cells;        /* row by row */
	size_t cell_count;
	size_t cell_room;
	enum style *styles;  /* one a row */
	size_t row_count;
	size_t row_room;
	size_t *widths;
};

struct table *table_new(const struct column *columns, size_t count)
{
	struct table *t = report_oom(calloc(1, sizeof(*t)));

	t->columns = columns;
	t->column_count = count;
	t->widths = report_oom(calloc(count, sizeof(*t->widths)));
	for (size_t i = 0; i < count; i++)
		t->widths[i] = strlen(columns[i].head);
	return t;
}

void table_free(struct table *t)
{
	for (size_t i = 0; i < t->cell_count; i++)
		free(t->cells[i]);
	free(t->cells);
	free(t->styles);
	free(t->widths);
	free(t);
}

/* Makes room for one more element; returns the array, perhaps moved. */
static void *grown(void *array, size_t count, size_t *room, size_t each_bytes)
{
	if (count < *room)
		return array;
	*room = *room ? *room * 2 : 64;
	return report_oom(reallocarray(array, *room, each_bytes));
}

void table_row(struct table *t, enum style style)
{
	t->styles = grown(t->styles, t->row_count, &t->row_room,
			  sizeof(*t->styles));
	t->styles[t->row_count++] = style;
}

void table_cell(struct table *t, const char *format, ...)
{
	size_t column = t->cell_count % t->column_count;
	char *text = NULL;
	va_list arguments;

	va_start(arguments, format);
	if (vasprintf(&text, format, arguments) < 0)
		text = NULL;
	va_end(arguments);
	text = report_oom(text);
	t->cells = grown(t->cells, t->cell_count, &t->cell_room,
			 sizeof(*t->cells));
	t->cells[t->cell_count++] = text;
	if (strlen(text) > t->widths[column])
		t->widths[column] = strlen(text);
}

static void print_cell(const struct table *t, FILE *out, size_t column,
		       const char *text)
{
	int width = (int)t->widths[column];
	bool last = column + 1 == t->column_count;

	if (t->columns[column].right)
		fprintf(out, "%*s", width, text);
	else
		fprintf(out, "%-*s", last ? 0 : width, text);
	if (!last)
		fputs("  ", out);
}

void table_print(const struct table *t, FILE *out, int indent)
{
	size_t cell = 0;

	fprintf(out, "%*s", indent, "");
	style_set(out, STYLE_BOLD);
	for (size_t i = 0; i < t->column_count; i++)
		print_cell(t, out, i, t->columns[i].head);
	style_set(out, STYLE_PLAIN);
	fputc('\n', out);
	for (size_t row = 0; row < t->row_count; row++) {
		fprintf(out, "%*s", indent, "");
		if (t->styles[row] != STYLE_PLAIN)
			style_set(out, t->styles[row]);
		for (size_t i = 0; i < t->column_count; i++, cell++)
			print_cell(t, out, i, t->cells[cell]);
		if (t->styles[row] != STYLE_PLAIN)
			style_set(out, STYLE_PLAIN);
		fputc('\n', out);
	}
}
