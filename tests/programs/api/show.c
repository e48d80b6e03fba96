/* SPDX-License-Identifier: MIT */
/*
 * An example of libheaptally-reader: prints every metric of a process.
 *
 *	cc show.c $(pkg-config --cflags --libs heaptally) -o show
 *	./show PID
 *
 * It is C and C++ alike. It shows how to look at all there is: one array of
 * samples, filled by one read, each value by its kind, and the reason where
 * there is none. The status is 0, or 1 with a message.
 */
#include <errno.h>
#include <heaptally.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* Texts from a process are not to be trusted with a terminal. */
static void print_text(const char *text)
{
	for (; *text; text++)
		putchar(*text >= ' ' && *text <= '~' ? *text : '?');
}

static void print_histogram(const struct ht_histogram *h)
{
	for (size_t i = 0; i < h->buckets; i++)
		if (h->counts[i])
			printf(" (%g, %g]: %" PRIu64, h->bounds[i],
			       h->bounds[i + 1], h->counts[i]);
	putchar('\n');
}

static void print_sample(const struct ht_metric *m, const struct ht_sample *s)
{
	struct ht_histogram histogram;
	uint64_t number;
	double real;

	print_text(m->key);
	if (ht_u64(s, &number) == 0) {
		printf(" %" PRIu64 "\n", number);
	} else if (ht_f64(s, &real) == 0) {
		printf(" %.17g\n", real);
	} else if (ht_histogram(s, &histogram) == 0) {
		print_histogram(&histogram);
	} else {
		/* Also a kind that came after this program was written. */
		printf(" - %s\n", s->reason ? s->reason : "of a newer kind");
	}
}

static void print_process(const struct ht *h)
{
	const struct ht_identity *id = ht_identity(h);
	const struct ht_snapshot *snapshot = ht_snapshot(h);

	printf("pid %d command ", id->pid);
	print_text(id->command);
	printf(" state %s coverage %s%s\n", ht_state_name(snapshot->state),
	       ht_coverage_name(id->coverage),
	       snapshot->approximate ? " approximate" : "");
}

/* Returns 0 or a negative errno. */
static int show(struct ht *h, int pid)
{
	struct ht_sample *samples;
	int error = ht_open_pid(h, NULL, pid);
	int count;

	if (error)
		return error;
	/* Metrics are numbered from 1 on; a sample takes key or number. */
	count = ht_count(h);
	samples = (struct ht_sample *)calloc((size_t)count, sizeof(*samples));
	if (!samples)
		return -ENOMEM;
	for (int i = 0; i < count; i++)
		samples[i].number = i + 1;
	error = ht_read(h, samples, (size_t)count);
	if (!error) {
		print_process(h);
		for (int i = 0; i < count; i++)
			print_sample(ht_metric(h, i + 1), &samples[i]);
	}
	free(samples);
	return error;
}

int main(int argc, char **argv)
{
	struct ht *h = ht_new();
	int error;

	if (argc != 2 || !h) {
		fprintf(stderr, "usage: show PID\n");
		ht_free(h);
		return 1;
	}
	error = show(h, atoi(argv[1]));
	if (error)
		fprintf(stderr, "show: %s: %s\n", argv[1],
			error == -ENOMEM ? "out of memory" : ht_message(h));
	ht_free(h);
	return error != 0;
}
