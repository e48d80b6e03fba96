/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "reader/choose.h"
#include "reader/commands/commands.h"
#include "reader/marks.h"
#include "reader/report.h"

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

/* Takes over `directory`, a descriptor or -1 with errno. */
static int append_in(int directory, const char *file)
{
	int error = directory < 0 ? -errno :
				    marks_append(directory, file, mark_name);

	if (directory >= 0)
		close(directory);
	return error;
}

/* Whoever records it alone, and whoever records the run it is part of. */
static int mark_process(struct ht *h, void *unused)
{
	const struct ht_place *place = ht_place(h);
	char file[SEGMENT_NAME_BYTES], subject[32];
	int own, run = -ENOENT;

	(void)unused;
	marks_file_of(file, place);
	own = append_in(marks_directory(h), file);
	if (place->run[0])
		run = marks_append(ht_dirfd(h), MARKS_RUN_NAME, mark_name);
	snprintf(subject, sizeof(subject), "process %d", place->pid);
	if (own == 0 || run == 0)
		return STATUS_OK;
	return conclude(own == -ENOENT ? run : own, subject);
}

int cmd_mark(int argc, char **argv)
{
	const char *path = getenv("HEAPTALLY_MARK");
	struct choice choice = {
		.command = "mark", .pids = argv, .pid_count = (size_t)argc,
		.single = true,
	};

	if (argc || !path || !*path)
		return choose(&choice, mark_process, NULL);
	return conclude(marks_append(AT_FDCWD, path, mark_name),
			"this command");
}
