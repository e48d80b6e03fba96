/* SPDX-License-Identifier: MIT */
#ifndef PRELOAD_IMPORTS_H
#define PRELOAD_IMPORTS_H
/*
 * Does the program call a function by name? Start of the process only.
 */
#include <stdbool.h>

#include "preload/object.h"

/*
 * True when a loaded object imports the symbol, other than `but` and the C++
 * libraries themselves. Reads relocations: some 50 microseconds in a large
 * program, so that it is asked only where the answer matters.
 */
bool imports_symbol(const char *symbol, const struct object *but);

#endif /* PRELOAD_IMPORTS_H */
