#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2030,SC2031,SC2153 # each test is its own shell, on purpose
# C++ new and delete, on libc and on allocators that bring their own.

load helpers
setup() { private_directory; }
teardown() { clean_up; }

CXX_LIB=$ROOT/build/libheaptally-cxx.so

# tally PRELOAD N [none]: allocs, frees and coverage of the program.
tally() {
	"$HT" run --quiet --json "$T/json" -- env LD_PRELOAD="$LIB$1" \
		"$P/new_delete" "${@:2}" 3>&- || return 1
	jq -r '.processes[] | select(.command == "new_delete")
		| "\(.metrics."/heap/allocs:objects") \(.metrics."/heap/frees:objects") \(.coverage) \(.coverage_reason)"' "$T/json"
}

# Each form of new is one alloc, each delete one free, and nothing is missed.
counts_all() { # PRELOAD [none]
	local base more
	read -ra base < <(tally "$1" 0 "${@:2}")
	read -ra more < <(tally "$1" 1000 "${@:2}")
	[ "${more[2]}" = full ] || fail "${more[*]}" || return 1
	[ $((more[0] - base[0])) = 8000 ] || fail "allocs ${base[0]}, ${more[0]}" || return 1
	[ $((more[1] - base[1])) = 8000 ] || fail "frees ${base[1]}, ${more[1]}"
}

@test "C++ new on libc is malloc, with the companion and without" {
	counts_all ""
	counts_all ":$CXX_LIB"
}
@test "jemalloc: with the companion nothing goes past the tally" {
	counts_all ":$CXX_LIB:libjemalloc.so.2"
}
@test "tcmalloc: with the companion nothing goes past the tally" {
	counts_all ":$CXX_LIB:libtcmalloc_minimal.so.4"
}
@test "mimalloc: with the companion nothing goes past the tally" {
	# its new ends the program where others throw
	counts_all ":$CXX_LIB:libmimalloc.so.2" none
}

@test "without the companion, new that goes past malloc is told" {
	for library in libjemalloc.so.2 libtcmalloc_minimal.so.4 libmimalloc.so.2; do
		run -0 tally ":$library" 10 none
		[[ $output == *" partial C++ new is served by $library" ]] || fail "$output"
	done
}
@test "a C program on such an allocator is fully seen, with no word of C++" {
	for library in libjemalloc.so.2 libtcmalloc_minimal.so.4 libmimalloc.so.2; do
		"$HT" run --quiet --json "$T/json" -- env LD_PRELOAD="$LIB:$library" "$P/nothing"
		run -0 jq -r '.processes[] | select(.command == "nothing") | .coverage' "$T/json"
		[ "$output" = full ] || fail "$library: $output"
	done
}

@test "a program's own new is served by itself, new[] included" {
	"${CXX:-c++}" -o "$T/own" -x c++ - <<-'EOS'
		#include <cstdlib>
		#include <new>
		static int calls;
		void *operator new(std::size_t bytes) { calls++; return std::malloc(bytes); }
		void operator delete(void *block) noexcept { calls++; std::free(block); }
		void operator delete(void *block, std::size_t) noexcept { operator delete(block); }
		int main() { delete new int; delete[] new char[100]; return calls == 4 ? 0 : 1; }
	EOS
	"$T/own"
	LD_PRELOAD=$LIB:$CXX_LIB "$T/own"
	LD_PRELOAD=$LIB:$CXX_LIB:libjemalloc.so.2 "$T/own"
}

@test "new in a library that a C program loads for itself" {
	"${CXX:-c++}" -shared -fPIC -o "$T/plugin.so" -x c++ - <<-'EOS'
		#include <new>
		extern "C" int plug() {
			volatile unsigned long n = 1ul << 60;
			try { delete[] new char[n]; } catch (const std::bad_alloc &) { return 7; }
			return 1;
		}
	EOS
	"${CC:-cc}" -o "$T/host" -x c - <<-EOS
		#include <dlfcn.h>
		int main(void) {
			void *plugin = dlopen("$T/plugin.so", RTLD_NOW | RTLD_LOCAL);
			int (*plug)(void) = plugin ? (int (*)(void))dlsym(plugin, "plug") : 0;
			return plug ? plug() : 2;
		}
	EOS
	LD_PRELOAD=$LIB run -7 "$T/host"
	LD_PRELOAD=$LIB:$CXX_LIB run -7 "$T/host"
}
