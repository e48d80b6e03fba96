/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "reader/commands/commands.h"
#include "reader/discover.h"
#include "reader/document.h"
#include "reader/extras.h"
#include "reader/format.h"
#include "reader/report.h"
#include "reader/select.h"

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

/* What to change, of all extras. */
struct change {
	uint32_t on, off;
};

static int read_switch(struct change *c, const struct control_row *row,
		       const char *value)
{
	if (!value)
		return STATUS_OK;
	if (strcmp(value, "on") == 0)
		c->on |= row->extra;
	else if (strcmp(value, "off") == 0)
		c->off |= row->extra;
	else
		return report_usage("ctl", "--%s takes 'on' or 'off', not '%s'",
				    row->name, value);
	return STATUS_OK;
}

static int read_switches(struct change *c)
{
	const char *const *const values[] = {
		[0] = &mutex, [1] = &stall, [2] = &requested, [3] = &allocator,
	};
	size_t count;
	const struct control_row *rows = control_all(&count);

	for (size_t i = 0; i < count; i++)
		if (read_switch(c, &rows[i], *values[i]) != STATUS_OK)
			return STATUS_USAGE;
	if (histogram && strcmp(histogram, "exact") != 0)
		return report_usage("ctl", "--histogram can only be 'exact', "
				    "not '%s': sizes are what objects are "
				    "counted by, at no cost of their own",
				    histogram);
	return STATUS_OK;
}

static const char *state_text(uint32_t wanted, uint32_t in_force, uint32_t bit)
{
	if ((wanted ^ in_force) & bit)
		return wanted & bit ? "asked for" : "on, asked to stop";
	return wanted & bit ? "on" : "off";
}

static void print_state(const struct target_identity *id, int pid,
			uint32_t wanted, uint32_t in_force)
{
	size_t count;
	const struct control_row *rows = control_all(&count);

	printf("%d %s: ", pid, format_escaped(id->comm).s);
	for (size_t i = 0; i < count; i++)
		printf("%s%s %s", i ? ", " : "", rows[i].name,
		       state_text(wanted, in_force, rows[i].extra));
	putchar('\n');
	if (wanted != in_force)
		report("%d (%s) has not noticed yet: it will when it starts a "
		       "thread or has allocated more, 1 MiB at most", pid,
		       format_escaped(id->comm).s);
}

static void put_state(struct json *processes, const struct target_identity *id,
		      int pid, uint32_t wanted, uint32_t in_force)
{
	struct json *process = json_append_object(processes), *extras;
	size_t count;
	const struct control_row *rows = control_all(&count);

	json_put_i64(process, "pid", pid);
	json_put_string(process, "instance", id->instance);
	json_put_string(process, "command", id->comm);
	extras = json_put_object(process, "extras");
	for (size_t i = 0; i < count; i++) {
		struct json *extra = json_put_object(extras, rows[i].name);

		json_put_bool(extra, "wanted", wanted & rows[i].extra);
		json_put_bool(extra, "on", in_force & rows[i].extra);
	}
}

static int switch_one(const struct discovery *d, const struct place *p,
		      const struct change *c, struct json *processes)
{
	struct attachment *a = NULL;
	enum attach_error failed = discover_attach(d, p, &a);
	uint32_t wanted = 0, in_force = 0;
	int error;

	if (failed) {
		report("%d: %s", p->pid, attach_error_text(failed));
		return STATUS_NOT_OBSERVED;
	}
	error = extras_switch(d, p, a, c->on, c->off, &wanted, &in_force);
	if (error)
		report("%d: cannot switch extras: %s", p->pid,
		       extras_trouble(error));
	else if (processes)
		put_state(processes, attach_identity(a), p->pid, wanted, in_force);
	else
		print_state(attach_identity(a), p->pid, wanted, in_force);
	attach_close(a);
	return error ? STATUS_NOT_OBSERVED : STATUS_OK;
}

static int switch_all(const struct discovery *d, const struct selection *s,
		      const struct change *c)
{
	struct json *document = json ? document_new() : NULL;
	struct json *processes = json ? document_processes(document) : NULL;
	int worst = STATUS_OK;

	for (size_t i = 0; i < s->count; i++) {
		int status = switch_one(d, &s->places[i], c, processes);

		worst = status != STATUS_OK ? status : worst;
	}
	if (document) {
		json_write(document, stdout, false);
		json_free(document);
	}
	return worst;
}

int cmd_ctl(int argc, char **argv)
{
	struct select_request request = {
		.command = "ctl", .pids = argv, .pid_count = (size_t)argc,
		.glob = glob,
	};
	struct change change = { 0 };
	struct selection chosen;
	struct discovery d;
	int switched, status = read_switches(&change);

	if (status == STATUS_OK)
		status = select_scan(&d);
	if (status != STATUS_OK)
		return status;
	status = select_targets(&chosen, &d, &request);
	if (status != STATUS_USAGE && chosen.count) {
		switched = switch_all(&d, &chosen, &change);
		status = status == STATUS_OK ? switched : status;
	}
	select_release(&chosen);
	discover_release(&d);
	return status;
}
