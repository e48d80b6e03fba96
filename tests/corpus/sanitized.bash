# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Builds a small program with a sanitizer: COMPILER SANITIZER
set -e
cat >sanitized.c <<'END'
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static void *work(void *unused)
{
	for (int i = 1; i <= 100; i++) {
		char *volatile block = malloc(i);
		memset(block, 0, i);
		free(block);
	}
	return unused;
}
int main(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, work, NULL) || pthread_join(thread, NULL))
		return 1;
	return puts("sanitized") < 0;
}
END
"$1" -g -fsanitize="$2" -pthread -o sanitized sanitized.c
