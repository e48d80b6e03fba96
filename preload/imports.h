/* SPDX-License-Identifier: MIT */
#ifndef PRELOAD_IMPORTS_H
#define PRELOAD_IMPORTS_H
/*
 * What the program calls by name. Start of the process only.
 */
#include "preload/object.h"

/* Is called with each symbol as often as there are relocations for it. */
typedef void imports_visit(const char *symbol, void *argument);

/*
 * Visits what loaded objects import, other than `but` and the C++ libraries
 * themselves. Reads relocations: some 50 microseconds in a large program, so
 * that it is asked only where the answer matters.
 */
void imports_each(imports_visit *visit, void *argument, const struct object *but);

#endif /* PRELOAD_IMPORTS_H */
