/* SPDX-License-Identifier: MIT */
#include "reader/check/report_next_step.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "reader/check/report_escape.h"
#include "reader/report.h"

#define DURATION_MIN  120 /* seconds: enough for the default rules */
#define ARGUMENTS_MAX 24  /* shown of a command */

/* What the check was made of. */
enum target_kind {
	TARGET_COMMAND = 1,
	TARGET_ENDED = 2, /* a command that ended by itself */
	TARGET_PID = 4,
	TARGET_FILE = 8,  /* judged from a recording */
	TARGET_KEPT = 16, /* measured now, and the samples are in a file */
};

enum option_kind {
	OPTION_NONE,
	OPTION_REPEAT,
	OPTION_LONGER,     /* --duration */
	OPTION_LATER,      /* --warmup and --duration */
	OPTION_HTML,
};

/* To add a step: a row. Those that apply are shown in this order. */
static const struct step {
	const char *command;
	const char *why;
	unsigned verdicts;       /* bits of enum check_verdict */
	unsigned targets;        /* bits of enum target_kind */
	enum option_kind option;
	bool is_first_look;      /* only without --repeat */
} steps[] = {
	{ "check", "does it grow every time?", 1 << CHECK_GROWTH,
	  TARGET_COMMAND | TARGET_ENDED, OPTION_REPEAT, true },
	{ "check", "growth without end keeps its slope in a longer run",
	  1 << CHECK_GROWTH, TARGET_PID, OPTION_LONGER, true },
	{ "check", "judge only what comes after the start, and longer",
	  1 << CHECK_PLATEAU | 1 << CHECK_STEP, TARGET_COMMAND | TARGET_PID,
	  OPTION_LATER, false },
	{ "check", "watch it for longer", 1 << CHECK_INCONCLUSIVE,
	  TARGET_COMMAND | TARGET_PID, OPTION_LONGER, false },
	{ "doctor", "what stands in the way?", 1 << CHECK_NOT_OBSERVED,
	  TARGET_COMMAND | TARGET_ENDED | TARGET_PID, OPTION_NONE, false },
	{ "check", "all of it, with charts",
	  1 << CHECK_GROWTH | 1 << CHECK_LIMIT | 1 << CHECK_PLATEAU |
	  1 << CHECK_STEP, TARGET_FILE | TARGET_KEPT, OPTION_HTML, false },
};

const struct check_run *next_steps_run(const struct check_report *r)
{
	for (size_t i = 0; i < r->run_count; i++)
		if (r->runs[i].verdict == r->verdict)
			return &r->runs[i];
	return &r->runs[0];
}

/* The subject is no PID where a command could not even be started. */
static bool is_pid(const char *subject)
{
	return *subject && !subject[strspn(subject, "0123456789")];
}

static unsigned target_kinds(const struct check_report *r,
			     const struct check_run *run)
{
	unsigned kinds = run->file ? TARGET_KEPT : 0;

	if (!r->is_live)
		return TARGET_FILE;
	if (!run->command)
		return kinds | (is_pid(r->subject) ? TARGET_PID : 0);
	return kinds | (strncmp(run->ending, "exited", 6) == 0 ?
			TARGET_ENDED : TARGET_COMMAND);
}

/* ---- the words of a command line ---- */

/* Most words need no quotes. */
static void write_word(FILE *out, const char *word)
{
	static const char plain[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"0123456789_@%+=:,./-";
	bool quoted = !*word || word[strspn(word, plain)];

	fputs(quoted ? " '" : " ", out);
	escape_foreign(out, ESCAPE_SHELL, word);
	if (quoted)
		fputc('\'', out);
}

static void write_command(FILE *out, const char *const *argv)
{
	fputs(" --", out);
	for (size_t i = 0; argv[i]; i++) {
		if (i == ARGUMENTS_MAX) {
			fputs(" ...", out);
			return;
		}
		write_word(out, argv[i]);
	}
}

static void write_options(FILE *out, enum option_kind option,
			  const struct check_report *r,
			  const struct check_run *run)
{
	double seconds = ceil(fmax(run->seconds, 1));
	double done = r->by_iterations ? (double)run->iterations : seconds;

	if (r->by_iterations && option != OPTION_NONE)
		fputs(" --iterations", out);
	switch (option) {
	case OPTION_NONE:
		break;
	case OPTION_REPEAT:
		fputs(" --repeat 3", out);
		break;
	case OPTION_LONGER:
		fprintf(out, " --duration %.0f", fmax(2 * seconds,
						     DURATION_MIN));
		break;
	case OPTION_LATER:
		fprintf(out, " --warmup %.0f --duration %.0f", done,
			3 * seconds + DURATION_MIN);
		break;
	case OPTION_HTML:
		fputs(" --html report.html", out);
		break;
	}
}

static void write_target(FILE *out, unsigned kinds,
			 const struct check_report *r,
			 const struct check_run *run)
{
	if (kinds & (TARGET_COMMAND | TARGET_ENDED))
		write_command(out, run->command);
	else if (kinds & TARGET_PID)
		write_word(out, r->subject);
	else if (run->file)
		write_word(out, run->file);
}

static char *command_line(const struct step *step, unsigned kinds,
			  const struct check_report *r,
			  const struct check_run *run)
{
	char *text = NULL;
	size_t length;
	FILE *stream = report_oom(open_memstream(&text, &length));

	fprintf(stream, "heaptally %s", step->command);
	write_options(stream, step->option, r, run);
	write_target(stream, kinds, r, run);
	fclose(stream);
	return report_oom(text);
}

void next_steps_find(struct next_steps *ret, const struct check_report *r,
		     bool has_charts)
{
	const struct check_run *run = next_steps_run(r);
	unsigned kinds = target_kinds(r, run);

	*ret = (struct next_steps){ 0 };
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		const struct step *s = &steps[i];

		if (!(s->verdicts & 1u << r->verdict) ||
		    !(s->targets & kinds) || ret->count == NEXT_STEPS_MAX ||
		    (s->is_first_look && r->confirm_runs > 1) ||
		    (s->option == OPTION_HTML && has_charts))
			continue;
		ret->items[ret->count++] = (struct next_step){
			command_line(s, s->targets & kinds, r, run), s->why
		};
	}
}

void next_steps_release(struct next_steps *n)
{
	for (size_t i = 0; i < n->count; i++)
		free(n->items[i].command);
	n->count = 0;
}
