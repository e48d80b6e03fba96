/* SPDX-License-Identifier: MIT */
#include "reader/elf.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reader/report.h"

/* Above all that real programs have; a file that claims more is cut there. */
#define PROGRAM_HEADERS_MAX 512u
#define DYNAMIC_BYTES_MAX   (256u << 10)
#define STRINGS_BYTES_MAX   (128u << 20)
#define SYMBOLS_BYTES_MAX   (128u << 20)
#define NEEDED_MAX          256u
#define NAME_MAX_BYTES      255u
#define RUNPATH_MAX         4096u

/* A '*' at the end stands for anything; '@' in a file ends a name. */
static const struct {
	enum elf_symbol symbol;
	const char *name;
} symbol_names[] = {
	{ ELF_MALLOC, "malloc" },
	{ ELF_CXX_NEW, "_Znwm*" }, /* operator new(unsigned long, ...) */
	{ ELF_CXX_NEW, "_Znam*" }, /* operator new[](unsigned long, ...) */
	{ ELF_CXX_NEW, "_Znwj*" }, /* the same for unsigned int */
	{ ELF_CXX_NEW, "_Znaj*" },
	{ ELF_CXX_STD, "_ZNSt7__cxx11*" }, /* std::string, of libstdc++ */
	{ ELF_CXX_STD, "_ZNSs*" }, /* its older one */
	{ ELF_CXX_STD, "_ZNSt13basic_f*" }, /* std::fstream, filebuf */
	{ ELF_CXX_STD, "_ZNSt14basic_*" }, /* ifstream, ofstream */
	{ ELF_CXX_STD, "_ZNSt10filesystem*" },
	{ ELF_CXX_STD, "_ZNSt3__112basic_string*" }, /* of libc++ */
	{ ELF_DLOPEN, "dlopen" },
	{ ELF_DLOPEN, "dlmopen" },
	{ ELF_JEMALLOC, "mallocx" },
	{ ELF_JEMALLOC, "rallocx" },
	{ ELF_JEMALLOC, "je_malloc" },
	{ ELF_JEMALLOC, "je_mallocx" },
	{ ELF_JEMALLOC, "_rjem_malloc" },
	{ ELF_JEMALLOC, "_rjem_mallocx" },
	{ ELF_MIMALLOC, "mi_malloc" },
	{ ELF_MIMALLOC, "mi_malloc_aligned" },
	{ ELF_TCMALLOC, "tc_malloc" },
	{ ELF_TCMALLOC, "TCMallocInternalMalloc" },
	{ ELF_PARTITION_ALLOC, "_ZN15partition_alloc*" },
	{ ELF_PARTITION_ALLOC, "_ZN14PartitionAlloc*" },
	{ ELF_PARTITION_ALLOC, "_ZN4base13PartitionRoot*" },
	{ ELF_GC, "GC_malloc" },
	{ ELF_ASAN, "__asan_init" },
	{ ELF_TSAN, "__tsan_init" },
	{ ELF_MSAN, "__msan_init" },
	{ ELF_LSAN, "__lsan_init" },
	{ ELF_GO, "runtime.goexit" },
	{ ELF_PYTHON, "Py_BytesMain" },
	{ ELF_NODE, "node_module_register" },
	{ ELF_JAVA, "JLI_Launch" },
};

#define SYMBOL_NAMES (sizeof(symbol_names) / sizeof(symbol_names[0]))

/* A file being read. */
struct image {
	Elf *elf;
	uint64_t file_bytes;
	size_t header_count;
	struct elf_facts *facts;
};

static bool matches(const char *name, const char *wanted)
{
	for (; *wanted; name++, wanted++) {
		if (*wanted == '*')
			return true;
		if (*name != *wanted)
			return false;
	}
	return *name == '\0' || *name == '@';
}

static unsigned symbol_bit(const char *name)
{
	for (size_t i = 0; i < SYMBOL_NAMES; i++)
		if (matches(name, symbol_names[i].name))
			return 1u << symbol_names[i].symbol;
	return 0;
}

/*
 * Reads a piece of the file, cut to `most` bytes; NULL when it is empty or
 * not within the file. Freed together with the image.
 */
static Elf_Data *read_piece(struct image *image, uint64_t offset,
			    uint64_t bytes, size_t most, Elf_Type type)
{
	if (bytes > most)
		bytes = most;
	if (!bytes || offset > INT64_MAX)
		return NULL;
	image->facts->bytes_read += bytes;
	return elf_getdata_rawchunk(image->elf, (int64_t)offset, (size_t)bytes,
				    type);
}

/* A table of strings, cut behind the last one that ends in it. */
static Elf_Data *read_strings(struct image *image, uint64_t offset,
			      uint64_t bytes)
{
	Elf_Data *strings = read_piece(image, offset, bytes,
				       STRINGS_BYTES_MAX, ELF_T_BYTE);

	if (!strings)
		return NULL;
	while (strings->d_size &&
	       ((const char *)strings->d_buf)[strings->d_size - 1])
		strings->d_size--;
	return strings;
}

/* The string at an offset of such a table, NULL where there is none. */
static const char *string_at(const Elf_Data *strings, uint64_t offset)
{
	return strings && offset < strings->d_size ?
		(const char *)strings->d_buf + offset : NULL;
}

/* ---- program headers ---- */

static bool find_header(const struct image *image, unsigned type,
			GElf_Phdr *ret)
{
	for (size_t i = 0; i < image->header_count; i++)
		if (gelf_getphdr(image->elf, (int)i, ret) &&
		    ret->p_type == type)
			return true;
	return false;
}

static void read_interpreter(struct image *image)
{
	struct elf_facts *facts = image->facts;
	GElf_Phdr header;
	Elf_Data *data;

	if (!find_header(image, PT_INTERP, &header))
		return;
	data = read_piece(image, header.p_offset, header.p_filesz,
			  sizeof(facts->interpreter) - 1, ELF_T_BYTE);
	/* Never empty, which would say that there is none. */
	snprintf(facts->interpreter, sizeof(facts->interpreter), "%.*s",
		 data ? (int)data->d_size : 1,
		 data ? (const char *)data->d_buf : "?");
}

/* Where an address of the loaded program is in the file. */
static bool file_offset(const struct image *image, uint64_t address,
			uint64_t *ret)
{
	GElf_Phdr header;

	for (size_t i = 0; i < image->header_count; i++)
		if (gelf_getphdr(image->elf, (int)i, &header) &&
		    header.p_type == PT_LOAD && address >= header.p_vaddr &&
		    address - header.p_vaddr < header.p_filesz) {
			*ret = header.p_offset + (address - header.p_vaddr);
			return true;
		}
	return false;
}

/* ---- the dynamic section ---- */

static bool find_entry(Elf_Data *dynamic, int64_t tag, uint64_t *ret)
{
	GElf_Dyn entry;

	for (int i = 0; gelf_getdyn(dynamic, i, &entry); i++) {
		if (entry.d_tag == DT_NULL)
			return false;
		if (entry.d_tag == tag) {
			*ret = entry.d_un.d_val;
			return true;
		}
	}
	return false;
}

static Elf_Data *dynamic_strings(struct image *image, Elf_Data *dynamic)
{
	uint64_t address, bytes, offset;

	if (!find_entry(dynamic, DT_STRTAB, &address) ||
	    !find_entry(dynamic, DT_STRSZ, &bytes) ||
	    !file_offset(image, address, &offset))
		return NULL;
	return read_strings(image, offset, bytes);
}

static void add_needed(struct elf_facts *facts, const char *name)
{
	if (!name || !*name ||
	    strnlen(name, NAME_MAX_BYTES + 1) > NAME_MAX_BYTES ||
	    facts->needed_count == NEEDED_MAX)
		return;
	facts->needed = report_oom(reallocarray(facts->needed,
						facts->needed_count + 1,
						sizeof(*facts->needed)));
	facts->needed[facts->needed_count++] = report_oom(strdup(name));
}

static void set_runpath(struct elf_facts *facts, const char *path, bool rpath)
{
	/* DT_RPATH is ignored where there is a DT_RUNPATH. */
	if (!path || !*path || strnlen(path, RUNPATH_MAX + 1) > RUNPATH_MAX ||
	    (rpath && facts->runpath))
		return;
	free(facts->runpath);
	facts->runpath = report_oom(strdup(path));
	facts->runpath_is_rpath = rpath;
}

static void read_entry(struct elf_facts *facts, const GElf_Dyn *entry,
		       const Elf_Data *strings)
{
	const char *text = string_at(strings, entry->d_un.d_val);

	switch (entry->d_tag) {
	case DT_NEEDED:
		add_needed(facts, text);
		break;
	case DT_RUNPATH:
		set_runpath(facts, text, false);
		break;
	case DT_RPATH:
		set_runpath(facts, text, true);
		break;
	case DT_SONAME:
		snprintf(facts->soname, sizeof(facts->soname), "%.255s",
			 text ? text : "");
		break;
	}
}

static void read_dynamic(struct image *image)
{
	GElf_Phdr header;
	GElf_Dyn entry;
	Elf_Data *dynamic, *strings;

	if (!find_header(image, PT_DYNAMIC, &header))
		return;
	dynamic = read_piece(image, header.p_offset, header.p_filesz,
			     DYNAMIC_BYTES_MAX, ELF_T_DYN);
	if (!dynamic)
		return;
	strings = dynamic_strings(image, dynamic);
	for (int i = 0; gelf_getdyn(dynamic, i, &entry); i++) {
		if (entry.d_tag == DT_NULL)
			break;
		read_entry(image->facts, &entry, strings);
	}
}

/* ---- sections and their symbols ---- */

static void note_symbol(struct elf_facts *facts, const GElf_Sym *symbol,
			unsigned bit, bool is_dynamic)
{
	unsigned visibility = GELF_ST_VISIBILITY(symbol->st_other);

	if (symbol->st_shndx == SHN_UNDEF)
		facts->imports |= is_dynamic ? bit : 0;
	else if (is_dynamic && GELF_ST_BIND(symbol->st_info) != STB_LOCAL &&
		 (visibility == STV_DEFAULT || visibility == STV_PROTECTED))
		facts->exports |= bit;
	else
		facts->hidden |= bit;
}

static void read_symbols(struct image *image, const GElf_Shdr *table)
{
	Elf_Scn *section = elf_getscn(image->elf, table->sh_link);
	bool is_dynamic = table->sh_type == SHT_DYNSYM;
	Elf_Data *symbols, *strings;
	GElf_Shdr header;
	GElf_Sym symbol;

	if (!section || !gelf_getshdr(section, &header) ||
	    header.sh_type != SHT_STRTAB)
		return;
	symbols = read_piece(image, table->sh_offset, table->sh_size,
			     SYMBOLS_BYTES_MAX, ELF_T_SYM);
	strings = read_strings(image, header.sh_offset, header.sh_size);
	if (!symbols || !strings)
		return;
	for (int i = 0; gelf_getsym(symbols, i, &symbol); i++) {
		const char *name = string_at(strings, symbol.st_name);
		unsigned bit = name ? symbol_bit(name) : 0;

		if (bit)
			note_symbol(image->facts, &symbol, bit, is_dynamic);
	}
}

static Elf_Data *section_names(struct image *image)
{
	size_t index;
	Elf_Scn *section;
	GElf_Shdr header;

	if (elf_getshdrstrndx(image->elf, &index) != 0)
		return NULL;
	section = elf_getscn(image->elf, index);
	if (!section || !gelf_getshdr(section, &header))
		return NULL;
	return read_strings(image, header.sh_offset, header.sh_size);
}

/* Only the first table of a kind: a file may list one a thousand times. */
static void read_sections(struct image *image, enum elf_depth depth)
{
	bool want[2] = { true, depth == ELF_WHOLE };
	Elf_Data *names = section_names(image);
	Elf_Scn *section = NULL;

	while ((section = elf_nextscn(image->elf, section))) {
		GElf_Shdr header;
		const char *name;
		int which;

		if (!gelf_getshdr(section, &header))
			continue;
		name = string_at(names, header.sh_name);
		if (name && strcmp(name, ".go.buildinfo") == 0)
			image->facts->hidden |= 1u << ELF_GO;
		if (header.sh_type != SHT_DYNSYM && header.sh_type != SHT_SYMTAB)
			continue;
		which = header.sh_type == SHT_SYMTAB;
		if (want[which])
			read_symbols(image, &header);
		want[which] = false;
	}
	image->facts->hidden &= ~image->facts->exports;
}

/* ---- the file ---- */

/*
 * Refuses what makes libelf allocate as much as the file claims: numbers of
 * sections and segments too large for their fields, which are zero or all
 * ones then in either byte order.
 */
static bool is_countable(const unsigned char *head, size_t bytes)
{
	static const unsigned char zeros[8];
	bool wide = head[EI_CLASS] == ELFCLASS64;
	size_t sections_at = wide ? offsetof(Elf64_Ehdr, e_shoff) :
				    offsetof(Elf32_Ehdr, e_shoff);
	size_t section_count_at = wide ? offsetof(Elf64_Ehdr, e_shnum) :
					 offsetof(Elf32_Ehdr, e_shnum);
	size_t header_count_at = wide ? offsetof(Elf64_Ehdr, e_phnum) :
					offsetof(Elf32_Ehdr, e_phnum);

	if (bytes < (wide ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr)))
		return false;
	if (memcmp(head + sections_at, zeros, wide ? 8 : 4) != 0 &&
	    memcmp(head + section_count_at, zeros, 2) == 0)
		return false;
	return head[header_count_at] != 0xff ||
	       head[header_count_at + 1] != 0xff;
}

static enum elf_error check_head(int fd)
{
	unsigned char head[sizeof(Elf64_Ehdr)];
	ssize_t bytes = pread(fd, head, sizeof(head), 0);

	if (bytes < 0)
		return ELF_UNREADABLE;
	if (bytes < SELFMAG || memcmp(head, ELFMAG, SELFMAG) != 0)
		return ELF_NOT_ELF;
	if (bytes < EI_NIDENT || !is_countable(head, (size_t)bytes))
		return ELF_DAMAGED;
	return ELF_OK;
}

/* The loader can be run as a program; then it preloads, too. */
static bool is_loader(const struct elf_facts *facts)
{
	return strncmp(facts->soname, "ld-", 3) == 0 ||
	       strncmp(facts->soname, "ld.so", 5) == 0 ||
	       strncmp(facts->soname, "ld64.so", 7) == 0;
}

/* Nothing is missing at the end: half a download, say. */
static bool is_complete(const struct image *image, unsigned header_count)
{
	GElf_Phdr header;

	if (image->header_count < header_count)
		return false;
	for (size_t i = 0; i < image->header_count; i++) {
		if (!gelf_getphdr(image->elf, (int)i, &header))
			return false;
		if (header.p_type == PT_LOAD &&
		    (header.p_offset > image->file_bytes ||
		     header.p_filesz > image->file_bytes - header.p_offset))
			return false;
	}
	return true;
}

static enum elf_error read_image(struct image *image, enum elf_depth depth)
{
	struct elf_facts *facts = image->facts;
	GElf_Ehdr header;

	if (elf_kind(image->elf) != ELF_K_ELF ||
	    !gelf_getehdr(image->elf, &header) ||
	    (header.e_type != ET_EXEC && header.e_type != ET_DYN) ||
	    elf_getphdrnum(image->elf, &image->header_count) != 0 ||
	    !image->header_count)
		return ELF_DAMAGED;
	if (image->header_count > PROGRAM_HEADERS_MAX)
		image->header_count = PROGRAM_HEADERS_MAX;
	if (!is_complete(image, header.e_phnum < PROGRAM_HEADERS_MAX ?
			 header.e_phnum : PROGRAM_HEADERS_MAX))
		return ELF_DAMAGED;
	facts->bits = header.e_ident[EI_CLASS] == ELFCLASS64 ? 64 : 32;
	facts->machine = header.e_machine;
	facts->is_pie = header.e_type == ET_DYN;
	if (depth == ELF_HEADER)
		return ELF_OK;
	read_interpreter(image);
	read_dynamic(image);
	facts->is_static = !facts->interpreter[0] && !is_loader(facts);
	read_sections(image, depth);
	return ELF_OK;
}

static enum elf_error inspect_fd(int fd, uint64_t file_bytes,
				 enum elf_depth depth, struct elf_facts *ret)
{
	struct image image = { .file_bytes = file_bytes, .facts = ret };
	enum elf_error error = check_head(fd);

	if (error)
		return error;
	if (elf_version(EV_CURRENT) == EV_NONE)
		return ELF_DAMAGED;
	/* Not mapped: a file that shrinks meanwhile is no SIGBUS for us. */
	image.elf = elf_begin(fd, ELF_C_READ, NULL);
	error = image.elf ? read_image(&image, depth) : ELF_DAMAGED;
	elf_end(image.elf);
	return error;
}

enum elf_error elf_inspect(const char *path, enum elf_depth depth,
			   struct elf_facts *ret)
{
	struct stat st;
	enum elf_error error;
	/* O_NONBLOCK: a FIFO in the PATH must not hang us. */
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	memset(ret, 0, sizeof(*ret));
	if (fd < 0)
		return errno == ENXIO ? ELF_NOT_REGULAR : ELF_UNREADABLE;
	if (fstat(fd, &st) != 0)
		error = ELF_UNREADABLE;
	else if (!S_ISREG(st.st_mode))
		error = ELF_NOT_REGULAR;
	else
		error = inspect_fd(fd, (uint64_t)st.st_size, depth, ret);
	if (error)
		elf_release(ret);
	close(fd);
	return error;
}

void elf_release(struct elf_facts *facts)
{
	for (size_t i = 0; i < facts->needed_count; i++)
		free(facts->needed[i]);
	free(facts->needed);
	free(facts->runpath);
	memset(facts, 0, sizeof(*facts));
}

const char *elf_error_text(enum elf_error error)
{
	switch (error) {
	case ELF_OK:
		return "no error";
	case ELF_UNREADABLE:
		return report_errno(errno);
	case ELF_NOT_REGULAR:
		return "not a regular file";
	case ELF_NOT_ELF:
		return "not an ELF file";
	case ELF_DAMAGED:
		break;
	}
	return "a damaged ELF file";
}

const char *elf_kind_text(const struct elf_facts *facts)
{
	static const struct {
		unsigned machine;
		const char *name;
	} names[] = {
		{ EM_X86_64, "x86-64" },   { EM_386, "x86" },
		{ EM_AARCH64, "arm64" },   { EM_ARM, "arm" },
		{ EM_RISCV, "RISC-V" },    { EM_PPC64, "PowerPC64" },
		{ EM_S390, "s390" },       { EM_MIPS, "MIPS" },
		{ EM_LOONGARCH, "LoongArch" },
	};
	static char text[48];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].machine == facts->machine) {
			snprintf(text, sizeof(text), "%u-bit %s", facts->bits,
				 names[i].name);
			return text;
		}
	snprintf(text, sizeof(text), "%u-bit machine %u", facts->bits,
		 facts->machine);
	return text;
}
