/* SPDX-License-Identifier: MIT */
/*
 * dlopen and dlmopen, to see what is loaded so that it goes past us: with
 * RTLD_DEEPBIND, or into another namespace, an object finds libc's malloc
 * before ours. It is left to do so, and told. So is C++ that comes in a
 * library, where the provider has a new of its own: what else may come after
 * this call cannot be seen from here.
 *
 * Both end in a jump: the loader must see the caller's address, by which it
 * knows whose RUNPATH to search and in which namespace. The makefile has this
 * file optimised for that, whatever the rest is built with.
 */
#include <dlfcn.h>

#include "preload/cc.h"
#include "preload/next.h"
#include "preload/process.h"

static void note_load(const char *file, int mode)
{
	/* Without a name it is the program itself. */
	if (file && !(mode & RTLD_NOLOAD))
		process_loads_library();
}

EXPORT void *dlopen(const char *file, int mode)
{
	next_resolve();
	if (mode & RTLD_DEEPBIND)
		process_is_bypassed("dlopen was asked for RTLD_DEEPBIND");
	note_load(file, mode);
	return next.dlopen(file, mode);
}

EXPORT void *dlmopen(Lmid_t namespace, const char *file, int mode)
{
	next_resolve();
	if (namespace != LM_ID_BASE)
		process_is_bypassed("dlmopen was asked for another namespace");
	else if (mode & RTLD_DEEPBIND)
		process_is_bypassed("dlmopen was asked for RTLD_DEEPBIND");
	note_load(file, mode);
	return next.dlmopen(namespace, file, mode);
}
