# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# The allocator has an operator new of its own, which calls no malloc.
set -e
cat >vector.cc <<'END'
#include <iostream>
#include <string>
#include <vector>
int main()
{
	std::vector<std::string *> all;

	for (int i = 0; i < 1000; i++)
		all.push_back(new std::string(100, 'x'));
	std::cout << all.size() << " strings\n";
	for (auto *s : all)
		delete s;
}
END
g++ -o vector vector.cc -Wl,--no-as-needed /usr/lib/*/libjemalloc.so.2
./vector
