/* SPDX-License-Identifier: MIT */
/*
 * pthread_create and thrd_create: the new thread registers itself before it
 * runs what it was made for. Its end is seen by a key destructor, however it
 * ends: return, pthread_exit, cancellation.
 */
#include <pthread.h>
#include <stdint.h>
#include <threads.h>

#include "preload/cc.h"
#include "preload/next.h"
#include "preload/process.h"
#include "preload/tally.h"

/*
 * What is asked of the C library. A size that nobody chose is its default,
 * which an attribute object fresh from it tells; without an address of its
 * own an object claims to end at 0.
 */
static struct stack_request requested(const pthread_attr_t *attributes)
{
	struct stack_request stack = { 0, 0 };
	pthread_attr_t fresh;
	void *low;

	if (!attributes) {
		pthread_attr_init(&fresh);
		attributes = &fresh;
	}
	if (pthread_attr_getstack(attributes, &low, &stack.bytes) == 0 &&
	    (uintptr_t)low + stack.bytes != 0)
		stack.low = (uintptr_t)low;
	else if (pthread_attr_getstacksize(attributes, &stack.bytes) != 0)
		stack.bytes = 0;
	return stack;
}

/*
 * Both trampolines end in a tail call: no frame of ours stays on a stack
 * that may be as small as the system allows.
 */
static void *start_pthread(void *argument)
{
	struct handoff handoff = handoff_take(argument);

	tally_thread_begin(handoff.stack);
	return handoff.start.pthread(handoff.argument);
}

static int start_thrd(void *argument)
{
	struct handoff handoff = handoff_take(argument);

	tally_thread_begin(handoff.stack);
	return handoff.start.thrd(handoff.argument);
}

EXPORT int pthread_create(pthread_t *restrict ret,
			  const pthread_attr_t *restrict attributes,
			  void *(*start)(void *), void *restrict argument)
{
	struct handoff *handoff;
	int error;

	tally_threads_begin();
	handoff = handoff_give();
	/* Tally off or too many on their way: it is seen when it allocates. */
	if (!handoff)
		return next.pthread_create(ret, attributes, start, argument);
	handoff->start.pthread = start;
	handoff->argument = argument;
	handoff->stack = requested(attributes);
	error = next.pthread_create(ret, attributes, start_pthread, handoff);
	if (error)
		handoff_take(handoff);
	return error;
}

EXPORT int thrd_create(thrd_t *ret, thrd_start_t start, void *argument)
{
	struct handoff *handoff;
	int result;

	tally_threads_begin();
	handoff = handoff_give();
	if (!handoff)
		return next.thrd_create(ret, start, argument);
	handoff->start.thrd = start;
	handoff->argument = argument;
	handoff->stack = requested(NULL);
	result = next.thrd_create(ret, start_thrd, handoff);
	if (result != thrd_success)
		handoff_take(handoff);
	return result;
}
