/* SPDX-License-Identifier: MIT */
#ifndef READER_ELF_H
#define READER_ELF_H
/*
 * The one door to libelf: what kind of program or library a file is. The file
 * is not trusted: whatever it claims, the work and the memory spent on it are
 * bounded, and strings from it may hold any bytes. Main thread only.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Why a file tells nothing. Texts: elf_error_text(). */
enum elf_error {
	ELF_OK = 0,
	ELF_UNREADABLE,  /* errno tells */
	ELF_NOT_REGULAR, /* a directory, FIFO, device or socket */
	ELF_NOT_ELF,     /* a script, for one */
	ELF_DAMAGED,     /* it begins as one, but does not fit together */
};

/* How much of a file is read. */
enum elf_depth {
	ELF_HEADER,  /* class and machine */
	ELF_DYNAMIC, /* and what the loader sees: libraries, dynamic symbols */
	ELF_WHOLE,   /* and symbols that are not exported */
};

/*
 * What is looked for among the symbols. To add one: here, and its names in
 * elf.c.
 */
enum elf_symbol {
	ELF_MALLOC,
	ELF_CXX_NEW,
	ELF_CXX_STD,     /* strings and files, for which the C++ library calls new */
	ELF_DLOPEN,
	ELF_JEMALLOC,    /* under a prefix, or a call that only jemalloc has */
	ELF_MIMALLOC,
	ELF_TCMALLOC,
	ELF_PARTITION_ALLOC,
	ELF_GC,          /* the collector of Boehm, Demers and Weiser */
	ELF_ASAN,
	ELF_TSAN,
	ELF_MSAN,
	ELF_LSAN,
	ELF_GO,
	ELF_PYTHON,
	ELF_NODE,
	ELF_JAVA,
	ELF_SYMBOLS      /* how many there are */
};

struct elf_facts {
	unsigned bits;         /* 32 or 64 */
	unsigned machine;      /* e_machine: EM_X86_64 and so on */
	bool is_static;        /* no interpreter and no loader: no preloading */
	bool is_pie;           /* can lie anywhere, as libraries do */
	char interpreter[256]; /* PT_INTERP, "" = none */
	char soname[256];
	char *runpath;         /* DT_RUNPATH, else DT_RPATH; NULL = none */
	bool runpath_is_rpath; /* which also counts for libraries further down */
	char **needed;         /* DT_NEEDED in order */
	size_t needed_count;
	/* Bits 1u << enum elf_symbol: */
	unsigned imports;      /* wanted from other objects */
	unsigned exports;      /* defined, and visible to other objects */
	unsigned hidden;       /* defined, and not visible */
	uint64_t bytes_read;   /* about the work it took */
};

/*
 * Reads a file; `path` may also be one of /proc. On ELF_OK *ret is filled and
 * to be given to elf_release(), else it is empty.
 */
enum elf_error elf_inspect(const char *path, enum elf_depth depth,
			   struct elf_facts *ret);
void elf_release(struct elf_facts *facts);

/* Lower-case, for use after "PATH: "; errno as elf_inspect() left it. */
const char *elf_error_text(enum elf_error error);

/* "64-bit x86-64"; the machine is a number where it has no name here. Valid
 * until the next call. */
const char *elf_kind_text(const struct elf_facts *facts);

static inline bool elf_same_kind(const struct elf_facts *a,
				 const struct elf_facts *b)
{
	return a->bits == b->bits && a->machine == b->machine;
}

#endif /* READER_ELF_H */
