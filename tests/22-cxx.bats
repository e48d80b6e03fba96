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

@test "whichever of new and delete a program replaces, the rest does as without us" {
	for own in "" PLAIN ARRAY NOTHROW ALIGNED "PLAIN ARRAY" "PLAIN NOTHROW" "PLAIN ALIGNED" \
		"ARRAY ALIGNED" "PLAIN ARRAY NOTHROW ALIGNED"; do
		# shellcheck disable=SC2086 # a list of words
		"${CXX:-c++}" -std=gnu++17 -O0 -fno-builtin -w $(printf -- '-DOWN_%s ' $own) \
			-o "$T/own" "$ROOT/tests/programs/own_new.cc"
		bounded "$T/own" >"$T/plain"
		LD_PRELOAD=$LIB:$CXX_LIB bounded "$T/own" >"$T/with" || fail "$own: $?"
		diff "$T/plain" "$T/with" || fail "$own"
	done
}
@test "a program that replaces new, started by one that needs the companion" {
	ld=$("${CC:-cc}" -print-file-name=libjemalloc.so.2)
	[ -e "$ld" ] || skip "no jemalloc"
	"${CXX:-c++}" -std=gnu++17 -w -DOWN_PLAIN -o "$T/own" "$ROOT/tests/programs/own_new.cc"
	"${CXX:-c++}" -o "$T/parent" -x c++ - -x none "$ld" <<-EOS
		#include <cstdlib>
		int main() { delete new int; return std::system("$T/own") != 0; }
	EOS
	run -0 --separate-stderr bounded "$HT" run --quiet -- "$T/parent"
	[ "$output" = "$("$T/own")" ] || fail "$output"
}
@test "new with an alignment that is none: as without us, and not for ever" {
	"${CXX:-c++}" -std=gnu++17 -O0 -w -o "$T/odd" -x c++ - <<-'EOS'
		#include <cstdio>
		#include <new>
		int main() {
			volatile std::size_t odd = 24;
			void *p = nullptr;
			try {
				p = operator new(100, std::align_val_t(odd));
				std::puts("a block");
			} catch (const std::bad_alloc &) {
				std::puts("bad_alloc");
			}
			operator delete(p, std::align_val_t(odd));
			p = operator new(100, std::align_val_t(odd), std::nothrow);
			std::puts(p ? "a block" : "NULL");
			operator delete(p, std::align_val_t(odd), std::nothrow);
		}
	EOS
	for library in "" libjemalloc.so.2 libtcmalloc_minimal.so.4; do
		LD_PRELOAD=$library bounded "$T/odd" >"$T/plain"
		LD_PRELOAD=$LIB:$CXX_LIB:$library bounded "$T/odd" >"$T/with" || fail "$library: $?"
		diff "$T/plain" "$T/with" || fail "$library"
	done
}

# coverage PROGRAM...: on jemalloc, without the companion.
coverage() {
	"$HT" run --quiet --json "$T/json" -- env LD_PRELOAD="$LIB:libjemalloc.so.2" "$@" >"$T/out" 3>&- &&
		jq -r '.processes[-1] | "\(.coverage) \(.coverage_reason)"' "$T/json"
}
needs_jemalloc() {
	LD_PRELOAD=libjemalloc.so.2 /bin/true 2>"$T/err"
	[ ! -s "$T/err" ] || skip "no jemalloc"
}

@test "new[] alone, or within the C++ library, goes past us and is told" {
	needs_jemalloc
	"${CXX:-c++}" -O0 -o "$T/array" -x c++ - <<<'int main() { return !new char[1000]; }'
	"${CXX:-c++}" -O2 -o "$T/string" -x c++ - <<-'EOS'
		#include <string>
		int main() {
			std::string s;
			for (int i = 0; i < 1000; i++)
				s.append("0123456789");
			return s.size() != 10000;
		}
	EOS
	run nm -D "$T/string"
	[[ $output != *_Zn* ]] || skip "std::string is compiled in here"
	for program in array string; do
		run -0 coverage "$T/$program"
		[ "$output" = "partial C++ new is served by libjemalloc.so.2" ] || fail "$program: $output"
	done
	# C++ without new
	"${CXX:-c++}" -O2 -o "$T/none" -x c++ - <<-'EOS'
		#include <condition_variable>
		std::condition_variable c;
		int main() { c.notify_all(); }
	EOS
	run -0 coverage "$T/none"
	[ "$output" = "full " ] || fail "$output"
}
@test "a library loaded later may bring C++, which is told" {
	needs_jemalloc
	"${CXX:-c++}" -shared -fPIC -o "$T/plugin.so" -x c++ - <<-'EOS'
		static int *volatile kept;
		extern "C" void plug() { for (int i = 0; i < 1000; i++) kept = new int[250]; }
	EOS
	"${CC:-cc}" -o "$T/host" -x c - <<-EOS
		#include <dlfcn.h>
		#include <stddef.h>
		int main(int argc, char **argv) {
			void *plugin = dlopen(argc > 1 ? "$T/plugin.so" : NULL, RTLD_NOW);
			void (*plug)(void) = (void (*)(void))dlsym(plugin, "plug");
			if (!dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD))
				return 2;
			if (plug)
				plug();
			return argc > 1 && !plug;
		}
	EOS
	run -0 coverage "$T/host" plug
	[ "$output" = "partial C++ new may be served by libjemalloc.so.2" ] || fail "$output"
	# nothing is loaded
	run -0 coverage "$T/host"
	[ "$output" = "full " ] || fail "$output"
	# new leads to us
	"$HT" run --quiet --json "$T/json" -- env LD_PRELOAD="$LIB:$CXX_LIB:libjemalloc.so.2" \
		"$T/host" plug 3>&-
	run -0 jq -r '.processes[-1] | "\(.coverage) \(.metrics."/heap/allocs:objects" >= 1000)"' "$T/json"
	[ "$output" = "full true" ] || fail "$output"
	# and so it does on libc
	"$HT" run --quiet --json "$T/json" -- "$T/host" plug 3>&-
	run -0 jq -r '.processes[-1] | "\(.coverage) \(.metrics."/heap/allocs:objects" >= 1000)"' "$T/json"
	[ "$output" = "full true" ] || fail "$output"
}
