/* SPDX-License-Identifier: MIT */
#ifndef READER_HISTOGRAM_H
#define READER_HISTOGRAM_H
/*
 * A histogram as a person and as a program read it. Main thread only.
 */
#include "reader/api/heaptally.h"
#include "reader/json.h"

/* One line, room for every bucket. */
struct histogram_text {
	char s[2048];
};

/*
 * "half up to 64 B, 99 % up to 4.0 KiB, all up to 1.0 MiB"; raw:
 * "64:1200 4096:13", upper bound and count of each bucket that has any, the
 * last bucket's bound as "inf". "none" for an empty one. The unit is that of
 * the key: "bytes" or "seconds".
 */
struct histogram_text histogram_format(const struct ht_histogram *h,
				       const char *unit, bool raw);

/*
 * Sets object[key] = {"buckets": [bounds...], "counts": [...]}, one bound
 * more than counts: bucket i is (buckets[i], buckets[i + 1]]. The last bound
 * is the largest signed 64-bit number, which means none. Whole numbers are
 * written as such.
 */
void histogram_put_json(struct json *object, const char *key,
			const struct ht_histogram *h);

#endif /* READER_HISTOGRAM_H */
