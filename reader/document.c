/* SPDX-License-Identifier: MIT */
#include "reader/document.h"

#include <time.h>

#include "reader/format.h"

#define SCHEMA 1

struct json *document_new(void)
{
	struct json *document = json_new();

	json_put_u64(document, "schema", SCHEMA);
	json_put_string(document, "heaptally", HEAPTALLY_VERSION);
	return document;
}

void document_stamp(struct json *document)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	json_put_string(document, "time",
			format_time((uint64_t)now.tv_sec * 1000000000u +
				    (uint64_t)now.tv_nsec, true).s);
}

struct json *document_processes(struct json *document)
{
	document_stamp(document);
	return json_put_array(document, "processes");
}
