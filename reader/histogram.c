/* SPDX-License-Identifier: MIT */
#include "reader/histogram.h"

#include <inttypes.h>
#include <string.h>

#include "reader/format.h"

static uint64_t total_of(const struct ht_histogram *h)
{
	uint64_t total = 0;

	for (size_t i = 0; i < h->buckets; i++)
		total += h->counts[i];
	return total;
}

/* The first bucket that brings the count to at least that share. */
static size_t bucket_at(const struct ht_histogram *h, uint64_t total,
			unsigned percent)
{
	uint64_t seen = 0;

	for (size_t i = 0; i < h->buckets; i++) {
		seen += h->counts[i];
		/* As a double: the product may not fit 64 bits. */
		if ((double)seen * 100 >= (double)total * percent)
			return i;
	}
	return h->buckets - 1;
}

static bool is_last(const struct ht_histogram *h, size_t bucket)
{
	return bucket + 1 == h->buckets;
}

static struct text bound_text(const struct ht_histogram *h, size_t bucket,
			      const char *unit)
{
	double bound = h->bounds[bucket + 1];

	bool is_size = strcmp(unit, "bytes") == 0;

	if (is_last(h, bucket))
		return is_size ? (struct text){ "any size" } :
				 (struct text){ "any time" };
	return is_size ? format_bytes((uint64_t)bound, false) :
			 format_duration(bound);
}

static struct histogram_text summary(const struct ht_histogram *h,
				     const char *unit)
{
	uint64_t total = total_of(h);
	struct histogram_text text = { "none" };

	if (total)
		snprintf(text.s, sizeof(text.s),
			 "half up to %s, 99 %% up to %s, all up to %s",
			 bound_text(h, bucket_at(h, total, 50), unit).s,
			 bound_text(h, bucket_at(h, total, 99), unit).s,
			 bound_text(h, bucket_at(h, total, 100), unit).s);
	return text;
}

static struct histogram_text every_bucket(const struct ht_histogram *h)
{
	struct histogram_text text = { "none" };
	size_t at = 0;

	for (size_t i = 0; i < h->buckets && at < sizeof(text.s) - 64; i++) {
		if (!h->counts[i])
			continue;
		if (at)
			text.s[at++] = ' ';
		if (is_last(h, i))
			at += (size_t)sprintf(text.s + at, "inf");
		else
			at += (size_t)sprintf(text.s + at, "%.*g",
					      h->bounds[i + 1] < 1 ? 9 : 19,
					      h->bounds[i + 1]);
		at += (size_t)sprintf(text.s + at, ":%" PRIu64, h->counts[i]);
	}
	return text;
}

struct histogram_text histogram_format(const struct ht_histogram *h,
				       const char *unit, bool raw)
{
	return raw ? every_bucket(h) : summary(h, unit);
}

/* JSON has no infinity. */
static void append_bound(struct json *buckets, double bound)
{
	if (bound >= (double)INT64_MAX)
		json_append_u64(buckets, INT64_MAX);
	else if (!(bound > 0))
		json_append_u64(buckets, 0);
	else if (bound == (double)(uint64_t)bound)
		json_append_u64(buckets, (uint64_t)bound);
	else
		json_append_f64(buckets, bound);
}

void histogram_put_json(struct json *object, const char *key,
			const struct ht_histogram *h)
{
	struct json *histogram = json_put_object(object, key);
	struct json *buckets = json_put_array(histogram, "buckets");
	struct json *counts = json_put_array(histogram, "counts");

	append_bound(buckets, h->bounds[0]);
	for (size_t i = 0; i < h->buckets; i++) {
		append_bound(buckets, h->bounds[i + 1]);
		json_append_u64(counts, h->counts[i]);
	}
}
