/* SPDX-License-Identifier: MIT */
/*
 * new_delete N: N times each of the eight forms of new, with the matching
 * delete; then all that must fail, and how.
 *
 * Expects 8 N allocs and 8 N frees more than with an N of 0.
 */
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <new>

struct alignas(128) Wide {
	char bytes[256];
};

static volatile bool broken;

static void must(bool good, int line)
{
	if (!good) {
		std::fprintf(stderr, "new_delete.cc:%d: broken\n", line);
		broken = true;
	}
}

#define MUST(condition) must(condition, __LINE__)

/* Out of the compiler's sight, which may leave out a new with its delete. */
static void *volatile sink;

template <typename T> static T *seen(T *block)
{
	sink = block;
	MUST(block != nullptr);
	MUST(reinterpret_cast<std::uintptr_t>(block) % alignof(T) == 0);
	return block;
}

static void all_forms()
{
	delete seen(new int(7));
	delete[] seen(new char[100]);
	delete seen(new (std::nothrow) long);
	delete[] seen(new (std::nothrow) char[1000]);
	delete seen(new Wide);
	delete[] seen(new Wide[3]);
	delete seen(new (std::nothrow) Wide);
	delete[] seen(new (std::nothrow) Wide[2]);
}

static int handled;

static void handler()
{
	if (++handled == 3)
		std::set_new_handler(nullptr);
}

/* Too much for anybody; behind a volatile, as the compiler would object. */
static volatile std::size_t too_much = std::size_t(1) << 60;

static bool throws()
{
	try {
		sink = ::operator new(too_much);
	} catch (const std::bad_alloc &) {
		return true;
	}
	return false;
}

static void failures()
{
	MUST(throws());
	MUST(::operator new(too_much, std::nothrow) == nullptr);
	MUST(::operator new(too_much, std::align_val_t(64), std::nothrow) == nullptr);
	std::set_new_handler(handler);
	MUST(throws());
	MUST(handled == 3);
	::operator delete(seen(static_cast<char *>(::operator new(0))));
	delete static_cast<int *>(nullptr);
}

int main(int argc, char **argv)
{
	for (long i = argc > 1 ? std::atol(argv[1]) : 0; i > 0; i--)
		all_forms();
	if (argc <= 2)
		failures();
	return broken;
}
