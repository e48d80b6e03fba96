/* SPDX-License-Identifier: MIT */
/*
 * The control page: what may be written, where, and who is refused.
 */
#include "shm/control.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>

#include "tests/unit/own_image.h"

#define PAGE ((uint64_t)sysconf(_SC_PAGESIZE))

static int open_control(struct control *ret, const struct attachment *a)
{
	return control_open(ret, a, sandbox.dirfd, IMAGE_NAME);
}

/* All bytes of the file but those of the control page, added up. */
static uint64_t sum_of_others(uint64_t page_at)
{
	unsigned char byte;
	uint64_t sum = 0, at = 0;
	int fd = openat(sandbox.dirfd, IMAGE_NAME, O_RDONLY);
	FILE *file = fdopen(fd, "r");

	while (file && fread(&byte, 1, 1, file) == 1) {
		if (at < page_at || at >= page_at + PAGE)
			sum = sum * 31 + byte;
		at++;
	}
	fclose(file);
	return sum;
}

static void test_switching(void)
{
	struct segment_image image = quiet_image();
	struct attachment *a = attach_image(&image);
	struct control c;
	uint32_t wanted = 99;
	uint64_t asked = 99, before;

	if (!ok(open_control(&c, a) == 0, "a sound page is opened"))
		return;
	before = sum_of_others(c.offset_bytes);
	ok(control_wanted(&c, &wanted) == 0, "it is read");
	is_u64(wanted, 0, "nothing is asked for");
	ok(control_switch(&c, CONTROL_MUTEX | CONTROL_STALL, 0) == 0, "two on");
	ok(control_switch(&c, CONTROL_REQUESTED, CONTROL_MUTEX) == 0,
	   "one on, one off");
	ok(control_wanted(&c, &wanted) == 0, "read again");
	is_u64(wanted, CONTROL_STALL | CONTROL_REQUESTED, "two are left");
	ok(control_ask(&c, &asked) == 0, "asked");
	is_u64(asked, 1, "the first time");
	ok(control_ask(&c, &asked) == 0, "asked again");
	is_u64(asked, 2, "the second time");
	is_u64(sum_of_others(c.offset_bytes), before, "no other byte is changed");
	control_close(&c);
	attach_close(a);
	image_release(&image);
}

/* ---- pages that are none ---- */

static void on_header(struct segment_header *h)
{
	h->control.offset_bytes = 0;
}

static void on_metrics(struct segment_header *h)
{
	h->control.offset_bytes = h->metrics.offset_bytes;
}

static void on_last_metrics(struct segment_header *h)
{
	h->metrics.count = METRICS_MAX;
	h->control.offset_bytes = h->metrics.offset_bytes + PAGE;
}

static void on_slots(struct segment_header *h)
{
	h->control.offset_bytes = h->slots.offset_bytes;
}

static void on_last_slots(struct segment_header *h)
{
	h->control.offset_bytes = h->slots.offset_bytes + PAGE *
		(((uint64_t)h->slots.count * h->slots.stride_bytes - 1) / PAGE);
}

static void between_pages(struct segment_header *h)
{
	h->control.offset_bytes += 8;
}

static void beyond(struct segment_header *h)
{
	h->control.offset_bytes = h->file_bytes;
}

static void far_beyond(struct segment_header *h)
{
	h->control.offset_bytes = UINT64_MAX - PAGE + 1;
}

static void no_page(struct segment_header *h)
{
	h->control.count = 0;
}

static void small_page(struct segment_header *h)
{
	h->control.stride_bytes = 8;
}

/* The header as the first of abi 1 was: its library never looks. */
static void older(struct segment_header *h)
{
	h->header_bytes = 896;
}

static const struct {
	const char *name;
	void (*spoil)(struct segment_header *h);
} refused[] = {
	{ "on the header", on_header }, { "on the metrics", on_metrics },
	{ "on their second page", on_last_metrics },
	{ "on the slots", on_slots }, { "on their last page", on_last_slots },
	{ "between pages", between_pages }, { "at the end", beyond },
	{ "far beyond", far_beyond }, { "not there", no_page },
	{ "too small", small_page }, { "of an older library", older },
};

static void test_refused(void)
{
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct segment_image image = quiet_image();
		struct attachment *a = NULL;
		struct control c;
		enum attach_error error;

		refused[i].spoil(image_header(&image));
		write_image(&image);
		error = attach_open(&a, sandbox.dirfd, IMAGE_NAME, 0);
		if (error)
			ok(!a, "%s: not even attached", refused[i].name);
		else
			ok(open_control(&c, a) == -ENOTSUP, "%s: refused",
			   refused[i].name);
		attach_close(a);
		image_release(&image);
	}
}

/* ---- files that change meanwhile ---- */

static void test_replaced(void)
{
	struct segment_image image = quiet_image();
	struct attachment *a = attach_image(&image);
	struct control c;

	unlinkat(sandbox.dirfd, IMAGE_NAME, 0);
	ok(open_control(&c, a) == -ENOENT, "removed");
	write_image(&image);
	ok(open_control(&c, a) == -ESTALE, "another file of that name");
	unlinkat(sandbox.dirfd, IMAGE_NAME, 0);
	symlinkat("/dev/null", sandbox.dirfd, IMAGE_NAME);
	ok(open_control(&c, a) == -ELOOP, "a link");
	unlinkat(sandbox.dirfd, IMAGE_NAME, 0);
	attach_close(a);
	image_release(&image);
}

static void test_truncated(void)
{
	struct segment_image image = quiet_image();
	struct attachment *a = attach_image(&image);
	struct control c;
	struct stat st;
	uint32_t wanted;
	uint64_t asked;

	ok(open_control(&c, a) == 0, "whole");
	truncate_file(IMAGE_NAME, (off_t)c.offset_bytes + 4);
	ok(control_switch(&c, CONTROL_MUTEX, 0) == -EIO, "cut: no switching");
	ok(control_ask(&c, &asked) == -EIO, "cut: no asking");
	truncate_file(IMAGE_NAME, (off_t)c.offset_bytes);
	ok(control_wanted(&c, &wanted) == -EIO, "cut: nothing to read");
	is_u64(wanted, 0, "and nothing is told");
	ok(fstat(c.fd, &st) == 0 && (uint64_t)st.st_size == c.offset_bytes,
	   "the file did not grow");
	control_close(&c);
	attach_close(a);
	image_release(&image);
}

static void test_held(void)
{
	struct segment_image image = quiet_image();
	struct attachment *a = attach_image(&image);
	int fd = openat(sandbox.dirfd, IMAGE_NAME, O_RDONLY);
	struct control c;

	ok(open_control(&c, a) == 0 && flock(fd, LOCK_EX) == 0,
	   "somebody else holds the lock");
	ok(control_switch(&c, CONTROL_MUTEX, 0) == -EBUSY, "and is not waited for");
	close(fd);
	ok(control_switch(&c, CONTROL_MUTEX, 0) == 0, "gone, it works");
	control_close(&c);
	attach_close(a);
	image_release(&image);
}

/* Whatever stands there, only known bits are told. */
static void test_garbage(void)
{
	struct segment_image image = quiet_image();
	struct attachment *a;
	struct control c;
	uint32_t wanted = 99;
	uint64_t asked;

	memset(image.bytes + image_header(&image)->control.offset_bytes, 0xff,
	       sizeof(struct segment_control));
	a = attach_image(&image);
	ok(open_control(&c, a) == 0 && control_wanted(&c, &wanted) == 0,
	   "a page of ones is read");
	is_u64(wanted, EXTRA_ALL, "unknown bits are left out");
	ok(control_ask(&c, &asked) == 0, "asked");
	is_u64(asked, 0, "after the highest number comes 0");
	control_close(&c);
	attach_close(a);
	image_release(&image);
}

int main(void)
{
	sandbox_init();
	alarm(300);
	RUN(test_switching());
	RUN(test_refused());
	RUN(test_replaced());
	RUN(test_truncated());
	RUN(test_held());
	RUN(test_garbage());
	return done();
}
