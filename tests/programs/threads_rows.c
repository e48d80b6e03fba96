/* SPDX-License-Identifier: MIT */
/*
 * threads_rows NAME:KIND:BYTES...: threads of that name on a stack of that
 * many bytes (0: the default), which is of KIND
 *
 *	libc    pthread_create's own, with a guard
 *	bare    without one
 *	thrd    thrd_create's
 *	bss     the program's own memory: static,
 *	heap    of the second arena,
 *	mmap    mapped
 *
 * The one numbered I from 0 allocates 10 * (I + 1) blocks and frees 3 * I of
 * them; one named "taker" frees 20 more that the main thread allocated. Lines
 * on standard input make it go on: "touch I BYTES" of the stack of a thread,
 * "end I", "start NAME:KIND:BYTES". After each, and first, it reports
 *
 *	pid PID
 *	thread TID ALLOCS FREES NET_BYTES RESERVED RESIDENT NAME
 *	cached BYTES
 *	done
 *
 * where stacks are what pthread_getattr_np and mincore tell, rounded to pages;
 * `cached` is what is resident of those of ended threads.
 */
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <threads.h>
#include <unistd.h>

#define MUST(condition) \
	do { if (!(condition)) { perror(#condition); _exit(99); } } while (0)

#define THREADS_MAX 16
#define TAKEN 20
#define PAGE 4096u
#define LARGEST (64u << 20)

struct thread {
	char name[16], kind[8];
	size_t stack_bytes;
	unsigned number;
	pthread_t id;
	pid_t tid;
	unsigned allocs, frees;
	int64_t net_bytes;
	uintptr_t low, high;    /* of its stack, once it runs */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	enum { WORK, WAIT, TOUCH, END, ENDED } state;
	size_t touch_bytes;
};

static struct thread threads[THREADS_MAX];
static unsigned thread_count;
static void *taken[TAKEN];

/* ---- the threads ---- */

static void work(struct thread *t)
{
	void *blocks[10 * THREADS_MAX];

	t->allocs = 10 * (t->number + 1);
	t->frees = 3 * t->number;
	for (unsigned i = 0; i < t->allocs; i++) {
		blocks[i] = malloc(100);
		MUST(blocks[i]);
		t->net_bytes += (int64_t)malloc_usable_size(blocks[i]);
	}
	for (unsigned i = 0; i < t->frees; i++) {
		t->net_bytes -= (int64_t)malloc_usable_size(blocks[i]);
		free(blocks[i]);
	}
	for (unsigned i = 0; i < TAKEN && strcmp(t->name, "taker") == 0; i++) {
		t->net_bytes -= (int64_t)malloc_usable_size(taken[i]);
		free(taken[i]);
		t->frees++;
	}
}

/* Touches each page, the frame being that large. */
static void touch(size_t bytes)
{
	volatile char *below = __builtin_alloca(bytes);

	for (size_t at = 0; at < bytes; at += PAGE)
		below[at] = 1;
}

static void set_state(struct thread *t, int state)
{
	pthread_mutex_lock(&t->lock);
	t->state = state;
	pthread_cond_broadcast(&t->changed);
	pthread_mutex_unlock(&t->lock);
}

/* Waits until it is one of two. */
static int await(struct thread *t, int one, int other)
{
	int state;

	pthread_mutex_lock(&t->lock);
	while ((int)t->state != one && (int)t->state != other)
		pthread_cond_wait(&t->changed, &t->lock);
	state = t->state;
	pthread_mutex_unlock(&t->lock);
	return state;
}

static void *live(void *argument)
{
	struct thread *t = argument;

	t->tid = (pid_t)syscall(SYS_gettid);
	MUST(!pthread_setname_np(pthread_self(), t->name));
	work(t);
	set_state(t, WAIT);
	while (await(t, TOUCH, END) == TOUCH) {
		touch(t->touch_bytes);
		set_state(t, WAIT);
	}
	return NULL;
}

static int live_thrd(void *argument)
{
	live(argument);
	return 0;
}

/* ---- their stacks ---- */

static void *in_heap(void *argument)
{
	size_t bytes = *(size_t *)argument;
	void *first, *last;

	first = malloc(100);
	last = memalign(16, bytes);
	MUST(first && last);
	return last;
}

/* By a thread of its own, and so in an arena: above another one's end. */
static void *own_memory(const struct thread *t)
{
	static _Alignas(64) char fixed[THREADS_MAX][1 << 18];
	size_t bytes = t->stack_bytes;
	pthread_t id;
	void *block;

	if (strcmp(t->kind, "bss") == 0)
		return fixed[t->number];
	if (strcmp(t->kind, "mmap") == 0) {
		block = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		MUST(block != MAP_FAILED);
		return block;
	}
	MUST(!pthread_create(&id, NULL, in_heap, &bytes));
	MUST(!pthread_join(id, &block));
	return block;
}

static void make(struct thread *t)
{
	pthread_attr_t attr;

	MUST(!pthread_attr_init(&attr));
	if (t->stack_bytes)
		MUST(!pthread_attr_setstacksize(&attr, t->stack_bytes));
	if (strcmp(t->kind, "bare") == 0)
		MUST(!pthread_attr_setguardsize(&attr, 0));
	if (strcmp(t->kind, "thrd") == 0) {
		MUST(thrd_create(&t->id, live_thrd, t) == thrd_success);
		return;
	}
	if (strcmp(t->kind, "libc") != 0 && strcmp(t->kind, "bare") != 0)
		MUST(!pthread_attr_setstack(&attr, own_memory(t), t->stack_bytes));
	MUST(!pthread_create(&t->id, t->stack_bytes || *t->kind == 'b' ? &attr : NULL,
			     live, t));
}

static void find_stack(struct thread *t)
{
	pthread_attr_t attr;
	void *low;
	size_t bytes;

	MUST(!pthread_getattr_np(t->id, &attr));
	MUST(!pthread_attr_getstack(&attr, &low, &bytes));
	MUST(!pthread_attr_destroy(&attr));
	t->low = (uintptr_t)low / PAGE * PAGE;
	t->high = ((uintptr_t)low + bytes + PAGE - 1) / PAGE * PAGE;
}

static void start(char *what)
{
	struct thread *t = &threads[thread_count];

	MUST(thread_count < THREADS_MAX);
	MUST(sscanf(what, "%15[^:]:%7[^:]:%zu", t->name, t->kind,
		    &t->stack_bytes) == 3);
	t->number = thread_count++;
	pthread_mutex_init(&t->lock, NULL);
	pthread_cond_init(&t->changed, NULL);
	make(t);
	await(t, WAIT, WAIT);
	find_stack(t);
}

static size_t resident(const struct thread *t)
{
	static unsigned char pages[LARGEST / PAGE];
	size_t bytes = 0;

	MUST(t->high - t->low <= LARGEST);
	if (mincore((void *)t->low, t->high - t->low, pages) != 0) {
		MUST(errno == ENOMEM); /* it is not mapped any more */
		return 0;
	}
	for (size_t i = 0; i < (t->high - t->low) / PAGE; i++)
		bytes += pages[i] & 1 ? PAGE : 0;
	return bytes;
}

static void end(struct thread *t)
{
	set_state(t, END);
	MUST(!pthread_join(t->id, NULL));
	t->state = ENDED;
}

/* ---- what it tells ---- */

static void report(void)
{
	static char text[16384];
	size_t length, cached = 0;

	length = (size_t)snprintf(text, sizeof(text), "pid %d\n", (int)getpid());
	for (unsigned i = 0; i < thread_count; i++) {
		struct thread *t = &threads[i];

		if (t->state == ENDED)
			cached += resident(t);
		else
			length += (size_t)snprintf(
				text + length, sizeof(text) - length,
				"thread %d %u %u %lld %zu %zu %s\n",
				(int)t->tid, t->allocs, t->frees,
				(long long)t->net_bytes,
				(size_t)(t->high - t->low), resident(t), t->name);
	}
	length += (size_t)snprintf(text + length, sizeof(text) - length,
				   "cached %zu\ndone\n", cached);
	MUST(write(1, text, length) == (ssize_t)length);
}

static void obey(char *line)
{
	unsigned number = (unsigned)strtoul(line + strcspn(line, " "), NULL, 10);
	struct thread *t = &threads[number % THREADS_MAX];

	if (strncmp(line, "touch", 5) == 0) {
		t->touch_bytes = strtoul(strrchr(line, ' '), NULL, 10);
		set_state(t, TOUCH);
		await(t, WAIT, WAIT);
	} else if (strncmp(line, "end", 3) == 0) {
		end(t);
	} else {
		start(strchr(line, ' ') + 1);
	}
	report();
}

/* Without stdio, whose buffers would be allocations. */
int main(int argc, char **argv)
{
	char line[128];
	size_t length = 0;

	for (unsigned i = 0; i < TAKEN; i++)
		taken[i] = malloc(1000);
	for (int i = 1; i < argc; i++)
		start(argv[i]);
	report();
	while (length < sizeof(line) && read(0, line + length, 1) == 1) {
		if (line[length++] != '\n')
			continue;
		line[length - 1] = '\0';
		obey(line);
		length = 0;
	}
	for (unsigned i = 0; i < thread_count; i++)
		if (threads[i].state != ENDED)
			end(&threads[i]);
	return 0;
}
