/* SPDX-License-Identifier: MIT */
#ifndef READER_DIAGNOSE_H
#define READER_DIAGNOSE_H
/*
 * Why something was not observed, as far as can be told from outside. The
 * answers are clauses for use after "PID: " and are valid until the next
 * call. Main thread only.
 */

/* Why a process has no segment that we found. */
const char *diagnose_process(int pid);

/*
 * Why a program that was started with `libraries` preloaded, a list that ends
 * in NULL, left no segment. It is looked up as execvp() does.
 */
const char *diagnose_program(const char *program,
			     const char *const *libraries);

#endif /* READER_DIAGNOSE_H */
