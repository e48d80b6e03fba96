/* SPDX-License-Identifier: MIT */
/*
 * threads_std: std::thread, joined and detached, and std::async, which hand
 * objects from thread to thread.
 *
 * Expects every thread to be counted. The heap is not predicted (compare
 * with count_shim).
 */
#include <atomic>
#include <cstdio>
#include <future>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

static std::atomic<int> here;

static std::string work(int n)
{
	std::vector<std::string> words;

	for (int i = 0; i < n; i++)
		words.push_back(std::string(40, 'a' + i % 26));
	return words.back();
}

int main()
{
	std::vector<std::thread> joined;
	size_t length = 0;

	for (int i = 0; i < 10; i++) {
		std::thread t([i] { work(100 + i); });
		t.join();
	}
	for (int i = 0; i < 5; i++) {
		auto later = std::async(std::launch::async, work, 50 + i);
		length += later.get().size();
	}
	for (int i = 0; i < 3; i++)
		joined.emplace_back([] {
			here++;
			for (;;)
				pause();
		});
	while (here < 3)
		usleep(200);
	printf("pid %d\n/threads/started:threads 18\n"
	       "/threads/exited:threads 15\n/threads/live:threads 4\n",
	       getpid());
	fflush(stdout);
	_exit(length == 5 * 40 ? 0 : 1);
}
