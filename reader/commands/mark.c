/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "reader/commands/commands.h"
#include "reader/marks.h"
#include "reader/report.h"
#include "reader/select.h"

static const char *mark_name = "";

const struct option_row mark_options[] = {
	{ 0, "name", "NAME", OPTION_STRING, &mark_name,
	  "what was done, for the charts" },
	{ 0 }
};

/* Says why nothing was marked. */
static int conclude(int error, const char *subject)
{
	if (!error)
		return STATUS_OK;
	if (error == -ENOENT)
		report("nobody records %s: start 'heaptally record' or "
		       "'heaptally check' first", subject);
	else
		report("cannot mark %s: %s", subject, report_errno(-error));
	return STATUS_NOT_OBSERVED;
}

static int append_in(const struct discovery *d, const struct place *directory,
		     const char *file)
{
	int fd = discover_open_directory(d, directory);
	int error = fd < 0 ? -errno : marks_append(fd, file, mark_name);

	if (fd >= 0)
		close(fd);
	return error;
}

/* Whoever records it alone, and whoever records the run it is part of. */
static int mark_place(const struct discovery *d, const struct place *place)
{
	struct place beside = { .inside_pid = place->inside_pid };
	char file[SEGMENT_NAME_BYTES], subject[32];
	int own, run = -ENOENT;

	marks_file_of(file, place);
	own = append_in(d, &beside, file);
	if (*place->run)
		run = append_in(d, place, MARKS_RUN_NAME);
	snprintf(subject, sizeof(subject), "process %d", place->pid);
	if (own == 0 || run == 0)
		return STATUS_OK;
	return conclude(own == -ENOENT ? run : own, subject);
}

static int mark_process(int argc, char **argv)
{
	struct select_request request = {
		.command = "mark", .pids = argv, .pid_count = (size_t)argc,
		.single = true,
	};
	struct selection chosen;
	struct discovery d;
	int status = select_scan(&d);

	if (status != STATUS_OK)
		return status;
	status = select_targets(&chosen, &d, &request);
	if (status == STATUS_OK)
		status = mark_place(&d, &chosen.places[0]);
	select_release(&chosen);
	discover_release(&d);
	return status;
}

int cmd_mark(int argc, char **argv)
{
	const char *path = getenv("HEAPTALLY_MARK");

	if (argc || !path || !*path)
		return mark_process(argc, argv);
	return conclude(marks_append(AT_FDCWD, path, mark_name),
			"this command");
}
