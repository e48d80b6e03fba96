/* SPDX-License-Identifier: MIT */
#include "reader/extras.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

#include "reader/report.h"

#define TRIES   50
#define STEP_NS 5000000 /* 250 ms in all */

static int open_control(struct control *ret, const struct discovery *d,
			const struct place *p, const struct attachment *a)
{
	int dirfd = discover_open_directory(d, p), error;

	if (dirfd < 0)
		return -errno;
	error = control_open(ret, a, dirfd, p->name);
	close(dirfd);
	return error;
}

static void pause_a_step(void)
{
	const struct timespec step = { .tv_nsec = STEP_NS };

	nanosleep(&step, NULL);
}

static int await_figures(struct attachment *a, uint64_t asked)
{
	for (int tries = 0; tries < TRIES; tries++) {
		struct snapshot s;

		if (attach_snapshot(a, &s) != ATTACH_OK)
			return -EIO;
		if (s.figures_asked >= asked || s.figures_given_up)
			return 0;
		if (s.state != TARGET_LIVE)
			return -ESRCH;
		pause_a_step();
	}
	return -ETIMEDOUT;
}

int extras_ask_figures(const struct discovery *d, const struct place *p,
		       struct attachment *a)
{
	struct control control;
	uint64_t asked;
	int error;

	if (attach_state(a) != TARGET_LIVE)
		return -ESRCH;
	error = open_control(&control, d, p, a);
	if (error)
		return error;
	error = control_ask(&control, &asked);
	control_close(&control);
	return error ? error : await_figures(a, asked);
}

/* A target that ends in between will not obey any more. */
static int await_switch(struct attachment *a, uint32_t wanted,
			uint32_t *ret_in_force)
{
	for (int tries = 0; tries < TRIES; tries++) {
		struct snapshot s;

		if (attach_snapshot(a, &s) != ATTACH_OK)
			return -EIO;
		*ret_in_force = s.extras_on;
		if (s.extras_on == wanted)
			return 0;
		if (s.state != TARGET_LIVE)
			return -ESRCH;
		pause_a_step();
	}
	return 0;
}

static int read_state(struct attachment *a, uint32_t *ret_in_force)
{
	struct snapshot s;

	if (attach_snapshot(a, &s) != ATTACH_OK)
		return -EIO;
	*ret_in_force = s.extras_on;
	return 0;
}

int extras_switch(const struct discovery *d, const struct place *p,
		  struct attachment *a, uint32_t on, uint32_t off,
		  uint32_t *ret_wanted, uint32_t *ret_in_force)
{
	bool looks_only = !on && !off;
	struct control control;
	int error;

	if (attach_state(a) != TARGET_LIVE)
		return -ESRCH;
	error = open_control(&control, d, p, a);
	if (error)
		return error;
	if (!looks_only)
		error = control_switch(&control, on, off);
	if (!error)
		error = control_wanted(&control, ret_wanted);
	control_close(&control);
	if (error)
		return error;
	return looks_only ? read_state(a, ret_in_force)
			  : await_switch(a, *ret_wanted, ret_in_force);
}

const char *extras_trouble(int error)
{
	switch (error) {
	case -ESRCH:
		return "it has ended";
	case -ESTALE:
		return "it became another program just now, try again";
	case -ENOTSUP:
		return "its library is too old for that";
	case -EBUSY:
		return "somebody else is switching, try again";
	case -EIO:
		return "its segment is damaged";
	default:
		return report_errno(-error);
	}
}
