/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "reader/choose.h"
#include "reader/commands/commands.h"
#include "reader/document.h"
#include "reader/format.h"
#include "reader/report.h"

static const char *mutex, *stall, *requested, *allocator, *histogram, *glob;
static bool json;

const struct option_row ctl_options[] = {
	{ 0, "mutex", "on|off", OPTION_STRING, &mutex,
	  "time waits for pthread locks" },
	{ 0, "stall", "on|off", OPTION_STRING, &stall,
	  "time sampled calls of the allocator" },
	{ 0, "requested", "on|off", OPTION_STRING, &requested,
	  "count bytes as they were asked for" },
	{ 0, "allocator", "on|off", OPTION_STRING, &allocator,
	  "keep the allocator's own figures fresh" },
	{ 0, "histogram", "exact", OPTION_STRING, &histogram,
	  "always exact: sizes are what objects are counted by" },
	{ 0, "name", "GLOB", OPTION_STRING, &glob,
	  "the processes whose command matches" },
	{ 0, "json", NULL, OPTION_FLAG, &json, "as JSON" },
	{ 0 }
};

/* What to change, of all extras, and where that is shown. */
struct change {
	unsigned on, off;
	struct json *processes; /* NULL for text */
};

static int read_switch(struct change *c, unsigned extra, const char *value)
{
	if (!value)
		return STATUS_OK;
	if (strcmp(value, "on") == 0)
		c->on |= extra;
	else if (strcmp(value, "off") == 0)
		c->off |= extra;
	else
		return report_usage("ctl", "--%s takes 'on' or 'off', not '%s'",
				    ht_extra_name(extra), value);
	return STATUS_OK;
}

static int read_switches(struct change *c)
{
	const struct {
		unsigned extra;
		const char *value;
	} options[] = {
		{ HT_EXTRA_MUTEX, mutex },
		{ HT_EXTRA_STALL, stall },
		{ HT_EXTRA_REQUESTED, requested },
		{ HT_EXTRA_ALLOCATOR, allocator },
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (read_switch(c, options[i].extra, options[i].value) !=
		    STATUS_OK)
			return STATUS_USAGE;
	if (histogram && strcmp(histogram, "exact") != 0)
		return report_usage("ctl", "--histogram can only be 'exact', "
				    "not '%s': sizes are what objects are "
				    "counted by, at no cost of their own",
				    histogram);
	return STATUS_OK;
}

static const char *state_text(unsigned wanted, unsigned in_force, unsigned bit)
{
	if ((wanted ^ in_force) & bit)
		return wanted & bit ? "asked for" : "on, asked to stop";
	return wanted & bit ? "on" : "off";
}

static void print_state(const struct ht_identity *id, unsigned wanted,
			unsigned in_force)
{
	struct escaped_text name = format_escaped(id->command);

	printf("%d %s: ", id->pid, name.s);
	for (unsigned bit = 1; ht_extra_name(bit); bit <<= 1)
		printf("%s%s %s", bit > 1 ? ", " : "", ht_extra_name(bit),
		       state_text(wanted, in_force, bit));
	putchar('\n');
	if (wanted != in_force)
		report("%d (%s) has not noticed yet: it will when it starts a "
		       "thread or has allocated more, 1 MiB at most", id->pid,
		       name.s);
}

static void put_state(struct json *processes, const struct ht_identity *id,
		      unsigned wanted, unsigned in_force)
{
	struct json *process = json_append_object(processes), *extras;

	json_put_i64(process, "pid", id->pid);
	json_put_string(process, "instance", id->instance);
	json_put_string(process, "command", id->command);
	extras = json_put_object(process, "extras");
	for (unsigned bit = 1; ht_extra_name(bit); bit <<= 1) {
		struct json *extra =
			json_put_object(extras, ht_extra_name(bit));

		json_put_bool(extra, "wanted", wanted & bit);
		json_put_bool(extra, "on", in_force & bit);
	}
}

static int switch_one(struct ht *h, void *argument)
{
	const struct change *c = argument;
	const struct ht_identity *id = ht_identity(h);
	unsigned wanted, in_force;

	if (ht_switch(h, c->on, c->off, &wanted, &in_force) != 0) {
		report("%d: cannot switch extras: %s", id->pid, ht_message(h));
		return STATUS_NOT_OBSERVED;
	}
	if (c->processes)
		put_state(c->processes, id, wanted, in_force);
	else
		print_state(id, wanted, in_force);
	return STATUS_OK;
}

static int switch_document(const struct choice *choice, struct change *c)
{
	struct json *document = document_new();
	int status;

	c->processes = document_processes(document);
	status = choose(choice, switch_one, c);
	if (status != STATUS_USAGE)
		json_write(document, stdout, false);
	json_free(document);
	return status;
}

int cmd_ctl(int argc, char **argv)
{
	struct choice choice = {
		.command = "ctl", .pids = argv, .pid_count = (size_t)argc,
		.glob = glob,
	};
	struct change change = { .processes = NULL };
	int status = read_switches(&change);

	if (status != STATUS_OK)
		return status;
	return json ? switch_document(&choice, &change) :
		      choose(&choice, switch_one, &change);
}
