/* SPDX-License-Identifier: MIT */
#include "reader/histogram.h"

#include <inttypes.h>
#include <string.h>

#include "reader/format.h"

#define NS_PER_SECOND 1e9

static uint64_t total_of(const struct size_histogram *h)
{
	uint64_t total = 0;

	for (unsigned i = 0; i < h->count; i++)
		total += h->counts[i];
	return total;
}

/* The first bucket that brings the count to at least that share. */
static unsigned bucket_at(const struct size_histogram *h, uint64_t total,
			  unsigned percent)
{
	uint64_t seen = 0;

	for (unsigned i = 0; i < h->count; i++) {
		seen += h->counts[i];
		/* As a double: the product may not fit 64 bits. */
		if ((double)seen * 100 >= (double)total * percent)
			return i;
	}
	return h->count - 1;
}

static struct text bound_text(const struct size_histogram *h, unsigned bucket)
{
	uint64_t bound = histogram_upper_bound(h, bucket);

	if (bound == UINT64_MAX)
		return h->is_time ? (struct text){ "any time" }
				  : (struct text){ "any size" };
	return h->is_time ? format_duration((double)bound / NS_PER_SECOND)
			  : format_bytes(bound, false);
}

static struct histogram_text summary(const struct size_histogram *h)
{
	uint64_t total = total_of(h);
	struct histogram_text text = { "none" };

	if (total)
		snprintf(text.s, sizeof(text.s),
			 "half up to %s, 99 %% up to %s, all up to %s",
			 bound_text(h, bucket_at(h, total, 50)).s,
			 bound_text(h, bucket_at(h, total, 99)).s,
			 bound_text(h, bucket_at(h, total, 100)).s);
	return text;
}

static struct histogram_text every_bucket(const struct size_histogram *h)
{
	struct histogram_text text = { "none" };
	size_t at = 0;

	for (unsigned i = 0; i < h->count && at < sizeof(text.s) - 64; i++) {
		uint64_t bound = histogram_upper_bound(h, i);

		if (!h->counts[i])
			continue;
		if (at)
			text.s[at++] = ' ';
		if (bound == UINT64_MAX)
			at += (size_t)sprintf(text.s + at, "inf");
		else if (h->is_time)
			at += (size_t)sprintf(text.s + at, "%.9g",
					      (double)bound / NS_PER_SECOND);
		else
			at += (size_t)sprintf(text.s + at, "%" PRIu64, bound);
		at += (size_t)sprintf(text.s + at, ":%" PRIu64, h->counts[i]);
	}
	return text;
}

struct histogram_text histogram_format(const struct size_histogram *h, bool raw)
{
	return raw ? every_bucket(h) : summary(h);
}

void histogram_put_json(struct json *object, const char *key,
			const struct size_histogram *h)
{
	struct json *histogram = json_put_object(object, key);
	struct json *buckets = json_put_array(histogram, "buckets");
	struct json *counts = json_put_array(histogram, "counts");

	json_append_u64(buckets, 0);
	for (unsigned i = 0; i < h->count; i++) {
		uint64_t bound = histogram_upper_bound(h, i);

		if (h->is_time)
			json_append_f64(buckets, (double)bound / NS_PER_SECOND);
		else
			json_append_u64(buckets,
					bound > INT64_MAX ? INT64_MAX : bound);
		json_append_u64(counts, h->counts[i]);
	}
}
