// SPDX-License-Identifier: MIT
//
// after_main_cxx: objects of static storage that allocate when they are
// made and destroyed, and thread_local ones in threads and in main.
//
// Expects (by count_shim) every new and delete to be counted, those after
// main included.
#include <string>
#include <thread>
#include <vector>

namespace {

struct noisy {
	std::vector<int> content;
	explicit noisy(size_t n) : content(n) {}
	~noisy()
	{
		auto *p = new std::string(300, 'x'); // kept for ever
		content.resize(content.size() * 3);
		if (p->size() != 300)
			__builtin_trap();
	}
};

noisy first(100), second(5000);
thread_local noisy mine(70);

void work()
{
	mine.content.push_back(1);
}

} // namespace

int main()
{
	static noisy late(33);

	work();
	for (int i = 0; i < 20; i++) {
		std::thread t(work);
		t.join();
	}
	try {
		throw std::string(200, 'y');
	} catch (const std::string &s) {
		return s.size() == 200 && late.content.size() == 33 ? 0 : 1;
	}
}
