/* SPDX-License-Identifier: MIT */
/*
 * Handles: what is open in them, and who that is.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reader/api/handle.h"
#include "reader/api/places.h"
#include "reader/process.h"

unsigned ht_abi(void)
{
	return HT_ABI;
}

const char *ht_version(void)
{
	return HEAPTALLY_VERSION;
}

struct ht *ht_new(void)
{
	struct ht *h = calloc(1, sizeof(*h));

	if (h && procfile_init(&h->kernel.file) != 0) {
		free(h);
		return NULL;
	}
	return h;
}

void ht_free(struct ht *h)
{
	if (!h)
		return;
	ht_close(h);
	threads_release(&h->threads);
	procfile_release(&h->kernel.file);
	free(h);
}

void ht_close(struct ht *h)
{
	if (!h->attachment)
		return;
	attach_close(h->attachment);
	if (h->dirfd >= 0)
		close(h->dirfd);
	h->attachment = NULL;
	h->has_snapshot = false;
	h->extra_count = 0;
}

int handle_fail(struct ht *h, int error, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(h->message, sizeof(h->message), format, arguments);
	va_end(arguments);
	return error;
}

const char *ht_message(const struct ht *h)
{
	return h->message;
}

/* Not strerror(), whose text another thread may change. */
int handle_fail_errno(struct ht *h, const char *what, int error)
{
	const char *text = strerrordesc_np(error);

	if (!text || !text[0])
		text = "Unknown error";
	/* "RPC struct is bad" keeps its capitals. */
	return handle_fail(h, -error, "%s: %c%s", what,
			   isupper((unsigned char)text[1]) ? text[0] :
				tolower((unsigned char)text[0]), text + 1);
}

/* ATTACH_SYSTEM has the errno of its own. */
static const int errors[ATTACH_ERRORS] = {
	[ATTACH_GONE] = -ENOENT,
	[ATTACH_DENIED] = -EACCES,
	[ATTACH_NOT_REGULAR] = -EBADMSG,
	[ATTACH_FOREIGN] = -EPERM,
	[ATTACH_BAD_SIZE] = -EBADMSG,
	[ATTACH_NOT_SEGMENT] = -EBADMSG,
	[ATTACH_BYTE_ORDER] = -EPROTONOSUPPORT,
	[ATTACH_TOO_NEW] = -EPROTONOSUPPORT,
	[ATTACH_CORRUPT] = -EBADMSG,
	[ATTACH_TRUNCATED] = -ESTALE,
	[ATTACH_STARTING] = -EAGAIN,
};

static int fail_attach(struct ht *h, enum attach_error error, int system_error)
{
	if (error == ATTACH_SYSTEM)
		return handle_fail_errno(h, attach_error_text(error), system_error);
	return handle_fail(h, errors[error], "%s", attach_error_text(error));
}

enum ht_coverage identity_coverage(const struct target_identity *id)
{
	for (enum ht_coverage c = HT_COVERAGE_NONE; c <= HT_COVERAGE_FULL; c++)
		if (strcmp(id->coverage, ht_coverage_name(c)) == 0)
			return c;
	return HT_COVERAGE_NONE;
}

#define COPY(to, from) snprintf((to), sizeof(to), "%s", (from))

/* From a first look at it; what may change is kept up to date by reading. */
static void fill_identity(struct ht *h, const struct target *t)
{
	struct ht_identity *to = &h->identity;
	const struct target_identity *id = &t->id;

	*to = (struct ht_identity){
		.pid = id->pid,
		.parent_pid = id->parent_pid,
		.host_pid = t->pid_here,
		.in_our_namespace = t->is_here,
		.uid = id->uid,
		.exec_count = id->exec_count,
		.coverage = identity_coverage(id),
		.starttime_ticks = id->starttime_ticks,
		.start_realtime_ns = t->started_realtime_ns,
		.tally_realtime_ns = id->started_realtime_ns,
		.pidns_inode = id->pidns_inode,
		.baseline_approximate = id->baseline_approximate,
	};
	COPY(to->instance, id->instance);
	COPY(to->command, id->comm);
	COPY(to->exe, t->exe);
	COPY(to->provider, id->provider);
	COPY(to->coverage_reason, id->coverage_reason);
}

/*
 * Bucket i is (2^(first + i - 1), 2^(first + i)], the first one from 0. Times
 * are counted in nanoseconds, and shown in seconds.
 */
static void fill_bounds(double *bounds, const struct size_histogram *from)
{
	bounds[0] = 0;
	for (unsigned i = 0; i + 1 < from->count; i++)
		bounds[i + 1] = (double)histogram_upper_bound(from, i) /
				(from->is_time ? 1e9 : 1);
	bounds[from->count] = __builtin_inf();
}

/*
 * Takes over the attachment and the descriptor of its directory, -1 where that
 * went away meanwhile; h->name is set.
 */
static int set_attachment(struct ht *h, struct attachment *a, int dirfd)
{
	enum attach_error error = ATTACH_SYSTEM;

	h->pid_here = target_find_pid(a);
	if (threads_reserve(&h->threads, a))
		error = target_begin(&h->target, a, h->pid_here);
	if (error) {
		attach_close(a);
		if (dirfd >= 0)
			close(dirfd);
		return fail_attach(h, error, ENOMEM);
	}
	registry_find_extras(h, &h->target.snapshot);
	for (size_t i = 0; i < h->target.snapshot.histogram_count; i++)
		fill_bounds(h->bounds[i], &h->target.snapshot.histograms[i]);
	h->attachment = a;
	h->dirfd = dirfd;
	fill_identity(h, &h->target);
	h->message[0] = '\0';
	return 0;
}

int ht_open_file(struct ht *h, int dirfd, const char *name)
{
	struct attachment *a = NULL;
	enum attach_error error;
	int own;

	ht_close(h);
	if (strlen(name) >= sizeof(h->name))
		return handle_fail_errno(h, "cannot be read", ENAMETOOLONG);
	error = attach_open(&a, dirfd, name, 0);
	if (error)
		return fail_attach(h, error, errno);
	own = openat(dirfd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (own < 0) {
		int saved_errno = errno;

		attach_close(a);
		return handle_fail_errno(h, "cannot be read", saved_errno);
	}
	COPY(h->name, name);
	h->place = (struct ht_place){ .pid = 0 };
	if (strlen(name) < sizeof(h->place.name))
		COPY(h->place.name, name);
	return set_attachment(h, a, own);
}

/* Returns a descriptor to close, or a negative errno. */
static int open_directory(struct ht *h, const char *directory)
{
	int fd = open(directory ? directory : places_directory(),
		      O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd >= 0 ? fd : handle_fail_errno(h, "cannot open the "
						"directory of segments", errno);
}

static bool copy_name(char *to, size_t room, const char *from, size_t bytes)
{
	size_t length = strnlen(from, bytes);

	if (length == bytes || length >= room)
		return false;
	memcpy(to, from, length + 1);
	return true;
}

int ht_open_place(struct ht *h, const char *directory,
		  const struct ht_place *place)
{
	struct place p = { .pid = place->pid, .inside_pid = place->inside_pid };
	struct attachment *a = NULL;
	enum attach_error error;
	int fd, dirfd, saved_errno;

	ht_close(h);
	if (!copy_name(p.run, sizeof(p.run), place->run, sizeof(place->run)) ||
	    !copy_name(p.name, sizeof(p.name), place->name,
		       sizeof(place->name)) || !p.name[0])
		return handle_fail(h, -EINVAL, "not the place of a segment");
	fd = open_directory(h, directory);
	if (fd < 0)
		return fd;
	error = places_attach(fd, &p, &a, &dirfd);
	saved_errno = errno;
	close(fd);
	if (error)
		return fail_attach(h, error, saved_errno);
	COPY(h->name, p.name);
	h->place = *place;
	return set_attachment(h, a, dirfd);
}

static enum attach_error attach_pid(struct places *places, int fd, int pid,
				    const struct place **ret_place,
				    struct attachment **ret)
{
	enum attach_error error = places_attach_pid(places, 0, fd,
						    process_namespace(), pid,
						    ret_place, ret);

	if (error != ATTACH_GONE)
		return error;
	return places_attach_inside(places, fd, pid, ret_place, ret);
}

int ht_open_pid(struct ht *h, const char *directory, int pid)
{
	struct places places = { .count = 0 };
	const struct place *place = NULL;
	struct attachment *a = NULL;
	enum attach_error error = ATTACH_GONE;
	int fd, dirfd = -1, failed, saved_errno;

	ht_close(h);
	fd = open_directory(h, directory);
	if (fd < 0)
		return fd;
	failed = places_scan(&places, fd);
	if (!failed)
		error = attach_pid(&places, fd, pid, &place, &a);
	saved_errno = errno;
	if (!error) {
		dirfd = places_open_directory(fd, place);
		COPY(h->name, place->name);
		h->place = place_outside(place);
	}
	places_release(&places);
	close(fd);
	if (failed)
		return handle_fail_errno(h, "cannot list the directory of "
					 "segments", -failed);
	if (error)
		return fail_attach(h, error, saved_errno);
	return set_attachment(h, a, dirfd);
}

const struct ht_place *ht_place(const struct ht *h)
{
	return h->attachment ? &h->place : NULL;
}

int ht_dirfd(const struct ht *h)
{
	return h->attachment ? h->dirfd : -1;
}

const struct ht_identity *ht_identity(const struct ht *h)
{
	return h->attachment ? &h->identity : NULL;
}

/* Our numbers of states are those of shm/. */
_Static_assert((int)HT_STATE_LIVE == (int)TARGET_LIVE &&
	       (int)HT_STATE_EXITED == (int)TARGET_EXITED &&
	       (int)HT_STATE_KILLED == (int)TARGET_KILLED &&
	       (int)HT_STATE_REPLACED == (int)TARGET_REPLACED, "states");

enum ht_state ht_state(const struct ht *h)
{
	return h->attachment ? (enum ht_state)attach_state(h->attachment) :
			       HT_STATE_KILLED;
}

const char *ht_state_name(enum ht_state state)
{
	return target_state_name((enum target_state)state);
}

const char *ht_coverage_name(enum ht_coverage coverage)
{
	static const char *const names[] = {
		[HT_COVERAGE_NONE] = "none",
		[HT_COVERAGE_PARTIAL] = "partial",
		[HT_COVERAGE_FULL] = "full",
	};

	return (unsigned)coverage <= HT_COVERAGE_FULL ? names[coverage] : "?";
}
