/* SPDX-License-Identifier: MIT */
#include "reader/diagnose.h"

#include <stdlib.h>
#include <string.h>

#include "reader/examination.h"
#include "reader/findings.h"
#include "reader/format.h"
#include "reader/report.h"

static char *answer;

#define say(...) report_clause(&answer, __VA_ARGS__)

/* A segment that was found by its mapping is where nobody looked. */
static const char *explain_process(const struct examination *e,
				   const struct findings *f)
{
	const struct finding *worst = findings_first(f, VERDICT_NONE);
	struct escaped_text place = format_escaped(e->tally.place);
	char *slash = strrchr(place.s, '/');

	if (slash)
		*slash = '\0';
	if (e->tally.found)
		return say("its segment is in '%s': set HEAPTALLY_DIR to that",
			   place.s);
	if (!worst)
		return "it has no segment";
	return worst->advice ? say("%s: %s", worst->reason, worst->advice) :
			       say("%s", worst->reason);
}

const char *diagnose_process(int pid)
{
	struct examination e;
	struct findings findings;
	const char *why = examine_process(&e, pid);

	if (!why) {
		findings_judge(&findings, &e);
		why = explain_process(&e, &findings);
		findings_release(&findings);
	}
	examination_release(&e);
	return why;
}

const char *diagnose_program(const char *program, const char *const *libraries)
{
	struct examination e;
	struct findings findings;
	const struct finding *worst;
	const char *why = examine_command(&e, program, libraries);

	if (!why) {
		/* It had a directory that was made for it. */
		free(e.directory_problem);
		e.directory_problem = NULL;
		findings_judge(&findings, &e);
		worst = findings_first(&findings, VERDICT_NONE);
		why = worst ? say("%s: %s", format_escaped(e.program.path).s,
				  worst->reason) :
			"its tally never began: it ended before, or was off, "
			"of which HEAPTALLY_VERBOSE=1 tells more";
		findings_release(&findings);
	}
	examination_release(&e);
	return why;
}
