/* SPDX-License-Identifier: MIT */
/*
 * dlopen and dlmopen, to see what is loaded so that it goes past us: with
 * RTLD_DEEPBIND, or into another namespace, an object finds libc's malloc
 * before ours. It is left to do so, and told.
 *
 * Both end in a jump: the loader must see the caller's address, by which it
 * knows whose RUNPATH to search and in which namespace.
 */
#include <dlfcn.h>

#include "preload/cc.h"
#include "preload/next.h"
#include "preload/process.h"

EXPORT void *dlopen(const char *file, int mode)
{
	next_resolve();
	if (mode & RTLD_DEEPBIND)
		process_is_bypassed("dlopen was asked for RTLD_DEEPBIND");
	return next.dlopen(file, mode);
}

EXPORT void *dlmopen(Lmid_t namespace, const char *file, int mode)
{
	next_resolve();
	if (namespace != LM_ID_BASE)
		process_is_bypassed("dlmopen was asked for another namespace");
	else if (mode & RTLD_DEEPBIND)
		process_is_bypassed("dlmopen was asked for RTLD_DEEPBIND");
	return next.dlmopen(namespace, file, mode);
}
