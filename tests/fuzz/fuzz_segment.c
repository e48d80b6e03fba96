/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer target: any bytes as a segment file. The parser must refuse them
 * or give back an attachment that keeps every promise of snapshot.h, also
 * when the file shrinks afterwards; crashes, sanitizer reports and broken
 * promises are the findings.
 *
 * Attaching goes by name, so the bytes go through one file in a tmpfs
 * directory that is made once and rewritten for each input.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shm/snapshot.h"
#include "tests/fuzz/inspect.h"

#define PARENT    "/dev/shm"
#define PREFIX    "ht-fuzz."
#define FILE_NAME "heaptally.1.1"
#define INPUT_MAX (1u << 20)

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static struct {
	char directory[64];
	int dirfd;
	int fd;
	pid_t owner;
} fuzz;

static void fail(const char *what)
{
	fprintf(stderr, "fuzz_segment: %s\n", what);
	abort();
}

static void remove_directory(const char *path)
{
	int dirfd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (dirfd < 0)
		return;
	unlinkat(dirfd, FILE_NAME, 0);
	close(dirfd);
	rmdir(path);
}

static void remove_own_directory(void)
{
	if (getpid() == fuzz.owner)
		remove_directory(fuzz.directory);
}

/* A crash ends in _exit, without atexit: the next run clears up after it. */
static void remove_leftovers(void)
{
	char path[sizeof(PARENT) + 256 + 1];
	DIR *dir = opendir(PARENT);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		if (strncmp(entry->d_name, PREFIX, strlen(PREFIX)) != 0)
			continue;
		if (kill(atoi(entry->d_name + strlen(PREFIX)), 0) == 0 ||
		    errno != ESRCH)
			continue;
		snprintf(path, sizeof(path), PARENT "/%s", entry->d_name);
		remove_directory(path);
	}
	if (dir)
		closedir(dir);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	remove_leftovers();
	fuzz.owner = getpid();
	snprintf(fuzz.directory, sizeof(fuzz.directory), PARENT "/" PREFIX "%d",
		 (int)fuzz.owner);
	if (mkdir(fuzz.directory, 0700) != 0)
		fail("cannot make a directory in " PARENT);
	atexit(remove_own_directory);
	fuzz.dirfd = open(fuzz.directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fuzz.fd = openat(fuzz.dirfd, FILE_NAME,
			 O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fuzz.dirfd < 0 || fuzz.fd < 0)
		fail("cannot make the file");
	return 0;
}

static void write_input(const uint8_t *bytes, size_t count)
{
	if (ftruncate(fuzz.fd, (off_t)count) != 0 ||
	    pwrite(fuzz.fd, bytes, count, 0) != (ssize_t)count)
		fail("cannot write the file");
}

static void inspect_or_fail(const struct attachment *a)
{
	enum attach_error error;
	const char *complaint = inspect_attachment(a, &error);

	if (complaint)
		fail(complaint);
}

/* As it is, then with the slots cut off under the mapping. */
static void use(struct attachment *a)
{
	inspect_or_fail(a);
	if (!attach_is_current(a, fuzz.dirfd, FILE_NAME))
		fail("the file is said to be another one");
	if (ftruncate(fuzz.fd, 2 * sysconf(_SC_PAGESIZE)) != 0)
		fail("cannot shorten the file");
	inspect_or_fail(a);
}

static void check_error(enum attach_error error)
{
	const char *text = attach_error_text(error);

	if ((unsigned)error >= ATTACH_ERRORS || !text || !*text)
		fail("an error without a text");
	if (error == ATTACH_GONE || error == ATTACH_DENIED ||
	    error == ATTACH_NOT_REGULAR || error == ATTACH_FOREIGN ||
	    error == ATTACH_SYSTEM)
		fail("an error that no content can cause");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	struct attachment *a = NULL;
	enum attach_error error;

	if (count > INPUT_MAX)
		return -1;
	write_input(bytes, count);
	error = attach_open(&a, fuzz.dirfd, FILE_NAME, 0);
	if (error == ATTACH_OK) {
		use(a);
		attach_close(a);
	} else {
		check_error(error);
		if (a)
			fail("a failed attach_open() stored something");
	}
	return 0;
}
