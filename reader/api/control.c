/* SPDX-License-Identifier: MIT */
/*
 * Asking a live process for extras, and waiting until it has noticed.
 */
#include "shm/control.h"

#include <errno.h>
#include <time.h>

#include "reader/api/handle.h"

#define TRIES   50
#define STEP_NS 5000000 /* 250 ms in all */

/* Our bits are those of shm/. */
_Static_assert((int)HT_EXTRA_MUTEX == (int)CONTROL_MUTEX &&
	       (int)HT_EXTRA_STALL == (int)CONTROL_STALL &&
	       (int)HT_EXTRA_REQUESTED == (int)CONTROL_REQUESTED &&
	       (int)HT_EXTRA_ALLOCATOR == (int)CONTROL_ALLOCATOR, "extras");

const char *ht_extra_name(unsigned extra)
{
	size_t count;
	const struct control_row *rows = control_all(&count);

	for (size_t i = 0; i < count; i++)
		if ((unsigned)rows[i].extra == extra)
			return rows[i].name;
	return NULL;
}

static bool are_extras(unsigned bits)
{
	size_t count;
	const struct control_row *rows = control_all(&count);

	for (size_t i = 0; i < count; i++)
		bits &= ~(unsigned)rows[i].extra;
	return bits == 0;
}

/* To add an error that has words of its own: a row. */
static int fail(struct ht *h, int error)
{
	static const struct {
		int error;
		const char *text;
	} texts[] = {
		{ -ESRCH, "it has ended" },
		{ -ETIMEDOUT, "it has not answered yet" },
		{ -ESTALE, "it became another program just now, try again" },
		{ -ENOTSUP, "its library is too old for that" },
		{ -EBUSY, "somebody else is switching, try again" },
		{ -EIO, "its segment is damaged" },
		{ -EBADF, "nothing is open" },
		{ -EINVAL, "no such extra" },
	};

	if (!error)
		return 0;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (texts[i].error == error)
			return handle_fail(h, error, "%s", texts[i].text);
	return handle_fail_errno(h, "its segment cannot be written", -error);
}

/* 0 or a negative errno. */
static int open_control(struct control *ret, struct ht *h)
{
	if (!h->attachment)
		return -EBADF;
	if (attach_state(h->attachment) != TARGET_LIVE)
		return -ESRCH;
	if (h->dirfd < 0)
		return -ESTALE;
	return control_open(ret, h->attachment, h->dirfd, h->name);
}

static void pause_a_step(void)
{
	const struct timespec step = { .tv_nsec = STEP_NS };

	nanosleep(&step, NULL);
}

/* Looks until done() or it has ended; -ETIMEDOUT when that takes too long. */
static int await(struct ht *h, bool (*done)(const struct snapshot *s,
					    uint64_t wanted), uint64_t wanted)
{
	struct snapshot *s = &h->target.snapshot;

	for (int tries = 0; tries < TRIES; tries++) {
		if (attach_snapshot(h->attachment, s) != ATTACH_OK)
			return -EIO;
		if (done(s, wanted))
			return 0;
		if (s->state != TARGET_LIVE)
			return -ESRCH;
		pause_a_step();
	}
	return -ETIMEDOUT;
}

static bool has_answered(const struct snapshot *s, uint64_t asked)
{
	return s->figures_asked >= asked || s->figures_given_up;
}

int ht_ask_allocator(struct ht *h)
{
	struct control control;
	uint64_t asked;
	int error = open_control(&control, h);

	if (error)
		return fail(h, error);
	error = control_ask(&control, &asked);
	control_close(&control);
	return fail(h, error ? error : await(h, has_answered, asked));
}

static bool has_obeyed(const struct snapshot *s, uint64_t wanted)
{
	return s->extras_on == wanted;
}

static bool is_any(const struct snapshot *s, uint64_t wanted)
{
	(void)s;
	(void)wanted;
	return true;
}

int ht_switch(struct ht *h, unsigned on, unsigned off, unsigned *ret_wanted,
	      unsigned *ret_in_force)
{
	struct control control;
	uint32_t wanted = 0;
	int error = are_extras(on | off) ? open_control(&control, h) : -EINVAL;

	if (error)
		return fail(h, error);
	if (on || off)
		error = control_switch(&control, on, off);
	if (!error)
		error = control_wanted(&control, &wanted);
	control_close(&control);
	if (!error)
		error = await(h, on || off ? has_obeyed : is_any, wanted);
	if (error && error != -ETIMEDOUT)
		return fail(h, error);
	*ret_wanted = wanted;
	*ret_in_force = h->target.snapshot.extras_on;
	return 0;
}
