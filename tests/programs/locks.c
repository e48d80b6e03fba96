/* SPDX-License-Identifier: MIT */
/*
 * locks mutex|rdlock|wrlock N: takes and gives back a lock that is free, N
 * times, nothing else. The work that is counted in instructions.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;

int main(int argc, char **argv)
{
	const char *kind = argc > 1 ? argv[1] : "mutex";
	long n = argc > 2 ? atol(argv[2]) : 1;

	if (strcmp(kind, "mutex") == 0) {
		while (n-- > 0) {
			pthread_mutex_lock(&mutex);
			pthread_mutex_unlock(&mutex);
		}
	} else if (strcmp(kind, "rdlock") == 0) {
		while (n-- > 0) {
			pthread_rwlock_rdlock(&rwlock);
			pthread_rwlock_unlock(&rwlock);
		}
	} else {
		while (n-- > 0) {
			pthread_rwlock_wrlock(&rwlock);
			pthread_rwlock_unlock(&rwlock);
		}
	}
	return 0;
}
