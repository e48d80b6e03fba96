/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reader/commands/commands.h"
#include "reader/document.h"
#include "reader/examination.h"
#include "reader/findings.h"
#include "reader/format.h"
#include "reader/report.h"
#include "reader/style.h"

static bool json;

const struct option_row doctor_options[] = {
	{ 0, "json", NULL, OPTION_FLAG, &json, "as JSON" },
	{ 0 }
};

#define LABEL "%-9s  "

/* A line: label, and the rest as for printf(). */
#define print_fact(label, ...)          \
	do {                            \
		printf(LABEL, (label)); \
		printf(__VA_ARGS__);    \
		putchar('\n');          \
	} while (0)

/* ---- facts ---- */

/* Who serves malloc; NULL where that cannot be told. */
static const char *allocator_path(const struct examination *e)
{
	const struct object *x = examination_executable(e);
	const struct object *o = examination_definer(e, ELF_MALLOC);

	if (x && x->facts.exports & 1u << ELF_MALLOC)
		return x->path;
	return o ? o->path : NULL;
}

static void print_kind(const struct examination *e)
{
	const struct object *x = examination_executable(e);

	if (!x)
		return;
	if (*x->facts.interpreter)
		print_fact("kind", "%s, dynamic, by %s",
			   elf_kind_text(&x->facts),
			   format_escaped(x->facts.interpreter).s);
	else
		print_fact("kind", "%s, %s", elf_kind_text(&x->facts),
			   x->facts.is_static ? "static" : "a loader");
}

static void print_preloaded(const struct examination *e)
{
	for (size_t i = 1; i <= e->preloaded && i < e->count; i++)
		print_fact("preloaded", "%s",
			   format_escaped(e->objects[i].path).s);
}

static void print_directory(const struct examination *e)
{
	struct escaped_text directory = format_escaped(e->directory);

	if (e->directory_problem || e->free_bytes == UINT64_MAX)
		print_fact("segments", "%s", directory.s);
	else
		print_fact("segments", "%s, %s free", directory.s,
			   format_bytes(e->free_bytes, false).s);
}

static void print_tally(const struct examination *e)
{
	if (e->tally.found)
		print_fact("tally", "%s, coverage %s, %s", e->tally.state,
			   e->tally.coverage,
			   format_escaped(e->tally.place).s);
}

static void print_facts(const struct examination *e)
{
	const char *allocator = allocator_path(e);

	print_fact("program", "%s", format_escaped(e->program.path).s);
	if (*e->program.script)
		print_fact("script", "%s",
			   format_escaped(e->program.script).s);
	print_kind(e);
	print_preloaded(e);
	if (allocator)
		print_fact("allocator", "%s", format_escaped(allocator).s);
	if (e->library)
		print_fact("library", "%s", format_escaped(e->library).s);
	print_directory(e);
	print_tally(e);
}

static void print_finding(const struct finding *f)
{
	print_fact(f->verdict == VERDICT_FULL ? "note" :
						verdict_name(f->verdict),
		   "%s", f->reason);
	if (f->advice)
		print_fact("  to do", "%s", f->advice);
}

static void print_all(const struct examination *e, const struct findings *f)
{
	style_set(stdout, STYLE_BOLD);
	printf(LABEL "%s", "verdict", verdict_name(f->verdict));
	style_set(stdout, STYLE_PLAIN);
	putchar('\n');
	print_facts(e);
	for (size_t i = 0; i < f->count; i++)
		print_finding(&f->items[i]);
}

/* ---- JSON ---- */

static void put_optional(struct json *object, const char *key,
			 const char *value)
{
	if (value && *value)
		json_put_string(object, key, value);
}

static void put_facts(struct json *o, const struct examination *e)
{
	const struct object *x = examination_executable(e);
	const char *allocator = allocator_path(e);

	if (e->pid)
		json_put_i64(o, "pid", e->pid);
	json_put_string(o, "program", e->program.path);
	put_optional(o, "script", e->program.script);
	if (x) {
		json_put_string(o, "kind", elf_kind_text(&x->facts));
		put_optional(o, "interpreter", x->facts.interpreter);
	}
	put_optional(o, "allocator", allocator);
	put_optional(o, "library", e->library);
	put_optional(o, "companion", e->companion);
	json_put_string(o, "directory", e->directory);
	if (!e->directory_problem && e->free_bytes != UINT64_MAX)
		json_put_u64(o, "directory_free_bytes", e->free_bytes);
}

static void put_objects(struct json *o, const struct examination *e)
{
	struct json *libraries = json_put_array(o, "libraries");
	struct json *tally;

	for (size_t i = e->program.error == ELF_OK; i < e->count; i++)
		json_append_string(libraries, e->objects[i].path);
	if (!e->tally.found)
		return;
	tally = json_put_object(o, "tally");
	json_put_string(tally, "segment", e->tally.place);
	json_put_string(tally, "state", e->tally.state);
	json_put_string(tally, "coverage", e->tally.coverage);
	json_put_string(tally, "coverage_reason", e->tally.reason);
}

static void put_findings(struct json *o, const struct findings *f)
{
	struct json *findings = json_put_array(o, "findings");

	for (size_t i = 0; i < f->count; i++) {
		struct json *finding = json_append_object(findings);

		json_put_string(finding, "key", f->items[i].key);
		json_put_string(finding, "verdict",
				verdict_name(f->items[i].verdict));
		json_put_string(finding, "reason", f->items[i].reason);
		put_optional(finding, "advice", f->items[i].advice);
	}
}

static void print_json(const struct examination *e, const struct findings *f)
{
	struct json *document = document_new();
	struct json *o;

	document_stamp(document);
	o = json_put_object(document, "doctor");
	json_put_string(o, "verdict", verdict_name(f->verdict));
	put_facts(o, e);
	put_objects(o, e);
	put_findings(o, f);
	json_write(document, stdout, false);
	json_free(document);
}

/* ---- the command ---- */

static int show(struct examination *e)
{
	struct findings findings;
	int status;

	findings_judge(&findings, e);
	if (json)
		print_json(e, &findings);
	else
		print_all(e, &findings);
	status = findings.verdict == VERDICT_NONE ? STATUS_NOT_OBSERVED :
						    STATUS_OK;
	findings_release(&findings);
	return status;
}

static int examine_pid(struct examination *e, const char *operand)
{
	const char *why;
	long pid;

	errno = 0;
	pid = strtol(operand, NULL, 10);
	if (errno || pid < 1 || pid > INT_MAX)
		return report_usage("doctor", "'%s' is not a process id",
				    operand);
	why = examine_process(e, (int)pid);
	if (!why)
		return show(e);
	report("%ld: %s", pid, why);
	return STATUS_NOT_OBSERVED;
}

static int examine_name(struct examination *e, const char *command)
{
	const char *why = examine_command(e, command, NULL);

	if (!why)
		return show(e);
	report("cannot examine '%s': %s", command, why);
	return STATUS_NOT_OBSERVED;
}

int cmd_doctor(int argc, char **argv)
{
	struct examination e = { 0 };
	int status;

	if (argc == 0)
		return report_usage("doctor", "no command and no PID to examine");
	if (!options_is_pid(argv))
		status = examine_name(&e, argv[0]);
	else if (argc == 1)
		status = examine_pid(&e, argv[0]);
	else
		status = report_usage("doctor", "unexpected argument '%s'",
				      argv[1]);
	examination_release(&e);
	return status;
}
