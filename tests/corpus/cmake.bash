# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Configures a small C project, with its checks of the compiler, and builds it.
set -e
cat >CMakeLists.txt <<'END'
cmake_minimum_required(VERSION 3.10)
project(small C)
find_package(Threads REQUIRED)
add_executable(small small.c)
target_link_libraries(small Threads::Threads)
END
echo '#include <stdio.h>
int main(void) { return puts("built by cmake") < 0; }' >small.c
cmake -S . -B build
cmake --build build
build/small
