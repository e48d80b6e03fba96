/* SPDX-License-Identifier: MIT */
#ifndef PRELOAD_PROVIDER_H
#define PRELOAD_PROVIDER_H
/*
 * Who is behind us, and how much of the target's allocation comes by. These
 * call dladdr and dlsym: at the start of the process, or where a dlopen is
 * about to do the like.
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

/*
 * Is all seen so far, and may a library that is loaded from here on bring
 * calls that go past us? Then the reason is in *ret_reason, which has the
 * room of provider_facts.reason.
 */
bool provider_may_be_passed(const struct provider_facts *facts, char *ret_reason);

#endif /* PRELOAD_PROVIDER_H */
