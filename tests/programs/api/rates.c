/* SPDX-License-Identifier: MIT */
/*
 * An example of libheaptally-reader: what every tallied process allocates,
 * by the second.
 *
 *	cc rates.c $(pkg-config --cflags --libs heaptally) -o rates
 *	./rates [DIRECTORY [MILLISECONDS]]
 *
 * It looks twice at each process, with one handle open for each, and prints
 * a line: pid, live bytes, allocations by the second. It shows how to find
 * processes, how to keep the samples, so that keys are looked up once, and
 * how to tell a rate from a restart: counters only rise as long as the
 * instance is the same. The status is 0, or 1 with a message.
 */
#include <heaptally.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { LIVE, ALLOCS, SAMPLES };

struct process {
	struct ht *h;
	struct ht_sample samples[SAMPLES];
	uint64_t allocs;       /* at the first look */
	uint64_t monotonic_ns; /* of it */
};

/* False for one that is gone, or of another user: not worth a word here. */
static bool first_look(struct process *p, const char *directory,
		       const struct ht_place *place)
{
	p->h = ht_new();
	p->samples[LIVE].key = "/heap/live:bytes";
	p->samples[ALLOCS].key = "/heap/allocs:objects";
	if (!p->h || ht_open_place(p->h, directory, place) != 0 ||
	    ht_read(p->h, p->samples, SAMPLES) != 0 ||
	    ht_u64(&p->samples[ALLOCS], &p->allocs) != 0)
		return false;
	p->monotonic_ns = ht_snapshot(p->h)->monotonic_ns;
	return true;
}

static void second_look(struct process *p)
{
	uint64_t live = 0, allocs = 0;
	double seconds;

	if (ht_read(p->h, p->samples, SAMPLES) != 0) {
		fprintf(stderr, "rates: %s\n", ht_message(p->h));
		return;
	}
	ht_u64(&p->samples[LIVE], &live);
	ht_u64(&p->samples[ALLOCS], &allocs);
	seconds = (double)(ht_snapshot(p->h)->monotonic_ns -
			   p->monotonic_ns) / 1e9;
	printf("%d %" PRIu64 " %.0f %s\n", ht_identity(p->h)->pid, live,
	       (double)(allocs - p->allocs) / seconds,
	       ht_state_name(ht_snapshot(p->h)->state));
}

int main(int argc, char **argv)
{
	const char *directory = argc > 1 ? argv[1] : NULL;
	long milliseconds = argc > 2 ? atol(argv[2]) : 1000;
	const struct timespec pause = { milliseconds / 1000,
					milliseconds % 1000 * 1000000 };
	struct ht *finder = ht_new();
	struct ht_place *places = NULL;
	struct process *processes;
	size_t count = 0, open = 0;

	if (!finder || ht_list(finder, directory, 0, &places, &count) != 0) {
		fprintf(stderr, "rates: %s\n",
			finder ? ht_message(finder) : "out of memory");
		return 1;
	}
	processes = calloc(count + 1, sizeof(*processes));
	for (size_t i = 0; processes && i < count; i++) {
		if (first_look(&processes[open], directory, &places[i]))
			open++;
		else
			ht_free(processes[open].h);
	}
	nanosleep(&pause, NULL);
	for (size_t i = 0; i < open; i++) {
		second_look(&processes[i]);
		ht_free(processes[i].h);
	}
	free(processes);
	free(places);
	ht_free(finder);
	return 0;
}
