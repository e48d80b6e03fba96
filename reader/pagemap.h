/* SPDX-License-Identifier: MIT */
#ifndef READER_PAGEMAP_H
#define READER_PAGEMAP_H
/*
 * What of a stretch of a process's memory is resident, from /proc/PID/pagemap.
 * Unlike smaps it can be asked for a part, so that the cost does not rise with
 * the heap. Safe in any thread.
 */
#include <stdbool.h>
#include <stdint.h>

/*
 * Stores the resident bytes between two addresses, in whole pages. Pages that
 * were only read may be the kernel's page of zeros: before Linux 6.7 they
 * count. False when the kernel does not tell, or the process is gone; whether
 * it went meanwhile is for the caller to find out. `fd` is the open file.
 */
bool pagemap_resident(int fd, uint64_t low, uint64_t high, uint64_t *ret_bytes);

#endif /* READER_PAGEMAP_H */
