/* SPDX-License-Identifier: MIT */
/*
 * An issue for each outcome that fails or warns. GitLab compares the issues
 * of two branches by their fingerprints, so these tell what grows, and not
 * how much or in which process id. There is no line of source to point to:
 * the path is the program's.
 */
#include <stdlib.h>
#include <string.h>

#include "reader/check/report_outcome.h"
#include "reader/format.h"
#include "reader/json.h"
#include "reader/report.h"

#define ISSUES_MAX 200

static const char *severity(const struct check_outcome *o)
{
	if (!check_outcome_fails(o))
		return o->verdict == CHECK_INCONCLUSIVE ? "info" : "minor";
	return check_is_warning(o->verdict) ? "major" : "critical";
}

/* FNV-1a, its end included, so that "ab", "c" is not "a", "bc". */
static uint64_t hashed(uint64_t hash, const char *text)
{
	do {
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3ULL;
	} while (*text++);
	return hash;
}

static uint64_t fingerprint(const struct check_outcome *o)
{
	const struct check_report *r = o->report;
	uint64_t hash = 0xcbf29ce484222325ULL;

	/* Of attempts each may find the same; files are different things. */
	if (!r->is_live && o->run && o->run->file)
		hash = hashed(hash, o->run->file);
	hash = hashed(hash, o->process ? o->process->command : r->subject);
	for (size_t i = 1; i < o->twin; i++)
		hash = hashed(hash, "twin");
	hash = hashed(hash, check_outcome_subject(o).s);
	return hashed(hash, check_verdict_name(o->verdict));
}

static bool is_known(const uint64_t *known, size_t count, uint64_t hash)
{
	for (size_t i = 0; i < count; i++)
		if (known[i] == hash)
			return true;
	return false;
}

/* GitLab joins it to the address of the repository: no leading slash. */
static const char *path(const struct check_outcome *o)
{
	const char *path = o->process ? o->process->exe : "";

	if (!*path && o->run && o->run->command && o->run->command[0])
		path = o->run->command[0];
	if (strncmp(path, "./", 2) == 0)
		path += 2;
	path += strspn(path, "/");
	return *path ? path : "heaptally";
}

static void put_check_name(struct json *issue, const struct check_outcome *o)
{
	char name[64];

	snprintf(name, sizeof(name), "heaptally %s",
		 check_outcome_subject(o).s);
	json_put_string(issue, "check_name", name);
}

static void put_issue(struct json *issues, const struct check_outcome *o,
		      uint64_t hash)
{
	struct json *issue = json_append_object(issues);
	struct json *location;
	char *text = check_outcome_text(o);
	char *description = NULL;
	char digits[17];

	if (asprintf(&description, "%s: %s", check_verdict_name(o->verdict),
		     text) < 0)
		description = report_oom(NULL);
	snprintf(digits, sizeof(digits), "%016llx", (unsigned long long)hash);
	json_put_string(issue, "description", description);
	put_check_name(issue, o);
	json_put_string(issue, "fingerprint", digits);
	json_put_string(issue, "severity", severity(o));
	location = json_put_object(issue, "location");
	json_put_string(location, "path", format_escaped(path(o)).s);
	json_put_u64(json_put_object(location, "lines"), "begin", 1);
	free(description);
	free(text);
}

void check_report_gitlab(const struct check_report *r, FILE *out)
{
	uint64_t known[ISSUES_MAX];
	size_t count = 0;
	struct check_outcomes list;
	struct json *issues = json_new_array();

	check_outcomes_list(&list, r);
	for (size_t i = 0; i < list.count && count < ISSUES_MAX; i++) {
		const struct check_outcome *o = &list.items[i];
		uint64_t hash = fingerprint(o);

		if ((!check_outcome_fails(o) && !check_outcome_warns(o)) ||
		    is_known(known, count, hash))
			continue;
		put_issue(issues, o, hash);
		known[count++] = hash;
	}
	json_write(issues, out, false);
	json_free(issues);
	check_outcomes_release(&list);
}
