/* SPDX-License-Identifier: MIT */
#include "reader/check_outputs.h"

#include <langinfo.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "reader/report.h"
#include "reader/style.h"

#define GITLAB_FILE   "gl-code-quality-report.json"
#define WIDTH_DEFAULT 80
#define WIDTH_MIN     40
#define WIDTH_MAX     200

static const struct {
	const char *option;
	void (*write)(const struct check_report *r, FILE *out);
} formats[CHECK_FORMATS] = {
	[CHECK_FORMAT_JSON] = { "json", check_report_json },
	[CHECK_FORMAT_JUNIT] = { "junit", check_report_junit },
	[CHECK_FORMAT_HTML] = { "html", check_report_html },
	[CHECK_FORMAT_GITLAB] = { "gitlab", check_report_gitlab },
};

static bool is_set(const char *variable)
{
	const char *value = getenv(variable);

	return value && strcmp(value, "true") == 0;
}

/* One that is there may be another tool's, and there is only one name. */
static void choose_gitlab(struct check_outputs *o)
{
	if (o->names[CHECK_FORMAT_GITLAB] || !is_set("GITLAB_CI"))
		return;
	if (access(GITLAB_FILE, F_OK) != 0)
		o->names[CHECK_FORMAT_GITLAB] = GITLAB_FILE;
	else
		report("'%s' is there already: give --gitlab another name",
		       GITLAB_FILE);
}

static int refuse_two_on_stdout(const struct check_outputs *o)
{
	const char *first = NULL;

	for (int i = 0; i < CHECK_FORMATS; i++) {
		if (!o->names[i] || strcmp(o->names[i], "-") != 0)
			continue;
		if (first)
			return report_usage("check", "--%s and --%s cannot "
					    "both be written to '-'", first,
					    formats[i].option);
		first = formats[i].option;
	}
	return STATUS_OK;
}

int check_outputs_open(struct check_outputs *o)
{
	int status = refuse_two_on_stdout(o);

	if (status != STATUS_OK)
		return status;
	choose_gitlab(o);
	for (int i = 0; i < CHECK_FORMATS; i++)
		if (o->names[i] &&
		    !output_file_open(&o->files[i], o->names[i])) {
			o->names[i] = NULL;
			check_outputs_abandon(o);
			return STATUS_FAILED;
		}
	return STATUS_OK;
}

void check_outputs_abandon(struct check_outputs *o)
{
	for (int i = 0; i < CHECK_FORMATS; i++)
		if (o->names[i] && o->files[i].stream)
			output_file_abandon(&o->files[i]);
}

/* ---- for a person ---- */

static unsigned width_of(FILE *out)
{
	const char *columns = getenv("COLUMNS");
	unsigned long width = columns ? strtoul(columns, NULL, 10) : 0;
	struct winsize size;

	if (!width && ioctl(fileno(out), TIOCGWINSZ, &size) == 0)
		width = size.ws_col;
	if (!width)
		width = WIDTH_DEFAULT;
	if (width < WIDTH_MIN)
		width = WIDTH_MIN;
	return width > WIDTH_MAX ? WIDTH_MAX : (unsigned)width;
}

static void write_for_person(const struct check_outputs *o,
			     const struct check_report *r)
{
	const struct check_text_style style = {
		.width = width_of(o->person),
		.utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0,
		.color = style_is_wanted(o->person),
	};

	if (o->is_brief)
		fprintf(o->person, "%s: %s\n", check_verdict_name(r->verdict),
			r->reason);
	else
		check_report_text(r, &style, o->person);
	fflush(o->person);
}

/* ---- CI services ---- */

static bool append_summary(const struct check_report *r, const char *name)
{
	FILE *out = fopen(name, "ae");

	if (out) {
		check_report_github_summary(r, out);
		if (fclose(out) == 0)
			return true;
	}
	report("cannot write '%s', the job summary of GitHub", name);
	return false;
}

static bool write_for_github(const struct check_outputs *o,
			     const struct check_report *r)
{
	const char *summary = getenv("GITHUB_STEP_SUMMARY");

	if (!is_set("GITHUB_ACTIONS"))
		return true;
	check_report_github(r, o->person);
	return !summary || !*summary || append_summary(r, summary);
}

/* Nothing on standard output beside a document that goes there. */
static bool has_document_on_stdout(const struct check_outputs *o)
{
	for (int i = 0; i < CHECK_FORMATS; i++)
		if (o->names[i] && strcmp(o->names[i], "-") == 0)
			return true;
	return false;
}

bool check_outputs_write(struct check_outputs *o,
			 const struct check_report *r)
{
	bool complete;

	if (has_document_on_stdout(o))
		o->person = stderr;
	write_for_person(o, r);
	complete = write_for_github(o, r);
	for (int i = 0; i < CHECK_FORMATS; i++) {
		if (!o->names[i])
			continue;
		formats[i].write(r, o->files[i].stream);
		complete &= output_file_finish(&o->files[i]);
	}
	return complete;
}
