/* SPDX-License-Identifier: MIT */
/*
 * Memory of many threads:
 *
 *	crowd THREADS
 *
 * Starts THREADS threads that allocate once and stay, and prints the resident
 * kilobytes of the whole process.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static pthread_barrier_t everyone_is_here, measured;

static void *stay(void *argument)
{
	free(malloc(64));
	pthread_barrier_wait(&everyone_is_here);
	pthread_barrier_wait(&measured);
	return argument;
}

static long resident_kilobytes(void)
{
	FILE *status = fopen("/proc/self/status", "re");
	char line[256];
	long value = 0;

	while (status && fgets(line, sizeof(line), status))
		if (sscanf(line, "VmRSS: %ld kB", &value) == 1)
			break;
	if (status)
		fclose(status);
	return value;
}

int main(int argc, char **argv)
{
	unsigned count = argc > 1 ? (unsigned)atoi(argv[1]) : 1;
	pthread_attr_t attributes;

	pthread_barrier_init(&everyone_is_here, NULL, count + 1);
	pthread_barrier_init(&measured, NULL, count + 1);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, 64 << 10);
	for (unsigned i = 0; i < count; i++) {
		pthread_t t;

		if (pthread_create(&t, &attributes, stay, NULL) != 0) {
			fputs("crowd: cannot start so many threads\n", stderr);
			return 1;
		}
	}
	pthread_barrier_wait(&everyone_is_here);
	printf("%ld\n", resident_kilobytes());
	fflush(stdout);
	_exit(0);
}
