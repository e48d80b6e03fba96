/* SPDX-License-Identifier: MIT */
#include "reader/commands/commands.h"

#include <limits.h>
#include <string.h>

#include "reader/report.h"
#include "reader/suggest.h"

/*
 * To add a command: write commands/<name>.c with cmd_<name>() and
 * <name>_options, declare both in commands.h, and add its row here in
 * alphabetical order. Help and completion follow from the row; the manual
 * (reader/heaptally.1) has a section for each.
 */
static const struct command commands[] = {
	{ { "check", "judge whether memory or threads grow without end, and "
	    "fail if so", "[PID | -- COMMAND [ARG...] | FILE...]", INT_MAX,
	    false, check_options }, cmd_check },
	{ { "ctl", "switch the extras of a live process on and off", "[PID...]",
	    INT_MAX, false, ctl_options }, cmd_ctl },
	{ { "doctor", "tell how much of a command or process can be tallied",
	    "PID | [--] COMMAND [ARG...]", INT_MAX, true, doctor_options },
	  cmd_doctor },
	{ { "env", "print shell lines that preload the tally: "
	    "eval \"$(heaptally env)\"",
	    "", 0, false, env_options }, cmd_env },
	{ { "help", "show what a command does", "[COMMAND]", 1, false, NULL },
	  cmd_help },
	{ { "list", "list the processes being tallied", "", 0, false,
	    list_options }, cmd_list },
	{ { "mark", "tell whoever records that one unit of work is done",
	    "[PID]", 1, false, mark_options }, cmd_mark },
	{ { "metrics", "describe every metric", "", 0, false,
	    metrics_options }, cmd_metrics },
	{ { "record", "write samples of a process, or of a command and what it "
	    "starts, to a file", "[PID | [--] COMMAND [ARG...]]", INT_MAX, true,
	    record_options }, cmd_record },
	{ { "run", "start a command under the tally and sum it up at the end",
	    "[--] COMMAND [ARG...]", INT_MAX, true, run_options }, cmd_run },
	{ { "stat", "print every metric of a process once", "[PID...]",
	    INT_MAX, false, stat_options }, cmd_stat },
	{ { "sweep", "remove what ended processes left behind", "", 0, false,
	    sweep_options }, cmd_sweep },
	{ { "watch", "print a line each interval, like vmstat", "[PID]", 1,
	    false, watch_options }, cmd_watch },
};

#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

const struct command *command_find(const char *name)
{
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		if (strcmp(commands[i].syntax.name, name) == 0)
			return &commands[i];
	return NULL;
}

int command_unknown(const char *name)
{
	struct suggestion s = { .word = name };

	for (size_t i = 0; i < COMMAND_COUNT; i++)
		suggest_offer(&s, commands[i].syntax.name);
	if (s.best)
		return report_usage(NULL, "unknown command '%s', did you mean "
				    "'%s'?", name, s.best);
	return report_usage(NULL, "unknown command '%s'", name);
}

void commands_overview(FILE *out)
{
	fputs("usage: heaptally COMMAND [OPTION...] [ARG...]\n"
	      "       heaptally --version | --help\n\n"
	      "Counts heap objects, bytes and threads of unmodified "
	      "programs.\n\ncommands:\n", out);
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		fprintf(out, "  %-9s %s\n", commands[i].syntax.name,
			commands[i].syntax.summary);
	fputs("\n'heaptally COMMAND --help' lists the options of a command.\n",
	      out);
}
