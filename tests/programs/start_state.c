/* SPDX-License-Identifier: MIT */
/*
 * start_state: prints what a program may see of the state it was started
 * in: errno, dlerror(), the signal mask, dispositions, its descriptors, the
 * lowest free one, threads, umask, and resource limits.
 *
 * Expects the same lines with the tally and without.
 */
#include "expect.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>

int main(void)
{
	int error = errno;
	struct text t = { .length = 0 };
	uint64_t handlers = 0, descriptors = 0;
	sigset_t mask;

	text_line(&t, "errno", (uint64_t)error);
	text_line(&t, "dlerror", dlerror() != NULL);
	for (int i = 0; i < 64; i++)
		if (fcntl(i, F_GETFD) >= 0)
			descriptors |= 1ull << i;
	text_line(&t, "descriptors", descriptors);
	text_line(&t, "lowest", (uint64_t)open("/dev/null", O_RDONLY));
	MUST(!sigprocmask(SIG_BLOCK, NULL, &mask));
	for (int i = 1; i < 64; i++) {
		struct sigaction action;

		if (sigismember(&mask, i) == 1)
			text_line(&t, "blocked", (uint64_t)i);
		if (sigaction(i, NULL, &action) == 0 &&
		    action.sa_handler != SIG_DFL)
			handlers |= 1ull << i;
	}
	text_line(&t, "handlers", handlers);
	text_line(&t, "threads", kernel_threads());
	text_line(&t, "umask", umask(0));
	for (int i = 0; i < RLIM_NLIMITS; i++) {
		struct rlimit limit;

		MUST(!getrlimit((__rlimit_resource_t)i, &limit));
		text_line(&t, "limit", limit.rlim_cur);
	}
	text_write(&t, 1);
	return 0;
}
