/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "reader/commands/commands.h"
#include "reader/report.h"

/*
 * Started with a standard stream closed, the next file opened would take its
 * number and be printed into. The other way round a write fails and is seen;
 * close-on-exec, so that a command we run finds it closed, as it should.
 */
static void occupy_standard_streams(void)
{
	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
			open("/dev/null",
			     (fd == 0 ? O_WRONLY : O_RDONLY) | O_CLOEXEC);
}

static int run_command(int argc, char **argv)
{
	const struct command *command = command_find(argv[0]);
	int status;

	if (!command)
		return command_unknown(argv[0]);
	if (!options_parse(&command->syntax, &argc, &argv, &status))
		return status;
	return command->run(argc, argv);
}

static int dispatch(int argc, char **argv)
{
	if (argc < 2) {
		commands_overview(stderr);
		return STATUS_USAGE;
	}
	if (strcmp(argv[1], "--version") == 0) {
		puts("heaptally " HEAPTALLY_VERSION);
		return STATUS_OK;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		commands_overview(stdout);
		return STATUS_OK;
	}
	if (argv[1][0] == '-')
		return report_usage(NULL, "unknown option '%s'", argv[1]);
	return run_command(argc - 1, argv + 1);
}

int main(int argc, char **argv)
{
	occupy_standard_streams();
	/* For names in the user's script; numbers stay as JSON wants them. */
	setlocale(LC_CTYPE, "");
	return report_output(dispatch(argc, argv));
}
