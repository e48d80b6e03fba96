/* SPDX-License-Identifier: MIT */
#ifndef SHM_SYSCALLS_H
#define SHM_SYSCALLS_H
/*
 * The few system calls of the writing half, straight to the kernel: libc's
 * open, close and fallocate are cancellation points, any of them may be
 * interposed by somebody else (fakeroot, faketime), and a child of fork may
 * only do what is signal-safe. Each returns the kernel's result, or -1 with
 * errno set. Included by shm/ and preload/ only.
 */
#include <fcntl.h>
#include <stddef.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

static inline int sys_openat(int directory, const char *name, int flags,
			     unsigned mode)
{
	return (int)syscall(SYS_openat, directory, name, flags, mode);
}

static inline int sys_open(const char *path, int flags, unsigned mode)
{
	return sys_openat(AT_FDCWD, path, flags, mode);
}

static inline int sys_close(int fd)
{
	return (int)syscall(SYS_close, fd);
}

static inline ssize_t sys_read(int fd, void *to, size_t count)
{
	return syscall(SYS_read, fd, to, count);
}

static inline ssize_t sys_write(int fd, const void *from, size_t count)
{
	return syscall(SYS_write, fd, from, count);
}

static inline ssize_t sys_pread(int fd, void *to, size_t count, off_t offset)
{
	return syscall(SYS_pread64, fd, to, count, offset);
}

static inline int sys_fcntl(int fd, int command, void *argument)
{
	return (int)syscall(SYS_fcntl, fd, command, argument);
}

static inline int sys_flock(int fd, int operation)
{
	return (int)syscall(SYS_flock, fd, operation);
}

static inline int sys_ftruncate(int fd, off_t length)
{
	return (int)syscall(SYS_ftruncate, fd, length);
}

static inline int sys_fallocate(int fd, int mode, off_t offset, off_t length)
{
	return (int)syscall(SYS_fallocate, fd, mode, offset, length);
}

static inline int sys_fchmod(int fd, unsigned mode)
{
	return (int)syscall(SYS_fchmod, fd, mode);
}

static inline int sys_fstat(int fd, struct stat *ret)
{
	return (int)syscall(SYS_fstat, fd, ret);
}

static inline int sys_statfs(const char *path, struct statfs *ret)
{
	return (int)syscall(SYS_statfs, path, ret);
}

static inline int sys_getrlimit(int resource, struct rlimit *ret)
{
	return (int)syscall(SYS_prlimit64, 0, resource, NULL, ret);
}

/* The system's time, whatever a library makes the program believe. */
static inline int sys_clock_gettime(clockid_t clock, struct timespec *ret)
{
	return (int)syscall(SYS_clock_gettime, clock, ret);
}

static inline int sys_unlinkat(int directory, const char *name)
{
	return (int)syscall(SYS_unlinkat, directory, name, 0);
}

static inline int sys_unlink(const char *path)
{
	return sys_unlinkat(AT_FDCWD, path);
}

static inline void *sys_mmap(size_t length, int protection, int flags, int fd)
{
	return (void *)syscall(SYS_mmap, NULL, length, protection, flags, fd,
			       (off_t)0);
}

/*
 * Private pages of zeros just there; -1 if something is mapped there. Kernels
 * before 4.17 take the address for a wish only.
 */
static inline int sys_mmap_zeros_at(void *start, size_t length)
{
	void *got = (void *)syscall(SYS_mmap, start, length,
				    PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE |
					    MAP_FIXED_NOREPLACE,
				    -1, (off_t)0);

	if (got == start)
		return 0;
	if (got != MAP_FAILED)
		syscall(SYS_munmap, got, length);
	return -1;
}

static inline int sys_munmap(void *start, size_t length)
{
	return (int)syscall(SYS_munmap, start, length);
}

static inline int sys_madvise(void *start, size_t length, int advice)
{
	return (int)syscall(SYS_madvise, start, length, advice);
}

static inline ssize_t sys_getrandom(void *to, size_t count, unsigned flags)
{
	return syscall(SYS_getrandom, to, count, flags);
}

#endif /* SHM_SYSCALLS_H */
