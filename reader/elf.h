/* SPDX-License-Identifier: MIT */
#ifndef READER_ELF_H
#define READER_ELF_H
/*
 * The one door to libelf: what kind of program a file is. The file is not
 * trusted. Main thread only.
 */
#include <stdbool.h>

struct elf_facts {
	bool is_static;   /* no interpreter: nothing is ever preloaded */
	unsigned bits;    /* 32 or 64 */
	unsigned machine; /* e_machine: EM_X86_64 and so on */
};

/* False when it cannot be read or is no ELF file: a script, for one. */
bool elf_inspect(const char *path, struct elf_facts *ret);

#endif /* READER_ELF_H */
