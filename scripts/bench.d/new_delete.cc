// SPDX-License-Identifier: MIT
// Nanoseconds for a pair of operator new and delete, the best of several loops.
#include <chrono>
#include <cstdio>
#include <new>

int main()
{
	const long pairs = 3000000;
	double best = 0;

	for (int loop = 0; loop < 7; loop++) {
		auto from = std::chrono::steady_clock::now();

		for (long i = 0; i < pairs; i++) {
			void *block = ::operator new(48);

			*static_cast<volatile char *>(block) = 1;
			::operator delete(block);
		}
		std::chrono::duration<double, std::nano> took =
			std::chrono::steady_clock::now() - from;
		if (loop == 0 || took.count() / pairs < best)
			best = took.count() / pairs;
	}
	std::printf("%.3f\n", best);
	return 0;
}
