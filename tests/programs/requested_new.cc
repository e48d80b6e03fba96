// SPDX-License-Identifier: MIT
/*
 * requested_new nothing|all: reports the bytes that it has asked for by new.
 */
#include <cstdio>
#include <cstring>
#include <new>
#include <unistd.h>

struct alignas(64) aligned {
	char bytes[192];
};

int main(int argc, char **argv)
{
	bool all = argc > 1 && strcmp(argv[1], "all") == 0;

	for (int i = 0; all && i < 100; i++) {
		delete new int;
		delete[] new char[1000 + i];
		delete[] new (std::nothrow) char[33];
		delete new aligned;
		delete[] new aligned[3];
	}
	char text[128];
	int length = snprintf(text, sizeof(text),
			      "pid %d\n/heap/allocs/requested:bytes %d\n", getpid(),
			      all ? 100 * (4 + 1000 + 33 + 192 + 3 * 192) + 4950 : 0);
	return write(1, text, length) != length;
}
