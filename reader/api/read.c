/* SPDX-License-Identifier: MIT */
/*
 * Reading: one snapshot, the kernel's figures where they are asked for, and
 * each sample filled from both. Nothing here allocates.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "reader/api/handle.h"

/* The key is what counts; a number is what it was found under before. */
static void resolve(const struct ht *h, struct ht_sample *s)
{
	const struct ht_metric *m = ht_metric(h, s->number);

	if (s->key && (!m || strcmp(m->key, s->key) != 0))
		s->number = ht_lookup(h, s->key);
}

static bool is_costly(const struct ht *h, const struct ht_sample *s)
{
	const struct ht_metric *m = ht_metric(h, s->number);

	return m && m->costly;
}

static bool is_of_stacks(const struct ht *h, const struct ht_sample *s)
{
	enum kernel_source source = kernel_source_of(registry_id(h, s->number));

	return source == KERNEL_STACKS || source == KERNEL_PAGEMAP;
}

/* ---- why there is no value ---- */

static void set_bad(struct ht_sample *s, int error, const char *reason)
{
	s->kind = HT_KIND_BAD;
	s->error = error;
	s->reason = reason;
	memset(&s->value, 0, sizeof(s->value));
}

/* What is said of a file for an errno; those not listed are ENODATA. */
static const struct file_problem {
	int error;      /* as met */
	int told;       /* in the sample */
	const char *format;
} file_problems[] = {
	{ EACCES, -EACCES, "no permission to read /proc/%d/%s" },
	{ EPERM, -EACCES, "no permission to read /proc/%d/%s" },
	{ EFBIG, -EFBIG, "reading /proc/%d/%s would hold up the process" },
	{ ENOENT, -ENODATA, "there is no /proc/%d/%s" },
	{ ENODATA, -ENODATA, "the stack of a thread is not known" },
	{ 0, -ENODATA, "not set, or not told by /proc/%d/%s" },
};

static const struct file_problem *find_problem(int error)
{
	const struct file_problem *p = file_problems;

	while (p->error && p->error != error)
		p++;
	return p;
}

static void set_unread(struct ht *h, struct ht_sample *s, unsigned metric_id)
{
	enum kernel_source source = kernel_source_of(metric_id);
	int error = source < KERNEL_SOURCES && h->looked ?
			h->kernel.errors[source] : 0;
	const struct file_problem *p = find_problem(error);

	if (source == KERNEL_SOURCES) {
		set_bad(s, -ENODATA, "not told by this kernel");
		return;
	}
	snprintf(h->reasons[source], REASON_BYTES, p->format,
		 h->target.pid_here, kernel_source_name(source));
	set_bad(s, p->told, h->reasons[source]);
}

/* Of what is not in the segment: why, by what it would take. */
static const char *uncounted(const struct ht *h, const struct ht_metric *m)
{
	static const struct {
		const char *availability; /* how it begins */
		const char *reason;
	} reasons[] = {
		{ "asked:", "its allocator has not been asked" },
		{ "switched on", "it has not been switched on" },
		{ "libgc", "it has no libgc" },
		{ "glibc", "its allocator is not that of glibc" },
	};
	const char *missing = h->target.snapshot.figures_missing;

	if (!target_is_observed(&h->target))
		return "nothing of its allocation is seen";
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (strncmp(m->availability, reasons[i].availability,
			    strlen(reasons[i].availability)) == 0)
			return i == 0 && missing ? missing : reasons[i].reason;
	return "the tally of this process does not count it";
}

static void set_absent(struct ht *h, struct ht_sample *s, unsigned metric_id)
{
	if (!registry_is_kernel(metric_id))
		set_bad(s, -ENOTSUP, uncounted(h, ht_metric(h, s->number)));
	else if (h->target.snapshot.state != TARGET_LIVE)
		set_bad(s, -ESRCH, "the process has ended");
	else if (!h->target.pid_here || h->hidden)
		set_bad(s, -EACCES, "/proc does not show the process");
	else
		set_unread(h, s, metric_id);
}

/* ---- values ---- */

static void set_histogram(const struct ht *h, struct ht_sample *s,
			  const struct size_histogram *from)
{
	size_t index = (size_t)(from - h->target.snapshot.histograms);

	s->value.histogram = (struct ht_histogram){
		.buckets = from->count,
		.bounds = h->bounds[index],
		.counts = from->counts,
	};
}

static void set_value(const struct ht *h, struct ht_sample *s,
		      const struct metric_value *v)
{
	const struct snapshot *snapshot = &h->target.snapshot;

	s->error = 0;
	s->reason = NULL;
	s->kind = registry_kind(v->kind, v->unit);
	memset(&s->value, 0, sizeof(s->value));
	if (s->kind == HT_KIND_HISTOGRAM)
		set_histogram(h, s, snapshot_histogram(snapshot, v));
	else if (s->kind == HT_KIND_F64)
		s->value.f64 = v->value.f64;
	else
		s->value.u64 = v->value.u64;
}

/* A segment may say anything of a metric, even what that cannot be. */
static bool fits(const struct ht *h, const struct ht_metric *m,
		 const struct metric_value *v)
{
	return strcmp(m->key, v->key) == 0 &&
	       m->kind == registry_kind(v->kind, v->unit) &&
	       (m->kind != HT_KIND_HISTOGRAM ||
		snapshot_histogram(&h->target.snapshot, v));
}

static void fill(struct ht *h, struct ht_sample *s)
{
	const struct ht_metric *m = ht_metric(h, s->number);
	unsigned id = registry_id(h, s->number);
	const struct metric_value *v =
		m ? snapshot_value(&h->target.snapshot, id) : NULL;

	if (!m)
		set_bad(s, -ENOENT, "no such metric");
	else if (!v)
		set_absent(h, s, id);
	else if (!fits(h, m, v))
		set_bad(s, -EPROTO, "the segment contradicts the table of "
				    "metrics");
	else
		set_value(h, s, v);
}

/* ---- the snapshot ---- */

static int take(struct ht *h)
{
	enum attach_error error = target_take(&h->target, h->attachment,
					      &h->kernel, h->pid_here);

	if (!error)
		return 0;
	return handle_fail(h, -ESTALE, "%s", attach_error_text(error));
}

/* One that ended while the kernel was asked: its final state, then. */
static int look(struct ht *h, bool stacks)
{
	h->looked = true;
	if (target_look(&h->target, &h->kernel, stacks ? &h->threads : NULL,
			h->attachment))
		return 0;
	h->hidden = true;
	return take(h);
}

static double figures_age(const struct snapshot *s)
{
	return s->figures_monotonic_ns ? snapshot_figures_age(s) : -1;
}

static void keep_snapshot(struct ht *h)
{
	const struct target *t = &h->target;

	h->snapshot = (struct ht_snapshot){
		.realtime_ns = t->snapshot.realtime_ns,
		.monotonic_ns = t->snapshot.monotonic_ns,
		.state = (enum ht_state)t->snapshot.state,
		.approximate = t->snapshot.approximate,
		.skew_objects = t->snapshot.skew_objects,
		.uptime_seconds = t->uptime_seconds,
		.extras_on = t->snapshot.extras_on,
		.clamped = t->snapshot.clamped,
		.figures_age_seconds = figures_age(&t->snapshot),
		.figures_missing = t->snapshot.figures_missing,
	};
	h->identity.host_pid = t->pid_here;
	h->identity.coverage = identity_coverage(&t->id);
	snprintf(h->identity.coverage_reason,
		 sizeof(h->identity.coverage_reason), "%s",
		 t->id.coverage_reason);
	h->has_snapshot = true;
}

int ht_read(struct ht *h, struct ht_sample *samples, size_t count)
{
	bool costly = false, stacks = false;
	int error;

	if (!h->attachment)
		return handle_fail(h, -EBADF, "nothing is open");
	for (size_t i = 0; i < count; i++) {
		resolve(h, &samples[i]);
		costly |= is_costly(h, &samples[i]);
		stacks |= is_of_stacks(h, &samples[i]);
	}
	h->looked = h->hidden = false;
	error = take(h);
	if (!error && costly && h->target.pid_here)
		error = look(h, stacks);
	if (error)
		return error;
	keep_snapshot(h);
	for (size_t i = 0; i < count; i++)
		fill(h, &samples[i]);
	h->message[0] = '\0';
	return 0;
}

const struct ht_snapshot *ht_snapshot(const struct ht *h)
{
	return h->has_snapshot ? &h->snapshot : NULL;
}

static int check_kind(const struct ht_sample *s, enum ht_kind kind)
{
	if (s->kind == HT_KIND_BAD)
		return s->error ? s->error : -EINVAL;
	return s->kind == (int)kind ? 0 : -EINVAL;
}

int ht_u64(const struct ht_sample *s, uint64_t *ret)
{
	int error = check_kind(s, HT_KIND_U64);

	if (!error)
		*ret = s->value.u64;
	return error;
}

int ht_f64(const struct ht_sample *s, double *ret)
{
	int error = check_kind(s, HT_KIND_F64);

	if (!error)
		*ret = s->value.f64;
	return error;
}

int ht_histogram(const struct ht_sample *s, struct ht_histogram *ret)
{
	int error = check_kind(s, HT_KIND_HISTOGRAM);

	if (!error)
		*ret = s->value.histogram;
	return error;
}
