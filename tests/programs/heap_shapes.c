/* SPDX-License-Identifier: MIT */
/*
 * heap_shapes SHAPE: gives the heap a shape, prints what its allocator says of
 * it (as the allocator is asked in its own manual), and then allocates and
 * frees one block over and over, which changes nothing of that, until
 * standard input ends; then it prints the same again.
 *
 *	mixed       some thousand blocks of all sizes, each second one freed
 *	buffer      a large buffer freed, 300,000 small pairs behind it
 *	small       a million freed blocks of 24 bytes, in no order
 *	alternating a million freed blocks of 200 bytes between live ones
 *	elsewhere   a million freed small blocks of a thread that has ended,
 *	            and as many bytes in use again
 */
#include "expect.h"

#include <fcntl.h>

#define MILLION 1000000

extern int mallctl(const char *, void *, size_t *, void *, size_t)
	__attribute__((weak));
extern int MallocExtension_GetNumericProperty(const char *, size_t *)
	__attribute__((weak));
extern void mi_process_info(size_t *, size_t *, size_t *, size_t *, size_t *,
			    size_t *, size_t *, size_t *) __attribute__((weak));

static void *blocks[2 * MILLION];

/* ---- what the allocator says ---- */

static size_t of_jemalloc(const char *name)
{
	size_t value = 0, bytes = sizeof(value);

	MUST(mallctl(name, &value, &bytes, NULL, 0) == 0);
	return value;
}

static void say_jemalloc(struct text *t)
{
	uint64_t epoch = 1;
	size_t bytes = sizeof(epoch), sys, active;

	MUST(mallctl("epoch", &epoch, &bytes, &epoch, sizeof(epoch)) == 0);
	sys = of_jemalloc("stats.mapped") + of_jemalloc("stats.retained");
	active = of_jemalloc("stats.active");
	text_line(t, "/heap/sys:bytes", sys);
	text_line(t, "/heap/in-use:bytes", active);
	text_line(t, "/heap/idle:bytes", sys - active);
	text_line(t, "/heap/released:bytes", of_jemalloc("stats.retained"));
	text_line(t, "/heap/metadata:bytes", of_jemalloc("stats.metadata"));
	text_line(t, "/heap/purges:calls",
		  of_jemalloc("stats.arenas.4096.dirty_npurge") +
		  of_jemalloc("stats.arenas.4096.muzzy_npurge"));
}

static size_t of_tcmalloc(const char *name)
{
	size_t value = 0;

	MUST(MallocExtension_GetNumericProperty(name, &value));
	return value;
}

static void say_tcmalloc(struct text *t)
{
	size_t sys = of_tcmalloc("generic.heap_size");
	size_t unmapped = of_tcmalloc("tcmalloc.pageheap_unmapped_bytes");
	size_t idle = unmapped + of_tcmalloc("tcmalloc.pageheap_free_bytes");

	text_line(t, "/heap/sys:bytes", sys);
	text_line(t, "/heap/in-use:bytes", sys - idle);
	text_line(t, "/heap/idle:bytes", idle);
	text_line(t, "/heap/released:bytes", unmapped);
	text_line(t, "/heap/metadata:bytes",
		  of_tcmalloc("generic.total_physical_bytes") + unmapped - sys);
	text_line(t, "/heap/purges:calls",
		  of_tcmalloc("tcmalloc.pageheap_scavenge_count"));
}

static void say_mimalloc(struct text *t)
{
	size_t other, commit;

	mi_process_info(&other, &other, &other, &other, &other, &commit,
			&other, &other);
	text_line(t, "/heap/sys:bytes", commit);
}

static void say_glibc(struct text *t)
{
	struct mallinfo2 info = mallinfo2();

	text_line(t, "/heap/sys:bytes", info.arena + info.hblkhd);
	text_line(t, "/heap/in-use:bytes", info.uordblks + info.hblkhd);
	text_line(t, "/heap/idle:bytes", info.fordblks);
}

static void say(void)
{
	struct text t = { .length = 0 };

	if (mallctl)
		say_jemalloc(&t);
	else if (MallocExtension_GetNumericProperty)
		say_tcmalloc(&t);
	else if (mi_process_info)
		say_mimalloc(&t);
	else
		say_glibc(&t);
	text_string(&t, "said\n");
	text_write(&t, 1);
}

/* ---- shapes ---- */

static void mixed(void)
{
	for (size_t i = 0; i < 6000; i++)
		MUST(blocks[i] = malloc(i % 100 ? i : i * 100));
	for (size_t i = 0; i < 6000; i += 2)
		free(blocks[i]);
}

static void buffer(void)
{
	void *large[100];

	for (size_t i = 0; i < 100; i++)
		MUST(large[i] = malloc(100000));
	for (size_t i = 0; i < 100; i++)
		free(large[i]);
	for (size_t i = 0; i < 300000; i++)
		free(malloc(i % 500));
}

static void shuffle(size_t count, size_t step)
{
	uint64_t seed = 1;

	for (size_t i = 0; i < count; i += step) {
		size_t j;
		void *block = blocks[i];

		seed = seed * 6364136223846793005u + 1442695040888963407u;
		j = (seed >> 33) % (count / step) * step;
		blocks[i] = blocks[j];
		blocks[j] = block;
	}
}

static void freed(size_t count, size_t step, size_t bytes)
{
	for (size_t i = 0; i < count; i++)
		MUST(blocks[i] = malloc(bytes));
	shuffle(count, step);
	for (size_t i = 0; i < count; i += step)
		free(blocks[i]);
}

static void small(void)
{
	freed(MILLION, 1, 24);
}

static void alternating(void)
{
	freed(2 * MILLION, 2, 200);
}

static void *in_thread(void *argument)
{
	small();
	return argument;
}

static void elsewhere(void)
{
	pthread_t thread;

	MUST(!pthread_create(&thread, NULL, in_thread, NULL));
	MUST(!pthread_join(thread, NULL));
	for (size_t i = 0; i < 64000; i++)
		MUST(malloc(1000));
}

static const struct {
	const char *name;
	void (*make)(void);
} shapes[] = {
	{ "mixed", mixed }, { "buffer", buffer }, { "small", small },
	{ "alternating", alternating }, { "elsewhere", elsewhere },
};

static bool input_has_ended(void)
{
	char c;

	return read(0, &c, 1) == 0;
}

int main(int argc, char **argv)
{
	const char *shape = argc > 1 ? argv[1] : "mixed";

	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
		if (strcmp(shapes[i].name, shape) == 0)
			shapes[i].make();
	free(malloc(1000));
	MUST(fcntl(0, F_SETFL, O_NONBLOCK) == 0);
	say();
	while (!input_has_ended()) {
		for (int i = 0; i < 1100; i++)
			free(malloc(1000));
		usleep(1000);
	}
	say();
	return 0;
}
