# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Another C library: the program must not suffer from a preload that was
# built for glibc.
set -e
cat >hello.c <<'END'
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static void *work(void *unused)
{
	for (int i = 1; i <= 100; i++)
		free(realloc(calloc(1, i), 2 * i));
	return unused;
}
int main(void)
{
	pthread_t thread;
	char *text = strdup("hello from musl");

	if (pthread_create(&thread, NULL, work, NULL))
		return 1;
	work(NULL);
	pthread_join(thread, NULL);
	puts(text);
	free(text);
	return 0;
}
END
musl-gcc -o musl-hello hello.c
./musl-hello
