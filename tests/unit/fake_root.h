/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_FAKE_ROOT_H
#define TESTS_UNIT_FAKE_ROOT_H
/*
 * Directories that look like /proc and /sys/fs/cgroup of some machine, inside
 * the sandbox. A test makes one with fake_root(), fills it with fake_file(),
 * and hands fake.path to what it tests.
 */
#include "tests/unit/sandbox.h"

static struct {
	char path[128];  /* of the root */
	int process_fd;  /* its /proc/42 */
} fake = { .process_fd = -1 };

/* An empty file where text is NULL, so that it is there. */
static inline void fake_file(const char *name, const char *text)
{
	char path[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", fake.path, name);
	for (char *at = path + strlen(fake.path) + 1; (at = strchr(at, '/'));
	     at++) {
		*at = '\0';
		if (mkdir(path, 0755) != 0 && errno != EEXIST)
			sandbox_fail(path);
		*at = '/';
	}
	file = fopen(path, "we");
	if (!file || fputs(text ? text : "", file) < 0 || fclose(file) != 0)
		sandbox_fail(path);
}

/* A file of the process. */
static inline void fake_process(const char *name, const char *text)
{
	char path[256];

	snprintf(path, sizeof(path), "proc/42/%s", name);
	fake_file(path, text);
}

/* Begins anew, with a process of which nothing is known. */
static inline void fake_root(void)
{
	static unsigned count;
	char path[160];

	if (fake.process_fd >= 0)
		close(fake.process_fd);
	snprintf(fake.path, sizeof(fake.path), "%s/root%u", sandbox.path,
		 count++);
	if (mkdir(fake.path, 0755) != 0)
		sandbox_fail(fake.path);
	fake_process("comm", "fake\n");
	snprintf(path, sizeof(path), "%s/proc/42", fake.path);
	fake.process_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fake.process_fd < 0)
		sandbox_fail(path);
}

#endif /* TESTS_UNIT_FAKE_ROOT_H */
