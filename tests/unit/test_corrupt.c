/* SPDX-License-Identifier: MIT */
/*
 * Every mutation of the corrupt-segment generator: refused with an error
 * that fits, or taken in and harmless; and nothing leaks on either way.
 */
#include "tests/fuzz/inspect.h"
#include "tests/unit/own_image.h"

static void check_accepted(const char *name, struct attachment *a)
{
	enum attach_error error;
	const char *complaint = inspect_attachment(a, &error);

	is_str(complaint, NULL, "%s: harmless", name);
	is_u64(error, ATTACH_OK, "%s: snapshot", name);
	ok(attach_is_current(a, sandbox.dirfd, IMAGE_NAME), "%s: current",
	   name);
	truncate_file(IMAGE_NAME, sysconf(_SC_PAGESIZE));
	complaint = inspect_attachment(a, &error);
	is_str(complaint, NULL, "%s: harmless when cut", name);
}

static void check_mutation(const struct mutation *m, unsigned slot_count)
{
	struct segment_image image;
	struct attachment *a = NULL;
	unsigned fds = count_fds(), maps = count_maps();
	enum attach_error error;

	image_build(&image, slot_count);
	mutation_apply(m, &image);
	write_image(&image);
	image_release(&image);
	error = attach_open(&a, sandbox.dirfd, IMAGE_NAME, 0);
	if (!ok(m->may & MAY(error), "%s: %s", m->name,
		attach_error_text(error)))
		diag("error %d, may be 0x%x", (int)error, m->may);
	ok((error == ATTACH_OK) == (a != NULL), "%s: result is only for ok",
	   m->name);
	if (a)
		check_accepted(m->name, a);
	attach_close(a);
	is_u64(count_fds(), fds, "%s: no descriptor leaks", m->name);
	is_u64(count_maps(), maps, "%s: no mapping leaks", m->name);
}

static void test_mutations(unsigned slot_count)
{
	size_t count;
	const struct mutation *all = mutations_all(&count);

	for (size_t i = 0; i < count; i++)
		check_mutation(&all[i], slot_count);
}

int main(void)
{
	sandbox_init();
	alarm(300);
	/* The smallest there is, and one with slots to lose. */
	RUN(test_mutations(OVERFLOW_SLOTS));
	RUN(test_mutations(OVERFLOW_SLOTS + 64));
	return done();
}
