/* SPDX-License-Identifier: MIT */
#include "reader/commands/commands.h"
#include "reader/format.h"
#include "reader/report.h"
#include "reader/session.h"

static const char *output_name, *glob;
static struct string_list only;
static double interval_seconds = 1, duration_seconds;
static bool force, no_follow, quiet;

const struct option_row record_options[] = {
	{ 'o', "output", "FILE", OPTION_STRING, &output_name,
	  "where to write the samples, as JSON lines; '-' = stdout" },
	{ 'i', "interval", "SEC", OPTION_INTERVAL, &interval_seconds,
	  "time between samples, 1 by default, at least 0.01" },
	{ 'd', "duration", "SEC", OPTION_SECONDS, &duration_seconds,
	  "stop after that time, and a COMMAND with it" },
	{ 0, "force", NULL, OPTION_FLAG, &force,
	  "overwrite FILE if it exists" },
	{ 0, "name", "GLOB", OPTION_STRING, &glob,
	  "the process whose command matches" },
	{ 0, "no-follow", NULL, OPTION_FLAG, &no_follow,
	  "record the process alone, not what it starts" },
	{ 0, "only", "GLOB", OPTION_STRINGS, &only,
	  "record only processes whose command matches" },
	{ 'q', "quiet", NULL, OPTION_FLAG, &quiet,
	  "no progress on a terminal, no last line" },
	{ 0 }
};

/* The command's own status comes first; ours where it succeeded. */
static int conclude(const struct session_result *result, const char *subject)
{
	if (!quiet && result->complete)
		report("%s sample%s of %s process%s in '%s'",
		       format_count(result->samples).s,
		       result->samples == 1 ? "" : "s",
		       format_count(result->processes).s,
		       result->processes == 1 ? "" : "es", output_name);
	if (result->not_observed)
		report("'%s' was not observed: %s", subject,
		       result->not_observed);
	if (result->command_status && !result->was_stopped)
		return result->command_status;
	if (!result->complete)
		return STATUS_FAILED;
	return result->not_observed ? STATUS_NOT_OBSERVED : STATUS_OK;
}

static int check_usage(bool running)
{
	if (!output_name)
		return report_usage("record", "no file to write to: -o FILE");
	if (!running && glob)
		return report_usage("record", "--name is for a running "
				    "process, and excludes a COMMAND");
	return STATUS_OK;
}

int cmd_record(int argc, char **argv)
{
	bool running = argc == 0 || (argc == 1 && options_is_pid(argv));
	struct session_request request = {
		.command_name = "record", .output = output_name,
		.force = force, .interval_seconds = interval_seconds,
		.duration_seconds = duration_seconds, .only = &only,
		.no_follow = no_follow, .shows_progress = !quiet,
		.glob = glob,
	};
	struct session_result result;
	int status = check_usage(running);

	if (status != STATUS_OK)
		return status;
	status = running ? session_record_process(&request, argv[0], &result) :
			   session_record_command(&request, argv, &result);
	if (status != STATUS_OK)
		return status;
	return conclude(&result, argc ? argv[0] : "the process");
}
