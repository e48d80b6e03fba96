#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2030,SC2031,SC2153,SC2154 # each test is its own shell, on purpose
# One thread: every metric equals the program's own count.

load helpers
setup() { private_directory; }
teardown() { clean_up; }

@test "the comparison itself sees a wrong, a missing and a doubled number" {
	cat >"$T/json" <<-'END'
		{ "processes": [ { "pid": 7, "metrics": {
		  "/heap/allocs:objects": 10, "/heap/peak:bytes": 1000,
		  "/threads/peak:threads": 2, "/heap/peak/slack:bytes": 50,
		  "/heap/h:bytes": { "buckets": [0, 8, 16, 32], "counts": [1, 0, 4] }
		} } ] }
	END
	printf 'pid 7\n/heap/allocs:objects 10\n' >"$T/good"
	printf 'pid 7\n~/heap/peak:bytes 1049\n' >"$T/near"
	agrees "$T/good" "$T/json"
	printf 'pid 7\n#/heap/h:bytes 32 4\n#/heap/h:bytes all 5\n' >"$T/sizes"
	agrees "$T/near" "$T/json"
	agrees "$T/sizes" "$T/json"

	printf 'pid 7\n/heap/allocs:objects 11\n' >"$T/off"
	printf 'pid 7\n/heap/frees:objects 0\n' >"$T/absent"
	printf 'pid 8\n/heap/allocs:objects 10\n' >"$T/stranger"
	printf 'pid 7\n/heap/peak:bytes 1049\n' >"$T/strict"
	printf 'pid 7\n~/heap/peak:bytes 1051\n' >"$T/far"
	printf 'pid 7\n' >"$T/empty"
	printf 'pid 7\n#/heap/h:bytes 16 4\n' >"$T/bucket"
	printf 'pid 7\n#/heap/h:bytes 8 1\n#/heap/h:bytes all 1\n' >"$T/others"
	printf 'pid 7\n#/heap/h:bytes 64 1\n' >"$T/bound"
	printf 'pid 7\n#/heap/none:bytes all 0\n' >"$T/nowhere"
	for wrong in off absent stranger strict far empty bucket others bound nowhere; do
		run -1 agrees "$T/$wrong" "$T/json"
		[ -n "$output" ]
	done
	jq '.processes += .processes' "$T/json" >"$T/twice"
	run -1 agrees "$T/good" "$T/twice"
	jq '.processes[0].metrics."/heap/peak/slack:bytes" = 99999' \
		"$T/json" >"$T/lavish"
	run -1 agrees "$T/near" "$T/lavish"
}

@test "a program that allocates nothing has nothing but zeros" {
	exactly "$P/nothing"
	run -0 field "$(sed -n 's/^pid //p' "$T/out")" \
		'[.metrics | to_entries[] | select(.key | startswith("/heap/")) | .value |
		  if type == "object" then .counts | add else . end] | "\(length > 10) \(add)"' \
		"$T/json"
	[ "$output" = "true 0" ]
}

@test "coverage is full and the provider is named" {
	exactly "$P/family" malloc
	run -0 jq -r '.processes[0] | "\(.coverage)|\(.coverage_reason)|\(.approximate)|\(.skew_objects)|\(.state)|\(.command)"' "$T/json"
	[ "$output" = "full||false|0|exited|family" ]
	run -0 jq -r '.processes[0].provider' "$T/json"
	[[ $output =~ ^glibc\ [0-9]+\.[0-9]+$ ]]
}

@test "malloc" { exactly "$P/family" malloc; }
@test "calloc" { exactly "$P/family" calloc; }
@test "realloc" { exactly "$P/family" realloc; }
@test "reallocarray" { exactly "$P/family" reallocarray; }
@test "memalign" { exactly "$P/family" memalign; }
@test "aligned_alloc" { exactly "$P/family" aligned_alloc; }
@test "posix_memalign" { exactly "$P/family" posix_memalign; }
@test "valloc" { exactly "$P/family" valloc; }
@test "pvalloc" { exactly "$P/family" pvalloc; }
@test "free_sized, which this libc lacks" { exactly "$P/family" free_sized; }
@test "free_aligned_sized, likewise" { exactly "$P/family" free_aligned_sized; }
@test "cfree, which it hides" { exactly "$P/family" cfree; }

@test "malloc that fails" { exactly "$P/failures" malloc; }
@test "calloc that fails and overflows" { exactly "$P/failures" calloc; }
@test "realloc that fails keeps the old block" { exactly "$P/failures" realloc; }
@test "reallocarray that overflows" { exactly "$P/failures" reallocarray; }
@test "posix_memalign: EINVAL, ENOMEM, memptr untouched" {
	exactly "$P/failures" posix_memalign
}
@test "memalign, aligned_alloc, valloc, pvalloc that fail" {
	exactly "$P/failures" memalign
}
@test "free(NULL) counts nothing, free keeps errno" { exactly "$P/failures" free; }
@test "realloc of NULL and realloc to zero" { exactly "$P/failures" realloc-edges; }

@test "realloc in place, moving, and huge (mremap)" { exactly "$P/realloc_moves"; }
@test "totals over 4 GiB" { exactly "$P/totals"; }

@test "peak: a hill" { exactly "$P/peak" hill; }
@test "peak: what is live at the end" { exactly "$P/peak" last; }
@test "peak: realloc enters by its net change" { exactly "$P/peak" realloc; }
@test "peak: the higher of two hills" { exactly "$P/peak" twice; }
@test "peak: random" { exactly "$P/peak" random; }

@test "a fixed-address program that takes malloc's address is seen in full" {
	# its own PLT entry then is &malloc, everywhere and for dlsym too: what
	# Debian's python3 and gcc's cc1 look like
	"${CC:-cc}" -no-pie -fno-pie -O0 -fno-builtin -D_GNU_SOURCE -pthread -o "$T/fixed" \
		"$ROOT/tests/programs/address_taken.c"
	exactly "$T/fixed"
	run -0 jq -r '.processes[0] | "\(.coverage)|\(.coverage_reason)"' "$T/json"
	[ "$output" = "full|" ]
	exactly "$P/address_taken" # position-independent
	run -0 jq -r '.processes[0] | "\(.coverage)|\(.coverage_reason)"' "$T/json"
	[ "$output" = "full|" ]
}

@test "a program with an allocator of its own is not reported as seen" {
	"${CC:-cc}" -O0 -fno-builtin -D_GNU_SOURCE -rdynamic -o "$T/own" \
		"$ROOT/tests/programs/own_malloc.c"
	run --separate-stderr "$HT" run --json "$T/json" -- "$T/own"
	[ "$output" = "100 allocations of my own" ]
	[ "$status" = 3 ]
	[[ $stderr == *malloc* ]]
	run -0 jq -r '[.processes[] | select(.coverage == "full")] | length' "$T/json"
	[ "$output" = 0 ]
}

@test "count_shim, the other oracle, agrees with the programs too" {
	for function in malloc realloc posix_memalign pvalloc; do
		oracle "$T/oracle" "$P/family" "$function"
		grep ^/heap/ "$T/shim.out" | grep -v /peak >"$T/own"
		run -0 diff <(grep -v foreign "$T/own" | sort) <(sort "$T/oracle")
	done
}

@test "files and streams of libc are counted as count_shim counts them" {
	like_oracle /bin/cat /etc/passwd
	like_oracle /bin/sort /etc/passwd
	like_oracle /bin/ls -la /usr/bin
}

@test "libraries that are loaded past us are told" {
	"${CC:-cc}" -shared -fPIC -o "$T/plugin.so" -x c - <<-'EOS'
		#include <stdlib.h>
		void *give(void) { return malloc(100); }
	EOS
	cat >"$T/host.c" <<-EOS
		#include <dlfcn.h>
		#include <stdlib.h>
		#include <string.h>
		int main(int argc, char **argv) {
			void *plugin = strcmp(argv[1], "namespace") == 0 ?
				dlmopen(LM_ID_NEWLM, "$T/plugin.so", RTLD_NOW) :
				dlopen("$T/plugin.so", RTLD_NOW |
				       (strcmp(argv[1], "deep") == 0 ? RTLD_DEEPBIND : 0));
			void *(*give)(void) = (void *(*)(void))dlsym(plugin, "give");
			for (int i = 0; i < 1000; i++)
				if (!give())
					return 1;
			return 0;
		}
	EOS
	"${CC:-cc}" -O0 -D_GNU_SOURCE -o "$T/host" "$T/host.c"
	coverage() {
		"$HT" run --quiet --json "$T/json" -- "$T/host" "$1" 3>&- &&
			jq -r '.processes[0] | "\(.coverage) \(.coverage_reason) \(.metrics."/heap/allocs:objects" >= 1000)"' "$T/json"
	}
	run -0 coverage plain
	[ "$output" = "full  true" ] || fail "$output"
	run -0 coverage deep
	[ "$output" = "partial dlopen was asked for RTLD_DEEPBIND false" ] || fail "$output"
	run -0 coverage namespace
	[ "$output" = "partial dlmopen was asked for another namespace false" ] || fail "$output"
}
