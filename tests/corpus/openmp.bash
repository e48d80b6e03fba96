# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Two OpenMP threads that allocate.
set -e
cat >omp.c <<'END'
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
int main(void)
{
	long sum = 0;
#pragma omp parallel for num_threads(2) reduction(+ : sum)
	for (int i = 1; i <= 1000; i++) {
		int *block = malloc(sizeof(int) * i);
		block[i - 1] = i;
		sum += block[i - 1];
		free(block);
	}
	return printf("sum %ld\n", sum) < 0;
}
END
gcc -O0 -fopenmp -o omp omp.c
./omp
