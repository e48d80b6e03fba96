/* SPDX-License-Identifier: MIT */
/*
 * Those who remove segments, against each other: at the moment of removal a
 * second one tries to do the same. The moment is found by standing in for
 * syscall(2), by which the writing half talks to the kernel.
 */
#include <dlfcn.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <utime.h>

#include "shm/leftovers.h"
#include "shm/segment.h"
#include "shm/snapshot.h"
#include "tests/unit/own_segment.h"
#include "tests/unit/tap.h"

/* What the second one finds when the first is about to remove a file. */
static struct {
	bool looks_dead;       /* to readers */
	bool can_be_swept;     /* by another sweeper */
	unsigned calls;
} found;

static char name[NAME_MAX];

/* As sweepers do: what a living writer, or another of them, stands against. */
static bool take_locks(int fd)
{
	struct flock lock = { .l_type = F_RDLCK, .l_whence = SEEK_SET };

	return fcntl(fd, F_OFD_SETLK, &lock) == 0 &&
	       flock(fd, LOCK_EX | LOCK_NB) == 0;
}

static void at_unlink(void)
{
	struct attachment *a = NULL;
	int fd = openat(sandbox.dirfd, name, O_RDONLY | O_CLOEXEC);

	if (attach_open(&a, sandbox.dirfd, name, 0) != ATTACH_OK || fd < 0)
		return;
	found.calls++;
	found.looks_dead = attach_state(a) != TARGET_LIVE;
	found.can_be_swept = take_locks(fd);
	close(fd);
	attach_close(a);
}

long syscall(long number, ...)
{
	long (*next)(long, ...) = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
	long a[6];
	va_list arguments;

	va_start(arguments, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(arguments, long);
	va_end(arguments);
	if (number == SYS_unlinkat)
		at_unlink();
	return next(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

/* That of a process that was, and has been waited for. */
static pid_t free_pid(void)
{
	pid_t child = fork();

	if (child < 0)
		sandbox_fail("fork");
	if (child == 0)
		_exit(0);
	wait_for(child);
	return child;
}

static void remember(const struct segment *s)
{
	memset(&found, 0, sizeof(found));
	snprintf(name, sizeof(name), "%s", own_name(s));
}

/* A segment of a process that is gone, and old enough to be removed. */
static void make_leftover(struct segment *ret)
{
	struct segment_request request = own_request();
	struct utimbuf long_ago = { .actime = 1, .modtime = 1 };

	request.pid = free_pid();
	create_or_die(ret, &request);
	segment_publish(ret);
	drop(ret);
	utime(ret->path, &long_ago);
	remember(ret);
}

static void test_leftovers_look_dead(void)
{
	struct segment s;

	make_leftover(&s);
	ok(leftovers_remove(sandbox.path, geteuid()), "it is removed");
	is_u64(found.calls, 1, "somebody looked meanwhile");
	ok(found.looks_dead, "whoever is removing it does not make it look alive");
	ok(!found.can_be_swept, "nobody else can sweep it meanwhile");
}

/* A lock held by the test, as another sweeper or the writer would. */
static void test_leftovers_of_another(short type, bool swept, bool removed)
{
	struct flock lock = { .l_type = type, .l_whence = SEEK_SET };
	struct segment s;
	int fd;

	make_leftover(&s);
	fd = open(s.path, O_RDWR | O_CLOEXEC);
	ok(fd >= 0 && fcntl(fd, F_OFD_SETLK, &lock) == 0 &&
	   (!swept || flock(fd, LOCK_EX | LOCK_NB) == 0), "locked");
	ok(leftovers_remove(sandbox.path, geteuid()) == removed,
	   "removed only where nobody else is at it");
	close(fd);
	unlink(s.path);
}

/* exec: the earlier image's file goes, and no sweeper may be amid it. */
static void test_earlier_image(void)
{
	struct segment_request request = own_request();
	struct segment old, new;

	create_or_die(&old, &request);
	segment_publish(&old);
	remember(&old);
	drop(&old);
	create_or_die(&new, &request);
	is_u64(found.calls, 1, "the earlier file is removed");
	ok(!found.can_be_swept, "nobody can sweep it meanwhile");
	is_str(own_name(&new), name, "its name is taken over");
	is_u64(new.header->exec_count, 1, "the exec is counted");
	drop_and_unlink(&new);
}

/* The name is then left to the sweeper, who is about to remove it. */
static void test_earlier_image_swept(void)
{
	struct segment_request request = own_request();
	struct segment old, new;
	int fd;

	create_or_die(&old, &request);
	segment_publish(&old);
	remember(&old);
	drop(&old);
	fd = open(old.path, O_RDONLY | O_CLOEXEC);
	ok(fd >= 0 && take_locks(fd), "a sweeper is at it");
	create_or_die(&new, &request);
	is_u64(found.calls, 0, "the earlier file is left alone");
	ok(strcmp(own_name(&new), name) != 0, "the new one has another name");
	close(fd);
	unlink(old.path);
	drop_and_unlink(&new);
}

int main(void)
{
	sandbox_init();
	RUN(test_leftovers_look_dead());
	RUN(test_leftovers_of_another(F_RDLCK, false, true));
	RUN(test_leftovers_of_another(F_RDLCK, true, false));
	RUN(test_leftovers_of_another(F_WRLCK, false, false));
	RUN(test_earlier_image());
	RUN(test_earlier_image_swept());
	return done();
}
