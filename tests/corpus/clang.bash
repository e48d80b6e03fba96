# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Compiles with a warning, whose text is the same each time.
cat >warned.c <<'END'
#include <stdio.h>
#include <stdlib.h>
int main(void) { int unused = 1; return puts("hello") < 0; }
END
clang -Wall -O2 -c warned.c && nm -P warned.o
