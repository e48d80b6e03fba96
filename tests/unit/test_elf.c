/* SPDX-License-Identifier: MIT */
/*
 * The door to ELF files: what it says of sound ones, and that damaged and
 * forged ones cost neither a crash nor a hang, nor memory that they claim.
 * The material is this very program, with bytes changed one at a time.
 */
#include <elf.h>
#include <link.h>
#include <sys/resource.h>

#include "reader/elf.h"
#include "tests/unit/sandbox.h"
#include "tests/unit/tap.h"

#define NAME "elf"

static struct {
	unsigned char *bytes;
	size_t count;
	ElfW(Ehdr) *header;
	ElfW(Phdr) *segments;
	ElfW(Shdr) *sections;
} sound;

static char path[128];

static void load(void)
{
	struct stat st;
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st) != 0)
		sandbox_fail("/proc/self/exe");
	sound.count = (size_t)st.st_size;
	sound.bytes = malloc(sound.count);
	if (!sound.bytes ||
	    read(fd, sound.bytes, sound.count) != (ssize_t)sound.count)
		sandbox_fail("/proc/self/exe");
	close(fd);
	sound.header = (void *)sound.bytes;
	sound.segments = (void *)(sound.bytes + sound.header->e_phoff);
	sound.sections = (void *)(sound.bytes + sound.header->e_shoff);
	snprintf(path, sizeof(path), "%s/" NAME, sandbox.path);
}

/* Writes the material as it is now, looks at it in full, and lets go. */
static enum elf_error look(void)
{
	struct elf_facts facts;
	enum elf_error error;

	write_file(NAME, sound.bytes, sound.count);
	error = elf_inspect(path, ELF_WHOLE, &facts);
	elf_release(&facts);
	return error;
}

static void test_sound(void)
{
	struct elf_facts facts;

	is_u64(elf_inspect("/proc/self/exe", ELF_WHOLE, &facts), ELF_OK,
	       "this program");
	is_u64(facts.bits, 8 * sizeof(void *), "its class");
	is_u64(facts.machine, sound.header->e_machine, "its machine");
	ok(!facts.is_static, "it is dynamic");
	ok(strstr(facts.interpreter, "ld"), "interpreter %s",
	   facts.interpreter);
	ok(facts.needed_count > 0, "it needs libraries");
	ok(facts.imports & 1u << ELF_MALLOC || SANDBOX_ASAN,
	   "it asks for malloc");
	ok(SANDBOX_ASAN || !((facts.exports | facts.hidden) & 1u << ELF_MALLOC),
	   "it has none of its own");
	elf_release(&facts);
	is_u64(facts.needed_count, 0, "released");
}

static void test_no_elf(void)
{
	struct elf_facts facts;
	char fifo[160];

	is_u64(elf_inspect("/no/such/file", ELF_WHOLE, &facts),
	       ELF_UNREADABLE, "missing");
	is_u64(elf_inspect("/dev/null", ELF_WHOLE, &facts), ELF_NOT_REGULAR,
	       "a device");
	is_u64(elf_inspect("/", ELF_WHOLE, &facts), ELF_NOT_REGULAR,
	       "a directory");
	snprintf(fifo, sizeof(fifo), "%s/fifo", sandbox.path);
	if (mkfifo(fifo, 0600) != 0)
		sandbox_fail(fifo);
	is_u64(elf_inspect(fifo, ELF_WHOLE, &facts), ELF_NOT_REGULAR,
	       "a FIFO, without waiting");
	write_file(NAME, "", 0);
	is_u64(elf_inspect(path, ELF_WHOLE, &facts), ELF_NOT_ELF, "empty");
	write_file(NAME, "#!/bin/sh\n", 10);
	is_u64(elf_inspect(path, ELF_WHOLE, &facts), ELF_NOT_ELF, "a script");
	write_file(NAME, "\177ELF", 4);
	is_u64(elf_inspect(path, ELF_WHOLE, &facts), ELF_DAMAGED,
	       "the magic alone");
}

/* Cut at every length up to the end of the headers, then in steps. */
static void test_cut(void)
{
	size_t wrong = 0, whole = sound.count;
	size_t step = 1;

	for (size_t length = 0; length < whole; length += step) {
		enum elf_error error;

		sound.count = length;
		error = look();
		/* What the kernel maps ends before sections and symbols. */
		wrong += error == ELF_OK && length < 4096;
		if (length > 1024)
			step = 509;
	}
	sound.count = whole;
	is_u64(wrong, 0, "short files that pass for whole ones");
}

static const unsigned char values[] = { 0x00, 0x01, 0x7f, 0x80, 0xff };

static void change(unsigned char *at)
{
	unsigned char before = *at;

	for (size_t i = 0; i < sizeof(values); i++) {
		*at = values[i];
		look();
	}
	*at = before;
}

static void change_all(void *at, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		change((unsigned char *)at + i);
}

static void test_header(void)
{
	change_all(sound.header, sizeof(*sound.header));
	is_u64(look(), ELF_OK, "as it was");
}

static void test_segments(void)
{
	for (unsigned i = 0; i < sound.header->e_phnum; i++)
		if (sound.segments[i].p_type == PT_INTERP ||
		    sound.segments[i].p_type == PT_DYNAMIC ||
		    sound.segments[i].p_type == PT_LOAD)
			change_all(&sound.segments[i],
				   sizeof(sound.segments[i]));
	is_u64(look(), ELF_OK, "as it was");
}

static void test_sections(void)
{
	for (unsigned i = 0; i < sound.header->e_shnum; i++)
		if (sound.sections[i].sh_type == SHT_DYNSYM ||
		    sound.sections[i].sh_type == SHT_STRTAB)
			change_all(&sound.sections[i],
				   sizeof(sound.sections[i]));
	is_u64(look(), ELF_OK, "as it was");
}

static void test_dynamic(void)
{
	for (unsigned i = 0; i < sound.header->e_phnum; i++)
		if (sound.segments[i].p_type == PT_DYNAMIC)
			change_all(sound.bytes + sound.segments[i].p_offset,
				   sound.segments[i].p_filesz / 2);
	is_u64(look(), ELF_OK, "as it was");
}

/* Claims 2^60 of everything, in a sparse file that long as tmpfs allows. */
static int claim_much(void *argument)
{
	const struct rlimit memory = { 1u << 30, 1u << 30 };
	struct elf_facts facts;

	(void)argument;
	if (!SANDBOX_ASAN)
		EXPECT(setrlimit(RLIMIT_AS, &memory) == 0);
	for (unsigned i = 0; i < sound.header->e_shnum; i++)
		sound.sections[i].sh_size = 1ULL << 40;
	write_file(NAME, sound.bytes, sound.count);
	truncate_file(NAME, 1LL << 41);
	elf_inspect(path, ELF_WHOLE, &facts);
	elf_release(&facts);
	sound.header->e_shnum = 0; /* the number is in a section's size */
	write_file(NAME, sound.bytes, sound.count);
	truncate_file(NAME, 1LL << 41);
	EXPECT(elf_inspect(path, ELF_WHOLE, &facts) == ELF_DAMAGED);
	return 0;
}

static void test_claims(void)
{
	is_u64((uint64_t)in_child(claim_much, NULL), 0,
	       "a sparse file that claims terabytes");
}

int main(void)
{
	sandbox_init();
	alarm(300);
	load();
	RUN(test_sound());
	RUN(test_no_elf());
	RUN(test_cut());
	RUN(test_header());
	RUN(test_segments());
	RUN(test_sections());
	RUN(test_dynamic());
	RUN(test_claims());
	free(sound.bytes);
	return done();
}
