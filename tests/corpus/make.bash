# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Twenty-one compilations, two at a time.
set -e
{
	echo '#include <stdio.h>'
	for i in {1..20}; do
		echo "int f$i(int);"
		echo "int f$i(int x) { return x + $i; }" >"f$i.c"
	done
	echo 'int main(void) { int x = 0;'
	for i in {1..20}; do echo "x = f$i(x);"; done
	echo 'return printf("%d", x) < 0; }'
} >main.c
cat >Makefile <<'END'
.RECIPEPREFIX = >
program: $(patsubst %.c,%.o,$(wildcard *.c))
> @gcc -o $@ $^
%.o: %.c
> @gcc -c -o $@ $<
END
make -j2
./program
