/* SPDX-License-Identifier: MIT */
#include "reader/recording.h"

#include <errno.h>
#include <fnmatch.h>
#include <limits.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "reader/format.h"
#include "reader/json.h"
#include "reader/report.h"
#include "reader/summary.h"

#define SCHEMA         1
#define LINE_BYTES_MAX (1 << 20) /* of ours none has a hundredth of that */
#define MARKS_MAX      4096      /* kept one by one: a chart has less room */

/* The samples of one series, while they grow. */
struct points {
	double *seconds;
	struct trend_point *points;
	size_t count, room;
};

/* What check_process is made of. */
struct image {
	char instance[33];             /* the key: cut, if it is not ours */
	struct json *head;             /* its "process" line */
	const char *state;
	struct points series[CHECK_SERIES];
	struct check_totals totals;
	double from_seconds, to_seconds, replaced_seconds;
	bool is_replaced, has_ended, is_left_out;
};

struct recording_contents {
	const struct recording_request *request;
	const char *file;
	FILE *stream;
	unsigned long line;            /* being read, from 1 */
	struct json *head, *finish;
	struct image **images;         /* in order of appearance */
	size_t image_count, image_room;
	void *by_instance;             /* tsearch(3) of the same */
	struct check_mark *marks;
	size_t mark_count, mark_room;
	struct json **mark_lines;      /* where their names are */
	size_t mark_line_count, mark_line_room;
	uint64_t origin_ns;            /* of the first sample or mark */
	bool has_origin;
	double end_seconds;            /* of the last sample */
	uint64_t samples, iterations;
	const char **command;
	struct text ending;
	struct escaped_text not_observed;
};

/* Makes room for one more item of `items`. */
#define GROW(items, count, room)                                            \
	((count) < (room) ? (void)0 :                                       \
	 (void)((room) = 2 * (room) + 16,                                   \
		(items) = report_oom(reallocarray((items), (room),          \
						  sizeof(*(items))))))

static const char *text_of(const struct json *object, const char *key)
{
	const char *text = json_get_string(object, key);

	return text ? text : "";
}

/* ---- messages ---- */

static int refuse(const struct recording_contents *c, const char *why)
{
	report("'%s' %s", format_escaped(c->file).s, why);
	return STATUS_USAGE;
}

static int refuse_line(const struct recording_contents *c)
{
	report("'%s' is damaged: line %lu is nothing that 'heaptally record' "
	       "wrote", format_escaped(c->file).s, c->line);
	return STATUS_USAGE;
}

/* ---- images ---- */

static int compare_images(const void *left, const void *right)
{
	const struct image *a = left, *b = right;

	return strcmp(a->instance, b->instance);
}

static struct image *find_image(const struct recording_contents *c,
				const struct json *line)
{
	struct image key;
	struct image **found;

	snprintf(key.instance, sizeof(key.instance), "%s",
		 text_of(line, "instance"));
	found = tfind(&key, &c->by_instance, compare_images);
	return found ? *found : NULL;
}

static bool is_left_out(const struct recording_contents *c,
			const char *command)
{
	const struct string_list *only = c->request->only;

	if (!only || !only->count)
		return false;
	for (size_t i = 0; i < only->count; i++)
		if (fnmatch(only->items[i], command, 0) == 0)
			return false;
	return true;
}

/* Takes over the line. */
static void add_image(struct recording_contents *c, struct json *line)
{
	struct image *new;

	if (find_image(c, line)) {
		json_free(line);
		return;
	}
	new = report_oom(calloc(1, sizeof(*new)));
	snprintf(new->instance, sizeof(new->instance), "%s",
		 text_of(line, "instance"));
	new->head = line;
	new->state = "live";
	new->is_left_out = is_left_out(c, text_of(line, "command"));
	report_oom(tsearch(new, &c->by_instance, compare_images));
	GROW(c->images, c->image_count, c->image_room);
	c->images[c->image_count++] = new;
}

static double seconds_of(struct recording_contents *c, const struct json *line)
{
	uint64_t ns = 0;

	json_get_u64(line, "monotonic_ns", &ns);
	if (!c->has_origin)
		c->origin_ns = ns;
	c->has_origin = true;
	return ns >= c->origin_ns ? (double)(ns - c->origin_ns) / 1e9 :
				    -((double)(c->origin_ns - ns) / 1e9);
}

static void add_point(struct recording_contents *c, struct points *p,
		      double seconds, uint64_t value)
{
	if (p->count == p->room) {
		p->room = 2 * p->room + 16;
		p->seconds = report_oom(reallocarray(p->seconds, p->room,
						     sizeof(*p->seconds)));
		p->points = report_oom(reallocarray(p->points, p->room,
						    sizeof(*p->points)));
	}
	p->seconds[p->count] = seconds;
	p->points[p->count++] = (struct trend_point){
		.x = c->request->by_iterations ? (double)c->iterations :
						 seconds,
		.y = value,
	};
}

static void read_totals(struct check_totals *t, const struct json *values)
{
	t->has_peak |= json_get_u64(values, "/heap/peak:bytes",
				    &t->peak_bytes);
	json_get_u64(values, "/heap/frees:objects", &t->frees_objects);
	json_get_u64(values, "/heap/foreign-frees:objects",
		     &t->foreign_objects);
}

static void add_sample(struct recording_contents *c, const struct json *line)
{
	struct image *image = find_image(c, line);
	double seconds = seconds_of(c, line);

	if (!image || image->is_left_out)
		return;
	if (!image->series[CHECK_LIVE_BYTES].count)
		image->from_seconds = seconds;
	image->to_seconds = seconds;
	if (seconds > c->end_seconds)
		c->end_seconds = seconds;
	c->samples++;
	read_totals(&image->totals, line);
	if (json_get_bool(line, "approximate")) {
		image->totals.torn_samples++;
		return;
	}
	for (int id = 0; id < CHECK_SERIES; id++) {
		enum check_series_id series = (enum check_series_id)id;
		uint64_t value;

		if (json_get_u64(line, check_series_key(series), &value))
			add_point(c, &image->series[id], seconds, value);
	}
}

static void add_replaced(struct recording_contents *c,
			 const struct json *line)
{
	struct image *image = find_image(c, line);

	if (!image)
		return;
	image->is_replaced = true;
	image->state = "replaced";
	image->replaced_seconds = seconds_of(c, line);
}

/* Of a foreign word one of ours, or "live". */
static const char *state_of(const char *name)
{
	for (enum ht_state state = 0; state <= HT_STATE_REPLACED; state++)
		if (strcmp(name, ht_state_name(state)) == 0)
			return ht_state_name(state);
	return "live";
}

static void add_end(struct recording_contents *c, const struct json *line)
{
	const struct json *metrics = json_get(line, "metrics");
	struct image *image = find_image(c, line);

	if (!image)
		return;
	image->has_ended = true;
	image->to_seconds = seconds_of(c, line);
	if (!image->is_replaced)
		image->state = state_of(text_of(line, "state"));
	read_totals(&image->totals, metrics);
	image->totals.has_exited = strcmp(image->state, "exited") == 0 &&
		json_get_u64(metrics, "/heap/live:bytes",
			     &image->totals.unfreed_bytes);
}

/* ---- marks ---- */

/* Half of them: each takes its neighbour's count, and the later name. */
static void thin_marks(struct recording_contents *c)
{
	size_t kept = 0;

	for (size_t i = 0; i + 1 < c->mark_count; i += 2) {
		struct check_mark *m = &c->marks[kept++];

		*m = (struct check_mark){
			.seconds = c->marks[i].seconds,
			.count = c->marks[i].count + c->marks[i + 1].count,
			.total = c->marks[i + 1].total,
			.name = *c->marks[i + 1].name ? c->marks[i + 1].name :
							c->marks[i].name,
		};
	}
	c->mark_count = kept;
}

/* Takes over the line, which holds the name. */
static void add_mark(struct recording_contents *c, struct json *line)
{
	const char *name = text_of(line, "name");
	uint64_t count = 0;

	json_get_u64(line, "count", &count);
	c->iterations += count;
	if (c->mark_count == MARKS_MAX)
		thin_marks(c);
	GROW(c->marks, c->mark_count, c->mark_room);
	c->marks[c->mark_count++] = (struct check_mark){
		.seconds = seconds_of(c, line), .count = count,
		.total = c->iterations, .name = *name ? name : "",
	};
	if (!*name) {
		json_free(line);
		return;
	}
	GROW(c->mark_lines, c->mark_line_count, c->mark_line_room);
	c->mark_lines[c->mark_line_count++] = line;
}

/* ---- lines ---- */

static void keep_finish(struct recording_contents *c, struct json *line)
{
	json_free(c->finish);
	c->finish = line;
}

/*
 * By type, what a line does; one that keeps it takes it over. To add a type:
 * a row here, and its writer in recorder.c. Others are skipped: they may be
 * of a newer version.
 */
static const struct {
	const char *type;
	void (*keep)(struct recording_contents *c, struct json *line);
	void (*read)(struct recording_contents *c, const struct json *line);
} line_types[] = {
	{ "sample", NULL, add_sample },
	{ "mark", add_mark, NULL },
	{ "process", add_image, NULL },
	{ "replaced", NULL, add_replaced },
	{ "end", NULL, add_end },
	{ "finish", keep_finish, NULL },
};

static void take_line(struct recording_contents *c, const char *type,
		      struct json *line)
{
	for (size_t i = 0; i < sizeof(line_types) / sizeof(line_types[0]);
	     i++) {
		if (strcmp(type, line_types[i].type) != 0)
			continue;
		if (line_types[i].keep) {
			line_types[i].keep(c, line);
			return;
		}
		line_types[i].read(c, line);
	}
	json_free(line);
}

static int take_head(struct recording_contents *c, struct json *line)
{
	uint64_t schema = 0;

	c->head = line;
	if (!line || strcmp(text_of(line, "type"), "head") != 0 ||
	    !json_get_u64(line, "schema", &schema) || schema == 0)
		return refuse(c, "is no recording of heaptally; a command to "
			      "be started goes behind --");
	if (schema > SCHEMA)
		return refuse(c, "is from a newer heaptally: read it with "
			      "that, or update this one");
	return STATUS_OK;
}

static int take_text(struct recording_contents *c, const char *text,
		     size_t length)
{
	struct json *line = json_parse(text, length);
	const char *type = text_of(line, "type");

	if (c->line == 1)
		return take_head(c, line);
	if (!line || !*type) {
		json_free(line);
		return refuse_line(c);
	}
	take_line(c, type, line);
	return STATUS_OK;
}

/* The last line may be cut off, as its writer was killed. */
static int read_lines(struct recording_contents *c)
{
	char *text = report_oom(malloc(LINE_BYTES_MAX));
	int status = STATUS_OK;

	while (status == STATUS_OK &&
	       fgets(text, LINE_BYTES_MAX, c->stream)) {
		size_t length = strlen(text);

		c->line++;
		if (length && text[length - 1] == '\n')
			status = take_text(c, text, length);
		else if (c->line == 1)
			status = take_head(c, NULL);
		else if (!feof(c->stream))
			status = refuse_line(c);
		else
			break;
	}
	if (status == STATUS_OK && ferror(c->stream)) {
		report("cannot read '%s': %s", format_escaped(c->file).s,
		       report_errno(errno));
		status = STATUS_USAGE;
	}
	free(text);
	return status;
}

static int read_file(struct recording_contents *c)
{
	bool is_input = strcmp(c->file, "-") == 0;
	int status;

	c->stream = is_input ? stdin : fopen(c->file, "re");
	if (!c->stream) {
		report("cannot read '%s': %s", format_escaped(c->file).s,
		       report_errno(errno));
		return STATUS_USAGE;
	}
	status = read_lines(c);
	if (!is_input)
		fclose(c->stream);
	if (status == STATUS_OK && !c->line) {
		report("'%s' is empty: nothing was recorded",
		       format_escaped(c->file).s);
		status = STATUS_NOT_OBSERVED;
	}
	return status;
}

/* ---- the run ---- */

static void fill_series(struct check_series *s, const struct points *p)
{
	s->count = p->count;
	s->seconds = p->seconds;
	s->points = p->points;
}

/* Did the same process show up again, as a later image? */
static bool has_successor(const struct recording_contents *c, size_t image)
{
	uint64_t pid = 0, other = 0;

	json_get_u64(c->images[image]->head, "pid", &pid);
	for (size_t i = image + 1; i < c->image_count; i++)
		if (json_get_u64(c->images[i]->head, "pid", &other) &&
		    other == pid)
			return true;
	return false;
}

static void fill_process(const struct recording_contents *c, size_t i,
			 struct check_process *p)
{
	const struct image *image = c->images[i];
	const struct json *head = image->head;
	uint64_t pid = 0;

	json_get_u64(head, "pid", &pid);
	*p = (struct check_process){
		.pid = pid <= INT_MAX ? (int)pid : 0,
		.command = text_of(head, "command"),
		.exe = text_of(head, "exe"),
		.instance = image->instance,
		.provider = text_of(head, "provider"),
		.coverage = text_of(head, "coverage"),
		.coverage_reason = text_of(head, "coverage_reason"),
		.start_time = text_of(head, "start_time"),
		.state = image->state, .totals = image->totals,
		.from_seconds = image->from_seconds,
		.to_seconds = image->to_seconds,
	};
	if (image->is_replaced && !has_successor(c, i))
		p->totals.unseen_seconds =
			(image->has_ended ? image->to_seconds :
					    c->end_seconds) -
			image->replaced_seconds;
	for (int id = 0; id < CHECK_SERIES; id++)
		fill_series(&p->series[id], &image->series[id]);
}

/*
 * The command that was started: the last image of its process, as what a
 * wrapper did before its exec is nobody's concern.
 */
static void find_main(const struct recording_contents *c,
		      struct check_run *run)
{
	struct check_process *last = NULL;
	uint64_t main_pid = 0;

	if (!json_get_u64(c->head, "pid", &main_pid))
		return;
	for (size_t i = 0; i < run->process_count; i++)
		if (run->processes[i].pid == (int)main_pid)
			last = &run->processes[i];
	if (last)
		last->is_main = true;
}

static void fill_processes(const struct recording_contents *c,
			   struct check_run *run)
{
	run->processes = report_oom(calloc(c->image_count + 1,
					   sizeof(*run->processes)));
	for (size_t i = 0; i < c->image_count; i++)
		if (!c->images[i]->is_left_out)
			fill_process(c, i,
				     &run->processes[run->process_count++]);
	find_main(c, run);
}

static void fill_command(struct recording_contents *c, struct check_run *run)
{
	const struct json *words = json_get(c->head, "command");
	size_t count = json_count(words);

	if (!count)
		return;
	c->command = report_oom(calloc(count + 1, sizeof(*c->command)));
	for (size_t i = 0; i < count; i++) {
		const char *word = json_item_string(words, i);

		c->command[i] = word ? word : "";
	}
	run->command = c->command;
}

/* As waitpid(2) would have said it. */
static bool read_wait_status(const struct json *finish, int *ret)
{
	uint64_t number;

	if (json_get_u64(finish, "exit_status", &number) && number < 256)
		*ret = W_EXITCODE((int)number, 0);
	else if (json_get_u64(finish, "exit_signal", &number) && number < 127)
		*ret = W_EXITCODE(0, (int)number);
	else
		return false;
	return true;
}

static void fill_ending(struct recording_contents *c, struct check_run *run)
{
	const char *why = json_get_string(c->finish, "not_observed");
	bool was_stopped = json_get_bool(c->finish, "stopped");
	int status = 0;

	run->ending = "";
	if (why) {
		c->not_observed = format_escaped(why);
		run->not_observed = c->not_observed.s;
	}
	if (!read_wait_status(c->finish, &status))
		return;
	c->ending = summary_ending(status);
	run->ending = was_stopped ? "stopped when its time was up" :
				    c->ending.s;
	if (!was_stopped)
		run->command_status = WIFSIGNALED(status) ?
				      128 + WTERMSIG(status) :
				      WEXITSTATUS(status);
}

static void fill_run(struct recording_contents *c, struct check_run *run)
{
	const struct json *head = c->head;

	*run = (struct check_run){
		.file = c->file,
		.host = text_of(head, "host"),
		.architecture = text_of(head, "architecture"),
		.libc = text_of(head, "libc"),
		.start_time = text_of(head, "time"),
		.interval_seconds = 0, .seconds = c->end_seconds,
		.samples = c->samples, .iterations = c->iterations,
		.marks = c->marks, .mark_count = c->mark_count,
	};
	json_get_f64(head, "interval_seconds", &run->interval_seconds);
	fill_command(c, run);
	fill_ending(c, run);
	fill_processes(c, run);
}

/* ---- life ---- */

static void free_image(struct image *image)
{
	for (int id = 0; id < CHECK_SERIES; id++) {
		free(image->series[id].seconds);
		free(image->series[id].points);
	}
	json_free(image->head);
	free(image);
}

static void keep_image(void *image)
{
	(void)image; /* the list has it, too */
}

static void free_contents(struct recording_contents *c)
{
	if (!c)
		return;
	tdestroy(c->by_instance, keep_image);
	for (size_t i = 0; i < c->image_count; i++)
		free_image(c->images[i]);
	for (size_t i = 0; i < c->mark_line_count; i++)
		json_free(c->mark_lines[i]);
	json_free(c->head);
	json_free(c->finish);
	free(c->images);
	free(c->marks);
	free(c->mark_lines);
	free(c->command);
	free(c);
}

int recording_read(struct recording *ret, const char *file,
		   const struct recording_request *request)
{
	struct recording_contents *c = report_oom(calloc(1, sizeof(*c)));
	int status;

	c->request = request;
	c->file = file;
	status = read_file(c);
	if (status != STATUS_OK) {
		free_contents(c);
		return status;
	}
	*ret = (struct recording){ .contents = c };
	fill_run(c, &ret->run);
	ret->room = report_oom(calloc(ret->run.process_count + 1,
				      CHECK_LIMITS_MAX * sizeof(*ret->room)));
	return STATUS_OK;
}

void recording_release(struct recording *r)
{
	free(r->run.processes);
	free(r->room);
	free_contents(r->contents);
}

void recording_of_nothing(struct recording *ret, const char *why)
{
	*ret = (struct recording){
		.run = {
			.host = "", .architecture = "", .libc = "",
			.start_time = "", .ending = "", .not_observed = why,
		},
	};
}
