#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2030,SC2031,SC2153 # each test is its own shell, on purpose
# How libraries are found and where they lie: as without us.

load helpers
setup() { private_directory; }
teardown() { clean_up; }

@test "built without optimisation, dlopen still searches its caller's RUNPATH" {
	mkdir "$T/plugins"
	"${CC:-cc}" -shared -fPIC -o "$T/plugins/libfar.so" -x c - <<<'int far;'
	"${CC:-cc}" -o "$T/host" -Wl,--enable-new-dtags,-rpath,"$T/plugins" -x c - <<-'EOS'
		#include <dlfcn.h>
		#include <stdio.h>
		int main(void) {
			puts(dlopen("libfar.so", RTLD_NOW) ? "found" : dlerror());
			return 0;
		}
	EOS
	run -0 "$T/host"
	[ "$output" = found ] || skip "the loader does not: $output"
	for flags in -O0 "-O2 -fno-optimize-sibling-calls"; do
		make -s -j2 -C "$ROOT" B="$T/build" CFLAGS="$flags" "$T/build/libheaptally.so"
		LD_PRELOAD=$T/build/libheaptally.so run -0 "$T/host"
		[ "$output" = found ] || fail "$flags: $output"
	done
}

@test "a library that lies below the address it was linked for" {
	ld=$("${CC:-cc}" -print-file-name=libjemalloc.so.2)
	[ -e "$ld" ] || skip "no jemalloc"
	for name in one two; do
		"${CC:-cc}" -shared -fPIC -Wl,-Ttext-segment=0x7ffff8000000 -o "$T/lib$name.so" \
			-x c - <<<"int $name; int *here_$name = &$name;"
	done
	"${CC:-cc}" -D_GNU_SOURCE -o "$T/host" -Wl,--no-as-needed -x c - -x none "$T/libone.so" \
		"$T/libtwo.so" "$ld" <<-'EOS'
		#include <link.h>
		#include <stdio.h>
		extern int *here_one, *here_two;
		static int look(struct dl_phdr_info *info, size_t bytes, void *found) {
			return *(int *)found |= info->dlpi_addr >> 63;
		}
		int main(void) {
			int found = 0;
			dl_iterate_phdr(look, &found);
			puts(found ? "below" : "not below");
			return !here_one || !here_two;
		}
	EOS
	run -0 "$T/host"
	[ "$output" = below ] || skip "it lies elsewhere here"
	LD_PRELOAD=$LIB run -0 "$T/host"
	[ "$output" = below ]
}
