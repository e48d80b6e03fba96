# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Compiles, links and runs a program of regular expressions.
set -e
cat >words.cc <<'END'
#include <iostream>
#include <map>
#include <regex>
#include <string>
int main()
{
	std::map<std::string, int> seen;
	std::string text("two one two three two one");
	std::regex word("[a-z]+");
	for (std::sregex_iterator i(text.begin(), text.end(), word), e; i != e; ++i)
		seen[i->str()]++;
	for (auto &s : seen)
		std::cout << s.first << s.second << "\n";
}
END
g++ -O1 -o words words.cc
./words
