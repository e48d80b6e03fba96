/* SPDX-License-Identifier: MIT */
/*
 * collector before|after|fork N: collects N times with libgc, which it is to
 * be linked or preloaded with, and reports that and the pauses that a handler
 * of its own has seen: listener_shim's, set before the tally's, or one set
 * after it, which takes its place. `fork`: a child does, too, twice as often.
 *
 * Without libgc it reports nothing.
 */
#include "expect.h"

#include <sys/wait.h>

typedef void (*handler)(unsigned);
extern void GC_init(void) __attribute__((weak));
extern void GC_gcollect(void) __attribute__((weak));
extern void *GC_malloc(size_t) __attribute__((weak));
extern unsigned long GC_get_gc_no(void) __attribute__((weak));
extern void GC_set_on_collection_event(handler) __attribute__((weak));
extern void GC_set_handle_fork(int) __attribute__((weak));

/* Of listener_shim. */
extern uint64_t heard_pauses __attribute__((weak));
extern uint64_t heard_ns __attribute__((weak));

static unsigned long collected_before;

static uint64_t events;

static void listen(unsigned event)
{
	(void)event;
	events++;
}

static void collect(unsigned long n)
{
	while (n-- > 0) {
		for (int i = 0; i < 1000; i++)
			MUST(GC_malloc(100));
		GC_gcollect();
	}
}

static void report(void)
{
	struct text t = { .length = 0 };

	text_line(&t, "pid", (uint64_t)getpid());
	text_line(&t, "/gc/cycles/total:gc-cycles",
		  GC_get_gc_no() - collected_before);
	if (&heard_pauses) {
		text_line(&t, "#/gc/pauses:seconds all", heard_pauses);
		text_line(&t, "pauses_ns", heard_ns);
	}
	text_write(&t, 1);
}

static void in_child(unsigned long n)
{
	int status;
	pid_t child = fork();

	MUST(child >= 0);
	if (child == 0) {
		free(malloc(1)); /* its tally begins */
		collected_before = GC_get_gc_no();
		if (&heard_pauses)
			heard_pauses = heard_ns = 0;
		collect(2 * n);
		report();
		_exit(0);
	}
	MUST(waitpid(child, &status, 0) == child && status == 0);
}

int main(int argc, char **argv)
{
	unsigned long n;

	free(malloc(1));
	if (!GC_init)
		return 0;
	MUST(argc == 3);
	n = strtoul(argv[2], NULL, 10);
	if (GC_set_handle_fork)
		GC_set_handle_fork(1);
	GC_init();
	if (strcmp(argv[1], "after") == 0)
		GC_set_on_collection_event(listen);
	collect(n);
	MUST(strcmp(argv[1], "after") != 0 || events > 0);
	if (strcmp(argv[1], "fork") == 0)
		in_child(n);
	report();
	return 0;
}
