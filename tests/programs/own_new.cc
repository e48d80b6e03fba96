// SPDX-License-Identifier: MIT
//
// Calls every form of new and delete, and says which of a program's own were
// reached. What is replaced is chosen when it is compiled, by any of
// -DOWN_PLAIN -DOWN_ARRAY -DOWN_NOTHROW -DOWN_ALIGNED; by default nothing.
//
//	own_new
//
// Plain blocks are marked, and delete aborts when it meets one without a mark.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <vector>

static int plain, plain_deletes, array, array_deletes, nothrow, aligned,
	aligned_deletes;

[[maybe_unused]] static void *must_have(void *block)
{
	if (!block)
		throw std::bad_alloc();
	return block;
}

#ifdef OWN_PLAIN
static const unsigned long MARK = 0x5afe5afe5afe5afe;

void *operator new(std::size_t bytes)
{
	unsigned long *mark = nullptr;

	plain++;
	if (bytes < 1ul << 40)
		mark = static_cast<unsigned long *>(std::malloc(bytes + 16));
	must_have(mark);
	*mark = MARK;
	return mark + 2;
}

void operator delete(void *block) noexcept
{
	unsigned long *mark = static_cast<unsigned long *>(block) - 2;

	if (!block)
		return;
	plain_deletes++;
	if (*mark != MARK) {
		std::fputs("delete of a foreign block\n", stderr);
		std::abort();
	}
	*mark = 0;
	std::free(mark);
}

void operator delete(void *block, std::size_t) noexcept
{
	operator delete(block);
}
#endif
#ifdef OWN_ARRAY
void *operator new[](std::size_t bytes)
{
	array++;
	return must_have(bytes < 1ul << 40 ? std::malloc(bytes) : nullptr);
}

void operator delete[](void *block) noexcept
{
	array_deletes++;
	std::free(block);
}
#endif
#ifdef OWN_NOTHROW
void *operator new(std::size_t bytes, const std::nothrow_t &) noexcept
{
	nothrow++;
	return bytes < 1ul << 40 ? std::malloc(bytes) : nullptr;
}
#endif
#ifdef OWN_ALIGNED
void *operator new(std::size_t bytes, std::align_val_t alignment)
{
	aligned++;
	return must_have(bytes < 1ul << 40 ?
			 std::aligned_alloc(std::size_t(alignment), bytes) :
			 nullptr);
}

void operator delete(void *block, std::align_val_t) noexcept
{
	aligned_deletes++;
	std::free(block);
}
#endif

static const std::align_val_t LINE{64};
static volatile std::size_t huge = 1ul << 60;

static void basic()
{
	operator delete(operator new(8));
	operator delete(operator new(8), std::size_t(8));
	operator delete[](operator new[](8));
	operator delete[](operator new[](8), std::size_t(8));
	operator delete(operator new(64, LINE), LINE);
	operator delete(operator new(64, LINE), std::size_t(64), LINE);
	operator delete[](operator new[](64, LINE), LINE);
	operator delete[](operator new[](64, LINE), std::size_t(64), LINE);
}

static void without_exceptions()
{
	const std::nothrow_t &no = std::nothrow;

#ifndef OWN_NOTHROW // whose blocks are no business of the plain delete
	operator delete(operator new(8, no));
	operator delete(operator new(8, no), no);
#else
	std::free(operator new(8, no));
#endif
	operator delete[](operator new[](8, no));
	operator delete[](operator new[](8, no), no);
	operator delete(operator new(64, LINE, no), LINE);
	operator delete(operator new(64, LINE, no), LINE, no);
	operator delete[](operator new[](64, LINE, no), LINE);
	operator delete[](operator new[](64, LINE, no), LINE, no);
	if (operator new(huge, no) || operator new[](huge, no) ||
	    operator new(huge, LINE, no) || operator new[](huge, LINE, no))
		std::puts("found too much");
}

template <typename F> static void must_throw(F f)
{
	try {
		if (f())
			std::puts("found too much");
		else
			std::puts("NULL, and nothing thrown");
	} catch (const std::bad_alloc &) {
	}
}

// The buffer of stable_sort is new by nothrow, and delete without.
static void sort()
{
#ifndef OWN_NOTHROW
	std::vector<int> numbers;

	for (int i = 0; i < 10000; i++)
		numbers.push_back(i * 7919 % 10007);
	std::stable_sort(numbers.begin(), numbers.end());
#endif
}

int main()
{
	basic();
	without_exceptions();
	must_throw([] { return operator new(huge); });
	must_throw([] { return operator new[](huge); });
	must_throw([] { return operator new(huge, LINE); });
	must_throw([] { return operator new[](huge, LINE); });
	sort();
	std::printf("plain %d %d array %d %d nothrow %d aligned %d %d\n", plain,
		    plain_deletes, array, array_deletes, nothrow, aligned,
		    aligned_deletes);
}
