/* SPDX-License-Identifier: MIT */
#include "reader/troubles.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "reader/format.h"
#include "reader/report.h"

#define NAMED_MAX 5 /* damaged files named one by one */

char *place_path(const struct ht_place *p)
{
	char *path, root[32] = "";

	if (p->inside_pid)
		snprintf(root, sizeof(root), "/proc/%d/root", p->inside_pid);
	if (asprintf(&path, "%s%s%s%s%s%s", root, ht_directory(),
		     *p->run ? "/" : "", p->run, *p->name ? "/" : "",
		     p->name) < 0)
		path = NULL;
	return report_oom(path);
}

void trouble_note(struct troubles *t, const struct ht *h,
		  const struct ht_place *place, int error)
{
	char *path;

	if (error == -ENOENT)
		return;
	if (error == -EACCES || error == -EPERM) {
		t->foreign++;
		return;
	}
	if (++t->named > NAMED_MAX)
		return;
	path = place_path(place);
	report("skipped '%s': %s", path, ht_message(h));
	free(path);
}

void troubles_print(const struct troubles *t)
{
	if (t->named > NAMED_MAX)
		report("skipped %zu more files that cannot be read",
		       t->named - NAMED_MAX);
	if (t->foreign)
		report("%zu segment%s to other users: run as root to see %s",
		       t->foreign, t->foreign == 1 ? " belongs" : "s belong",
		       t->foreign == 1 ? "it" : "them");
}
