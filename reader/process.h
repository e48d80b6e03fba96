/* SPDX-License-Identifier: MIT */
#ifndef READER_PROCESS_H
#define READER_PROCESS_H
/*
 * What /proc knows of a process. Only for processes of our own pid namespace:
 * a pid of another one names a stranger here. Every look verifies the start
 * time, so that a recycled pid is never taken for the target. Safe in any
 * thread.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reader/procfile.h"

/* Inode of our pid namespace, 0 = unknown. */
uint64_t process_namespace(void);

/*
 * Stores the start time in clock ticks after boot and the state letter
 * ('Z' = ended, not waited for). False when there is no such process.
 */
bool process_start(int pid, uint64_t *ret_starttime_ticks, char *ret_state);

/*
 * True while that very process runs; a zombie has ended. With start time 0
 * (unknown) any process of that pid will do.
 */
bool process_runs(int pid, uint64_t starttime_ticks);

/*
 * Opens /proc/PID of that very process, for the caller to close; -1 when it
 * does not run. Files below cannot be opened any more once it is gone, even
 * if the pid is used again.
 */
int process_open(int pid, uint64_t starttime_ticks);

/* Seconds since a start time; negative when it is unknown or in the future. */
double process_age_seconds(uint64_t starttime_ticks);

/* Start time as Unix time, to the clock tick; 0 when it cannot be told. */
uint64_t process_start_realtime_ns(uint64_t starttime_ticks);

/* A field is present when its bit is set. */
enum process_memory_field {
	PROCESS_RESIDENT,
	PROCESS_ANONYMOUS,
	PROCESS_VIRTUAL,
	PROCESS_MEMORY_FIELDS
};

struct process_memory {
	unsigned present; /* 1u << enum process_memory_field */
	uint64_t bytes[PROCESS_MEMORY_FIELDS];
	uint64_t threads; /* stands in the same file; 0 = not known */
};

/*
 * Reads the kernel's view of that very process's memory, all fields from one
 * read of its status file. False, with nothing present, when it is gone.
 * Allocates nothing.
 */
bool process_memory(struct procfile *file, int pid, uint64_t starttime_ticks,
		    struct process_memory *ret);

/*
 * Stores the path of the executable, as the kernel gives it. False where it
 * may not be known: another user's process, a kernel thread, or it is gone.
 */
bool process_executable(int pid, char *path, size_t path_bytes);

/*
 * Counts the processes, among those we may look at, that were started with
 * that "NAME=value" in their environment, zombies and this one left out. Walks
 * all of /proc.
 */
size_t process_count_environment(const char *assignment);

/*
 * Returns the value of a variable in the environment that a process was
 * started with, freed by the caller; NULL where it has none or we may not
 * look.
 */
char *process_variable(int pid, const char *name);

/*
 * True when a process gained rights as it began its program, so that the
 * loader did not obey its environment. Only for processes we may look at.
 */
bool process_is_secure(int pid);

/*
 * Stores the kernel's name of a process, also of a zombie; "" when there is
 * none.
 */
void process_name(int pid, char *name, size_t name_bytes);

/* Effective uid of a process; false when there is none. */
bool process_uid(int pid, unsigned *ret_uid);

#endif /* READER_PROCESS_H */
