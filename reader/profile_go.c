/* SPDX-License-Identifier: MIT */
#include "reader/profile_go.h"

#include <inttypes.h>
#include <string.h>

#include "reader/format.h"
#include "reader/report.h"
#include "reader/table.h"

/* What stands under a name. */
enum form {
	NUMBER,   /* a whole number: the metric by the factor */
	BY_SIZE,  /* a list of sizes, from two histograms */
	ZERO,     /* always 0, where consumers demand a number */
	NO,       /* always false, likewise */
	LEFT_OUT,
};

/*
 * To add a name: a row. Where `key` has no value a NUMBER is left out, unless
 * `zero` tells why it is 0 then.
 */
static const struct field {
	const char *name;
	enum form form;
	const char *key;  /* of the metric; NULL = none */
	double factor;    /* Go counts nanoseconds where we have seconds */
	const char *zero; /* why it is 0 when the metric has no value, or NULL */
	const char *note; /* what differs from Go's; why it is 0 or left out */
} fields[] = {
	{ "Alloc", NUMBER, HEAP_LIVE_BYTES, 1, NULL, "as HeapAlloc" },
	{ "TotalAlloc", NUMBER, HEAP_ALLOCS_BYTES, 1, NULL,
	  "a realloc counts with its full new size" },
	{ "Sys", NUMBER, "/process/private-mapped:bytes", 1, NULL,
	  "an estimate: all private writable anonymous mappings" },
	{ "Lookups", ZERO, NULL, 0, NULL, "always 0 in Go as well" },
	{ "Mallocs", NUMBER, HEAP_ALLOCS_OBJECTS, 1, NULL,
	  "calls; each realloc is one" },
	{ "Frees", NUMBER, HEAP_FREES_OBJECTS, 1, NULL,
	  "by the program, not by a collector" },
	{ "HeapAlloc", NUMBER, HEAP_LIVE_BYTES, 1, NULL,
	  "usable size of live blocks; Go adds what is dead and not yet "
	  "swept" },
	{ "HeapSys", NUMBER, "/heap/sys:bytes", 1, NULL,
	  "as the allocator tells" },
	{ "HeapIdle", NUMBER, "/heap/idle:bytes", 1, NULL,
	  "with glibc free blocks of any size, not whole spans" },
	{ "HeapInuse", NUMBER, "/heap/in-use:bytes", 1, NULL,
	  "as the allocator tells" },
	{ "HeapReleased", NUMBER, "/heap/released:bytes", 1, NULL,
	  "as the allocator tells" },
	{ "HeapObjects", NUMBER, HEAP_LIVE_OBJECTS, 1, NULL, "live blocks" },
	{ "StackInuse", NUMBER, "/threads/stack/resident:bytes", 1, NULL,
	  "of threads, and what is resident of them" },
	{ "StackSys", NUMBER, "/threads/stack/reserved:bytes", 1, NULL,
	  "of threads, mapped size" },
	{ "MSpanInuse", ZERO, NULL, 0, NULL,
	  "a part of Go's allocator that has no native twin" },
	{ "MSpanSys", ZERO, NULL, 0, NULL,
	  "a part of Go's allocator that has no native twin" },
	{ "MCacheInuse", ZERO, NULL, 0, NULL,
	  "a part of Go's allocator that has no native twin" },
	{ "MCacheSys", ZERO, NULL, 0, NULL,
	  "a part of Go's allocator that has no native twin" },
	{ "BuckHashSys", ZERO, NULL, 0, NULL,
	  "the table of Go's profiler, which is not there" },
	{ "GCSys", ZERO, NULL, 0, NULL,
	  "book-keeping of Go's collector, which is not there" },
	{ "OtherSys", ZERO, NULL, 0, NULL,
	  "book-keeping of Go's runtime, which is not there" },
	{ "NextGC", LEFT_OUT, NULL, 0, NULL,
	  "nothing is scheduled by the size of the heap" },
	{ "LastGC", NUMBER, "/gc/last:seconds", 1e9, NULL,
	  "nanoseconds since 1970; only of programs with libgc" },
	{ "PauseTotalNs", NUMBER, "/gc/pauses/total:seconds", 1e9, NULL,
	  "only of programs with libgc" },
	{ "PauseNs", LEFT_OUT, NULL, 0, NULL,
	  "single pauses are not kept: /gc/pauses:seconds is a histogram" },
	{ "PauseEnd", LEFT_OUT, NULL, 0, NULL,
	  "single pauses are not kept: /gc/last:seconds is the end of the "
	  "last" },
	{ "NumGC", NUMBER, "/gc/cycles/total:gc-cycles", 1,
	  "malloc has no collector", "only of programs with libgc" },
	{ "NumForcedGC", LEFT_OUT, NULL, 0, NULL,
	  "forced collections are not told apart" },
	{ "GCCPUFraction", LEFT_OUT, NULL, 0, NULL,
	  "no collector's share; time in the allocator is another thing" },
	{ "EnableGC", NO, NULL, 0, NULL, "no collector to enable" },
	{ "DebugGC", NO, NULL, 0, NULL, "unused in Go as well" },
	{ "BySize", BY_SIZE, "/heap/allocs-by-size:bytes", 1, NULL,
	  "Size is the inclusive upper bound, Go's classes are its own; the "
	  "last bucket, without a bound, is left out" },
	{ "NumGoroutine", NUMBER, THREADS_LIVE_THREADS, 1, NULL,
	  "threads: the nearest there is, not a count of coroutines" },
	{ "NumCPU", NUMBER, "/sched/cpus:cpus", 1, NULL, "the same thing" },
	{ "GOMAXPROCS", NUMBER, "/sched/processors:threads", 1, NULL,
	  "a limit of the machine and the control group, not a setting" },
	{ "NumCgoCall", ZERO, NULL, 0, NULL,
	  "all code is native, so that no call crosses over" },
};

#define FIELDS (sizeof(fields) / sizeof(fields[0]))

int profile_go_option(const char *command, const char *name, bool *ret_go)
{
	*ret_go = name && strcmp(name, "go") == 0;
	if (!name || *ret_go || strcmp(name, "native") == 0)
		return STATUS_OK;
	return report_usage(command, "unknown profile '%s': there are "
			    "'native' and 'go'", name);
}

/* False where it is left out. */
static bool number_of(const struct view *v, const struct field *f,
		      uint64_t *ret)
{
	const struct ht_sample *s = f->key ? view_sample(v, f->key) : NULL;

	if (s && s->kind == HT_KIND_F64)
		*ret = (uint64_t)(s->value.f64 * f->factor + 0.5);
	else if (s && s->kind == HT_KIND_U64)
		*ret = s->value.u64;
	else
		*ret = 0;
	return s || f->zero;
}

/* Both of the same bounds, or nothing is to be shown. */
static bool sizes_of(const struct view *v, struct ht_histogram *ret_allocs,
		     struct ht_histogram *ret_frees)
{
	const struct ht_sample *allocs =
		view_sample(v, "/heap/allocs-by-size:bytes");
	const struct ht_sample *frees =
		view_sample(v, "/heap/frees-by-size:bytes");

	return allocs && frees && ht_histogram(allocs, ret_allocs) == 0 &&
	       ht_histogram(frees, ret_frees) == 0 &&
	       ret_allocs->buckets == ret_frees->buckets &&
	       memcmp(ret_allocs->bounds, ret_frees->bounds,
		      (ret_allocs->buckets + 1) *
			      sizeof(ret_allocs->bounds[0])) == 0;
}

/* ---- text ---- */

static void print_sizes(const struct view *v, const char *name, FILE *out)
{
	struct ht_histogram allocs, frees;

	if (!sizes_of(v, &allocs, &frees))
		return;
	for (size_t i = 0; i + 1 < allocs.buckets; i++)
		if (allocs.counts[i] || frees.counts[i])
			fprintf(out, "  %-13s  Size=%.0f Mallocs=%" PRIu64
				" Frees=%" PRIu64 "\n", name,
				allocs.bounds[i + 1], allocs.counts[i],
				frees.counts[i]);
}

void profile_go_print(const struct view *v, FILE *out)
{
	for (size_t i = 0; i < FIELDS; i++) {
		const struct field *f = &fields[i];
		uint64_t number = 0;

		switch (f->form) {
		case NUMBER:
			if (!number_of(v, f, &number))
				break;
			/* fall through */
		case ZERO:
			fprintf(out, "  %-13s  %" PRIu64 "\n", f->name, number);
			break;
		case NO:
			fprintf(out, "  %-13s  false\n", f->name);
			break;
		case BY_SIZE:
			print_sizes(v, f->name, out);
			break;
		case LEFT_OUT:
			break;
		}
	}
}

/* ---- JSON ---- */

static void put_sizes(struct json *go, const char *name, const struct view *v)
{
	struct ht_histogram allocs, frees;
	struct json *list;

	if (!sizes_of(v, &allocs, &frees))
		return;
	list = json_put_array(go, name);
	for (size_t i = 0; i + 1 < allocs.buckets; i++) {
		struct json *size = json_append_object(list);

		json_put_u64(size, "Size", (uint64_t)allocs.bounds[i + 1]);
		json_put_u64(size, "Mallocs", allocs.counts[i]);
		json_put_u64(size, "Frees", frees.counts[i]);
	}
}

static void put_field(struct json *go, const struct field *f,
		      const struct view *v)
{
	uint64_t number = 0;

	switch (f->form) {
	case NUMBER:
		if (!number_of(v, f, &number))
			break;
		/* fall through */
	case ZERO:
		json_put_u64(go, f->name, number);
		break;
	case NO:
		json_put_bool(go, f->name, false);
		break;
	case BY_SIZE:
		put_sizes(go, f->name, v);
		break;
	case LEFT_OUT:
		break;
	}
}

void profile_go_append_json(struct json *processes, const struct view *v)
{
	struct json *process = json_append_object(processes);
	struct json *go;

	json_put_i64(process, "pid", v->id.pid);
	json_put_string(process, "instance", v->id.instance);
	json_put_string(process, "command", v->id.command);
	json_put_string(process, "state", ht_state_name(v->snapshot.state));
	json_put_string(process, "coverage", ht_coverage_name(v->id.coverage));
	go = json_put_object(process, "go");
	for (size_t i = 0; i < FIELDS; i++)
		put_field(go, &fields[i], v);
}

/* ---- the table ---- */

/* "0", "false", "-" or the key of the metric. */
static const char *source_of(const struct field *f)
{
	switch (f->form) {
	case ZERO:
		return "0";
	case NO:
		return "false";
	case LEFT_OUT:
		return "-";
	default:
		return f->key;
	}
}

void profile_go_print_table(FILE *out)
{
	static const struct column columns[] = {
		{ "GO", false }, { "HERE", false }, { "WHY", false },
	};
	struct table *t = table_new(columns, 3);

	for (size_t i = 0; i < FIELDS; i++) {
		const struct field *f = &fields[i];

		table_row(t, STYLE_PLAIN);
		table_cell(t, "%s", f->name);
		table_cell(t, "%s", source_of(f));
		table_cell(t, "%s%s%s", f->note, f->zero ? "; else 0: " : "",
			   f->zero ? f->zero : "");
	}
	table_print(t, out, 0);
	table_free(t);
}

void profile_go_put_table_json(struct json *document)
{
	struct json *list = json_put_array(document, "go");

	for (size_t i = 0; i < FIELDS; i++) {
		const struct field *f = &fields[i];
		struct json *row = json_append_object(list);

		json_put_string(row, "name", f->name);
		if (f->key)
			json_put_string(row, "key", f->key);
		if (f->form == ZERO || f->zero)
			json_put_string(row, "zero",
					f->zero ? f->zero : f->note);
		if (f->form == NO)
			json_put_string(row, "false", f->note);
		if (f->form == LEFT_OUT)
			json_put_string(row, "left_out", f->note);
		else if (f->key)
			json_put_string(row, "note", f->note);
	}
}
