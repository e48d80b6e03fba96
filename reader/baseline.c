/* SPDX-License-Identifier: MIT */
#include "reader/baseline.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reader/document.h"
#include "reader/format.h"
#include "reader/output_file.h"
#include "reader/report.h"

#define FILE_BYTES_MAX (16 << 20)

/* ---- making one ---- */

/* What the run is about, whoever started it and from where. */
static const char *program_of(const struct check_run *run)
{
	const char *path, *slash;

	if (!run->command)
		return run->process_count ? run->processes[0].command : "";
	path = run->command[0];
	slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

static void put_series(struct json *list, const struct check_series *s)
{
	struct json *one = json_put_object(list, s->key);

	json_put_f64(one, "slope_median", s->result.slope.median);
	json_put_f64(one, "slope_lower", s->result.slope.lower);
	json_put_f64(one, "slope_upper", s->result.slope.upper);
	json_put_u64(one, "median_floor", s->result.median_floor);
}

static void put_process(struct json *processes, const struct check_process *p)
{
	struct json *one = json_append_object(processes), *list;

	json_put_string(one, "command", p->command);
	json_put_string(one, "provider", p->provider);
	list = json_put_object(one, "series");
	for (int id = 0; id < CHECK_SERIES; id++)
		if (p->series[id].result.bins)
			put_series(list, &p->series[id]);
}

static struct json *content_of(const struct check_run *run,
			       bool by_iterations)
{
	struct json *document = document_new(), *processes;

	json_put_string(document, "type", "baseline");
	document_stamp(document);
	json_put_string(document, "program", program_of(run));
	json_put_string(document, "architecture", run->architecture);
	json_put_string(document, "libc", run->libc);
	json_put_bool(document, "by_iterations", by_iterations);
	processes = json_put_array(document, "processes");
	for (size_t i = 0; i < run->process_count; i++)
		if (!run->processes[i].is_brief)
			put_process(processes, &run->processes[i]);
	return document;
}

bool baseline_save(const char *file, const struct check_run *run,
		   bool by_iterations)
{
	struct output_file out;
	struct json *content;
	bool written;

	if (!output_file_open(&out, file))
		return false;
	content = content_of(run, by_iterations);
	written = json_write(content, out.stream, false);
	json_free(content);
	return output_file_finish(&out) && written;
}

/* ---- reading one ---- */

static void read_series(struct check_baseline_entry *entry, int id,
			const struct json *one)
{
	double upper = 0;
	uint64_t level = 0;

	if (!json_get_f64(one, "slope_upper", &upper) ||
	    !json_get_u64(one, "median_floor", &level))
		return;
	/* Of several processes of that name the largest counts. */
	if (!entry->present[id] || upper > entry->slope_upper[id])
		entry->slope_upper[id] = upper;
	if (!entry->present[id] || level > entry->median_floor[id])
		entry->median_floor[id] = level;
	entry->present[id] = true;
}

static struct check_baseline_entry *
entry_of(struct check_baseline_entry *entries, size_t *count,
	 const char *command)
{
	for (size_t i = 0; i < *count; i++)
		if (strcmp(entries[i].command, command) == 0)
			return &entries[i];
	entries[*count].command = command;
	return &entries[(*count)++];
}

static void read_processes(struct baseline *b)
{
	const struct json *processes = json_get(b->content, "processes");
	size_t count = json_count(processes);
	struct check_baseline_entry *entries =
		report_oom(calloc(count + 1, sizeof(*entries)));

	for (size_t i = 0; i < count; i++) {
		const struct json *one = json_item(processes, i);
		const struct json *list = json_get(one, "series");
		const char *command = json_get_string(one, "command");
		struct check_baseline_entry *entry;

		if (!command)
			continue;
		entry = entry_of(entries, &b->entries.count, command);
		for (int id = 0; id < CHECK_SERIES; id++)
			read_series(entry, id, json_get(list,
				check_series_key((enum check_series_id)id)));
	}
	b->entries.entries = entries;
}

/* The whole file as one JSON object; NULL for anything else. */
static struct json *parse_file(const char *file)
{
	FILE *stream = fopen(file, "re");
	struct json *content = NULL;
	size_t length;
	char *text;

	if (!stream)
		return NULL;
	text = report_oom(malloc(FILE_BYTES_MAX));
	length = fread(text, 1, FILE_BYTES_MAX, stream);
	if (length < FILE_BYTES_MAX)
		content = json_parse(text, length);
	free(text);
	fclose(stream);
	return content;
}

static int judge_recording(struct baseline *b, const struct check_rules *rules,
			   const struct recording_request *request)
{
	struct recording recording;
	int status = recording_read(&recording, b->file, request);

	if (status != STATUS_OK)
		return STATUS_USAGE;
	check_judge_run(rules, &recording.run, recording.room);
	b->content = content_of(&recording.run, rules->by_iterations);
	recording_release(&recording);
	return STATUS_OK;
}

static int refuse(const struct baseline *b, const char *what,
		  const char *theirs, const char *ours)
{
	report("baseline '%s' is of %s '%s', not '%s': record a new one with "
	       "--save-baseline, or compare all the same with --force",
	       format_escaped(b->file).s, what, format_escaped(theirs).s,
	       format_escaped(ours).s);
	return STATUS_USAGE;
}

static int check_axis(const struct baseline *b, bool by_iterations)
{
	if (json_get_bool(b->content, "by_iterations") == by_iterations)
		return STATUS_OK;
	report("baseline '%s' is %s, and this check %s: use --iterations for "
	       "both or none", format_escaped(b->file).s,
	       by_iterations ? "by time" : "by iterations",
	       by_iterations ? "by iterations" : "by time");
	return STATUS_USAGE;
}

static int check_content(const struct baseline *b, bool by_iterations)
{
	const char *type = json_get_string(b->content, "type");
	uint64_t schema = 0;

	if (!type || strcmp(type, "baseline") != 0 ||
	    !json_get_u64(b->content, "schema", &schema)) {
		report("'%s' is no baseline: make one with 'heaptally check "
		       "--save-baseline'", format_escaped(b->file).s);
		return STATUS_USAGE;
	}
	if (schema > 1) {
		report("'%s' is from a newer heaptally: update this one",
		       format_escaped(b->file).s);
		return STATUS_USAGE;
	}
	return check_axis(b, by_iterations);
}

int baseline_load(struct baseline *ret, const char *file,
		  const struct check_rules *rules,
		  const struct recording_request *request)
{
	struct baseline b = { .file = file, .content = parse_file(file) };
	int status = STATUS_OK;

	/* Of several lines, or none that can be read: recording_read() tells. */
	if (!b.content)
		status = judge_recording(&b, rules, request);
	if (status == STATUS_OK)
		status = check_content(&b, rules->by_iterations);
	if (status != STATUS_OK) {
		json_free(b.content);
		return status;
	}
	read_processes(&b);
	*ret = b;
	return STATUS_OK;
}

void baseline_release(struct baseline *b)
{
	free((void *)b->entries.entries);
	json_free(b->content);
	*b = (struct baseline){ 0 };
}

/* ---- comparing ---- */

static const char *text_of(const struct json *object, const char *key)
{
	const char *text = json_get_string(object, key);

	return text ? text : "";
}

static int admit_provider(const struct baseline *b,
			  const struct check_process *p)
{
	const struct json *processes = json_get(b->content, "processes");

	for (size_t i = 0; i < json_count(processes); i++) {
		const struct json *one = json_item(processes, i);
		const char *provider = text_of(one, "provider");

		if (strcmp(text_of(one, "command"), p->command) == 0 &&
		    strcmp(provider, p->provider) != 0)
			return refuse(b, "the allocator", provider,
				      p->provider);
	}
	return STATUS_OK;
}

int baseline_admits(const struct baseline *b, const struct check_run *run)
{
	const struct {
		const char *what, *theirs, *ours;
	} facts[] = {
		{ "the program", text_of(b->content, "program"),
		  program_of(run) },
		{ "the libc", text_of(b->content, "libc"), run->libc },
		{ "the architecture", text_of(b->content, "architecture"),
		  run->architecture },
	};
	int status = STATUS_OK;

	/* Nothing was seen, which is said elsewhere. */
	if (!run->process_count)
		return STATUS_OK;
	for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++)
		if (strcmp(facts[i].theirs, facts[i].ours) != 0)
			return refuse(b, facts[i].what, facts[i].theirs,
				      facts[i].ours);
	for (size_t i = 0; i < run->process_count && !status; i++)
		status = admit_provider(b, &run->processes[i]);
	return status;
}
