/* SPDX-License-Identifier: MIT */
/* Heapsort. */
#include "reader/sort.h"

struct heap {
	unsigned char *items;
	size_t item_bytes;
	int (*compare)(const void *a, const void *b);
};

static void *item(const struct heap *h, size_t index)
{
	return h->items + index * h->item_bytes;
}

static void swap(const struct heap *h, size_t one, size_t other)
{
	unsigned char *a = item(h, one), *b = item(h, other);

	for (size_t i = 0; i < h->item_bytes; i++) {
		unsigned char byte = a[i];

		a[i] = b[i];
		b[i] = byte;
	}
}

/* Lets an item sink until nothing below it is greater. */
static void sink(const struct heap *h, size_t at, size_t count)
{
	for (size_t child; (child = 2 * at + 1) < count; at = child) {
		if (child + 1 < count &&
		    h->compare(item(h, child), item(h, child + 1)) < 0)
			child++;
		if (h->compare(item(h, at), item(h, child)) >= 0)
			return;
		swap(h, at, child);
	}
}

void sort_items(void *items, size_t count, size_t item_bytes,
		int (*compare)(const void *a, const void *b))
{
	const struct heap h = { items, item_bytes, compare };

	for (size_t at = count / 2; at > 0; at--)
		sink(&h, at - 1, count);
	while (count > 1) {
		swap(&h, 0, --count);
		sink(&h, 0, count);
	}
}
