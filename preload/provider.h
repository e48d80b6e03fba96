/* SPDX-License-Identifier: MIT */
#ifndef PRELOAD_PROVIDER_H
#define PRELOAD_PROVIDER_H
/*
 * Who is behind us, and how much of the target's allocation comes by. Start
 * of the process only: these call dladdr and dlsym.
 */
#include <stdbool.h>

#include "shm/layout.h"

struct provider_facts {
	char name[48];         /* "glibc 2.36", else the library's file name */
	bool inline_bytes;     /* glibc's chunk header is as we know it */
	enum coverage coverage;
	char reason[72];       /* why not full; "" when full */
};

/* Finds out. With libc's allocator, no block is allocated for it. */
void provider_examine(struct provider_facts *ret);

#endif /* PRELOAD_PROVIDER_H */
