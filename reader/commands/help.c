/* SPDX-License-Identifier: MIT */
#include "reader/commands/commands.h"
#include "reader/report.h"

int cmd_help(int argc, char **argv)
{
	const struct command *command;

	if (argc == 0) {
		commands_overview(stdout);
		return STATUS_OK;
	}
	command = command_find(argv[0]);
	if (!command)
		return command_unknown(argv[0]);
	options_help(&command->syntax, stdout);
	return STATUS_OK;
}
