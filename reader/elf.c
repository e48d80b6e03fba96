/* SPDX-License-Identifier: MIT */
#include "reader/elf.h"

#include <fcntl.h>
#include <gelf.h>
#include <sys/stat.h>
#include <unistd.h>

static bool has_interpreter(Elf *elf)
{
	size_t count = 0;
	GElf_Phdr header;

	if (elf_getphdrnum(elf, &count) != 0)
		return false;
	for (size_t i = 0; i < count; i++)
		if (gelf_getphdr(elf, (int)i, &header) &&
		    header.p_type == PT_INTERP)
			return true;
	return false;
}

static bool inspect_fd(int fd, struct elf_facts *ret)
{
	Elf *elf = elf_begin(fd, ELF_C_READ, NULL);
	GElf_Ehdr header;
	bool valid = elf && elf_kind(elf) == ELF_K_ELF &&
		     gelf_getehdr(elf, &header);

	if (valid) {
		ret->is_static = !has_interpreter(elf);
		ret->bits = gelf_getclass(elf) == ELFCLASS64 ? 64 : 32;
		ret->machine = header.e_machine;
	}
	elf_end(elf);
	return valid;
}

bool elf_inspect(const char *path, struct elf_facts *ret)
{
	struct stat st;
	bool valid = false;
	/* O_NONBLOCK: a FIFO in the PATH must not hang us. */
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	if (fd < 0)
		return false;
	if (elf_version(EV_CURRENT) != EV_NONE && fstat(fd, &st) == 0 &&
	    S_ISREG(st.st_mode))
		valid = inspect_fd(fd, ret);
	close(fd);
	return valid;
}
