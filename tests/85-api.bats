#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2030,SC2031,SC2153,SC2154 # each test is its own shell, on purpose
# The library for readers as others get it: installed, found by pkg-config,
# linked by C and C++. Its functions one by one: tests/unit/test_api.c.

load helpers

setup_file() {
	IMAGE=$BATS_FILE_TMPDIR/image
	export IMAGE PKG_CONFIG_PATH=$IMAGE/opt/ht/lib/pkgconfig \
		PKG_CONFIG_SYSROOT_DIR=$IMAGE LD_LIBRARY_PATH=$IMAGE/opt/ht/lib
	make -s -C "$BATS_TEST_DIRNAME/.." install DESTDIR="$IMAGE" PREFIX=/opt/ht
}
setup() { private_directory; }
teardown() { clean_up; }

# build NAME COMPILER [FLAG...]: an example against the installed library.
build() {
	local source=$ROOT/tests/programs/api/$1.c name=$1

	shift
	# shellcheck disable=SC2046 # words, as a shell would have them
	"$@" -Wall -Wextra -Werror -O2 "$source" -x none \
		$(pkg-config --cflags --libs heaptally) -o "$T/$name"
}

# same_as_stat KEY...: what $T/out says of $PID is what stat does.
same_as_stat() {
	local key want

	for key; do
		want=$("$HT" stat -m "$key" "$PID")
		grep -qxF "$key $want" "$T/out" || fail "$key: want $want: $(grep -F "$key" "$T/out")"
	done
}

@test "pkg-config: the version, where it is" {
	[ "heaptally $(pkg-config --modversion heaptally)" = "$("$HT" --version)" ]
	run -0 pkg-config --cflags --libs heaptally
	[[ $output == *"-I$IMAGE/opt/ht/include"*"-L$IMAGE/opt/ht/lib"*"-lheaptally-reader"* ]]
}

@test "an example in C shows a process as stat does" {
	build show cc -x c -std=c11
	start "$P/hold" 100
	"$T/show" "$PID" >"$T/out"
	[ "$(head -n 1 "$T/out")" = "pid $PID command hold state live coverage full" ]
	same_as_stat /heap/live:bytes /heap/live:objects /heap/allocs:objects \
		/threads/live:threads /process/max-fds:fds /sched/cpus:cpus
	[ "$(grep -c '^/' "$T/out")" = "$("$HT" metrics --json | jq '.metrics | length')" ]
	grep -qE '^/heap/allocs-by-size:bytes .*\(512, 1024\]: [1-9]' "$T/out"
	grep -qE '^/process/uptime:seconds [0-9.]+$' "$T/out"
}

@test "the same compiled as C++, and linked statically" {
	start "$P/hold" 100
	build show c++ -x c++ -std=c++17 -pedantic
	"$T/show" "$PID" >"$T/out"
	same_as_stat /heap/live:bytes /heap/allocs:objects
	readelf -d "$T/show" | grep -q 'NEEDED.*\[libheaptally-reader.so.1\]'
	# shellcheck disable=SC2046
	cc -std=c11 -Wall -Werror "$ROOT/tests/programs/api/show.c" \
		$(pkg-config --cflags heaptally) "$IMAGE/opt/ht/lib/libheaptally-reader.a" \
		-pthread -o "$T/static"
	run -1 grep -q libheaptally <(readelf -d "$T/static")
	"$T/static" "$PID" >"$T/out"
	same_as_stat /heap/live:bytes /heap/allocs:objects
}

@test "the example's errors: nobody, not tallied, no directory" {
	build show cc -x c
	start -n "$P/hold"
	run -1 --separate-stderr "$T/show" "$PID"
	[ "$stderr" = "show: $PID: no such segment" ]
	HEAPTALLY_DIR=/nonexistent run -1 --separate-stderr "$T/show" "$PID"
	[ "$stderr" = "show: $PID: cannot open the directory of segments: no such file or directory" ]
	run -1 --separate-stderr "$T/show"
	[ "$stderr" = "usage: show PID" ]
	[ -z "$output" ]
}

@test "the example's errors: a segment of another user" {
	need_root
	build show cc -x c
	start "$P/hold"
	chmod 755 "$D" "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR" "$T"
	cp "$T/show" "$IMAGE/opt/ht/lib/libheaptally-reader.so.1" "$D/"
	run -1 --separate-stderr as_nobody env LD_LIBRARY_PATH="$D" "$D/show" "$PID"
	[[ $stderr == "show: $PID: permission denied" || $stderr == "show: $PID: belongs to another user" ]] ||
		fail "$stderr"
}

@test "an example of rates sees every process" {
	build rates cc -x c
	start "$P/hold" 100
	first=$PID
	start "$P/hold" 200
	"$T/rates" "$D" 50 >"$T/out"
	[ "$(awk -v pid="$first" '$1 == pid { print $2, $3, $4 }' "$T/out")" = \
		"$("$HT" stat -m /heap/live:bytes "$first") 0 live" ]
	[ "$(awk -v pid="$PID" '$1 == pid { print $4 }' "$T/out")" = live ]
	run -1 --separate-stderr "$T/rates" /nonexistent
	[ "$stderr" = "rates: cannot list segments: no such file or directory" ]
}

@test "rates: a process that is killed between the two looks" {
	build rates cc -x c
	start "$P/hold" 100
	"$T/rates" "$D" 1000 >"$T/out" 3>&- &
	rates=$!
	STARTED+=("$rates")
	maps_segment() { grep -q "$D/heaptally.$PID." "/proc/$rates/maps"; }
	wait_until maps_segment
	live=$("$HT" stat -m /heap/live:bytes "$PID")
	kill -KILL "$PID"
	wait "$rates"
	[ "$(cat "$T/out")" = "$PID $live 0 killed" ]
}

@test "reading allocates nothing: the tally itself says so" {
	build reads cc -x c -fno-builtin
	LD_PRELOAD=$LIB "$T/reads" >"$T/out"
	[ "$(sed -n 2p "$T/out")" = "allocs 0" ] || fail "$(cat "$T/out")"
	[ "$(sed -n 3p "$T/out")" = "and one more 1" ]
	[ "$(sed -n 4p "$T/out")" = "allocs with threads 0" ] || fail "$(cat "$T/out")"
	[ "$(sed -n 5p "$T/out")" = "stacks 3" ]
	awk '$1 == "metrics" { exit !($2 >= 60) }' "$T/out"
}

@test "what leaves the library: the functions of the header, with a version" {
	sed -n 's/^HT_API .*\(ht_[a-z0-9_]*\)(.*/\1/p' "$IMAGE/opt/ht/include/heaptally.h" | sort >"$T/header"
	[ "$(wc -l <"$T/header")" -ge 20 ]
	nm -D --defined-only "$IMAGE/opt/ht/lib/libheaptally-reader.so.1" >"$T/symbols"
	awk '$2 == "T" { print $3 }' "$T/symbols" | sort >"$T/shared"
	sed 's/$/@@HEAPTALLY_1/' "$T/header" | diff - "$T/shared"
	nm -g --defined-only "$IMAGE/opt/ht/lib/libheaptally-reader.a" |
		awk 'NF == 3 { print $3 }' | sort | diff "$T/header" -
	readelf -d "$IMAGE/opt/ht/lib/libheaptally-reader.so.1" >"$T/dynamic"
	grep -q 'SONAME.*\[libheaptally-reader.so.1\]' "$T/dynamic"
	grep -q NODELETE "$T/dynamic"
	[ "$(sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p' "$T/dynamic" | grep -vc '^libc\.so\.6$\|^ld-linux')" = 0 ]
	[ "$(readlink "$IMAGE/opt/ht/lib/libheaptally-reader.so")" = libheaptally-reader.so.1 ]
}

@test "the header alone is C and C++" {
	header=$IMAGE/opt/ht/include/heaptally.h
	for standard in c99 c11 gnu17; do
		cc -std=$standard -Wall -Wextra -Werror -pedantic -fsyntax-only -x c "$header"
	done
	for standard in c++11 c++17 c++20; do
		c++ -std=$standard -Wall -Wextra -Werror -pedantic -fsyntax-only -x c++ "$header"
	done
}

@test "heaptally(3) is clean and has every function" {
	man=$IMAGE/opt/ht/share/man/man3/heaptally.3
	run -0 groff -man -Tutf8 -ww -z "$man"
	[ -z "$output" ]
	text=$(groff -man -Tascii -P-cbou "$man")
	while read -r name; do
		[[ $text == *"$name("* ]] || fail "$name"
	done < <(sed -n 's/^HT_API .*\(ht_[a-z0-9_]*\)(.*/\1/p' "$IMAGE/opt/ht/include/heaptally.h")
}

@test "extras by the library's hand: switched, in force, told in JSON" {
	LD_PRELOAD=$LIB "$P/worker" 1 "$T/progress" 60 >"$T/worker" 3>&- &
	PID=$!
	STARTED+=("$PID")
	wait_until file_has "$T/progress"
	until_on() { "$HT" ctl --json "$@" "$PID" >"$T/ctl" && jq -e '.processes[0].extras.stall.on' "$T/ctl" >/dev/null; }
	until_off() { "$HT" ctl --json "$@" "$PID" >"$T/ctl" && jq -e '.processes[0].extras.stall.on | not' "$T/ctl" >/dev/null; }
	wait_until until_on --stall on
	[ "$("$HT" stat --json "$PID" | jq -c '.processes[0].extras')" = '["stall"]' ]
	wait_until until_off --stall off
	[ "$("$HT" stat --json "$PID" | jq -c '.processes[0].extras')" = '[]' ]
	kill -KILL "$PID"
	wait "$PID" || [ "$?" = 137 ]
	run -3 --separate-stderr "$HT" ctl --stall on "$PID"
	error_matches "$PID: cannot switch extras: it has ended"
	run -0 --separate-stderr "$HT" stat --allocator "$PID"
	[ -z "$stderr" ]
}

# ---- golden segments ----

@test "golden segments: made anew they are the same bytes" {
	mkdir "$T/golden"
	"$P/make_golden" "$T/golden"
	for file in "$ROOT"/tests/golden/*.segment; do
		cmp "$file" "$T/golden/${file##*/}"
	done
	[ "$(find "$T/golden" -type f | wc -l)" = "$(find "$ROOT/tests/golden" -name '*.segment' | wc -l)" ]
}

# golden FILE: puts it where a process of its pid would have its segment.
golden() {
	cp "$ROOT/tests/golden/$1" "$D/heaptally.2147483632.4711"
	"$HT" stat --json 2147483632 >"$T/json"
	jq -c '.processes[0] | [.command, .state, .provider, .coverage, .coverage_reason, .exec_count, .start_time]' "$T/json"
}

@test "golden: a segment of the first abi" {
	[ "$(golden abi1.segment)" = '["golden","exited","glibc 2.36","partial","as gold has it",3,"2026-01-01T00:00:00Z"]' ]
	run -0 jq -c '.processes[0].metrics | [."/heap/live:bytes", ."/heap/live:objects", ."/heap/peak:bytes",
		."/heap/allocs:objects", ."/heap/frees:objects", ."/heap/reallocs:calls", ."/threads/live:threads",
		(."/heap/allocs-by-size:bytes".counts | add), (."/heap/frees-by-size:bytes".counts | add)]' "$T/json"
	[ "$output" = '[9700,77,12345,145,75,55,6,145,75]' ]
	run -0 "$HT" list
	[[ $output == *exited*golden ]]
	run -0 "$HT" stat --threads 2147483632
	[ "${lines[2]}" = "  note: no rows: the library of that process is older" ]
}

@test "golden: a segment of a newer writer, as far as it can be understood" {
	golden abi2.segment
	run -0 jq -c '.processes[0].metrics | [."/heap/live:bytes", ."/heap/live:objects", ."/new/in-slot:calls",
		."/new/in-header:bytes", ."/new/unit:furlongs", has("/new/scope:objects"), has("/new/outside:objects")]' "$T/json"
	[ "$output" = '[9700,77,50,424242,8,false,false]' ]
	run -0 --separate-stderr "$HT" stat 2147483632
	[ -z "$stderr" ]
	grep -qE '^  /new/in-slot:calls +50$' <<<"$output"
	run -0 --separate-stderr "$HT" stat --profile=go 2147483632
	[ -z "$stderr" ]
}
