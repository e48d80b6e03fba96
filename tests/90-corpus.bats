#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016,SC2030,SC2031,SC2154 # each test is its own shell, on purpose
# The quick part of the corpus of real programs, which `make corpus` runs as a
# whole, and what its runner must not let pass.

load helpers
setup() { private_directory; }
teardown() { clean_up; }

# Runs rows of the table; a program that is not there is no success.
corpus() { # NAME...
	run "$ROOT/tests/corpus/run" "$@"
	[[ $output != *"# SKIP"* ]] || skip "${output#*# SKIP }"
	[ "$status" = 0 ] || fail "$output"
	[ "${lines[-1]}" = "$# passed, 0 failed, 0 skipped" ] || fail "$output"
}

# A table of one row, so that the runner can be tried with what is wrong.
row() { printf 'program %s\n' "$*" >"$T/table"; }
tried() { CORPUS_TABLE=$T/table CORPUS_LIMIT=${LIMIT:-60} run "$ROOT/tests/corpus/run"; }
refused() { # REGEX
	tried
	[ "$status" = 1 ] || fail "status $status: $output" || return 1
	[ "${lines[-1]}" = "0 passed, 1 failed, 0 skipped" ] || fail "$output" || return 1
	[[ $output =~ $1 ]] || fail "no '$1': $output"
}

@test "corpus: exec chains, env -i, timeout" { corpus launchers; }
@test "corpus: man in its sandbox" { corpus man; }
@test "corpus: apt-get" { corpus apt-get; }
@test "corpus: clang" { corpus clang; }
@test "corpus: OpenMP" { corpus openmp; }
@test "corpus: a plugin found by RUNPATH" { corpus runpath; }
@test "corpus: a program of another C library" { corpus musl; }
@test "corpus: lua" { corpus lua; }
@test "corpus: a target of gdb" { corpus gdb; }
@test "corpus: valgrind, with and without its own malloc" { corpus valgrind-none valgrind-memcheck; }
@test "corpus: redis on jemalloc, under load, with a background save" { corpus redis; }
@test "corpus: memcached" { corpus memcached; }
@test "corpus: static programs are said to be that" { corpus busybox-static static; }
@test "corpus: programs with rights of their own are said to be that" { corpus ping passwd; }

@test "the runner passes what is right" {
	row "fine '' glibc full 5 'bash ls' '^passwd$' 'ls /etc; :'"
	tried
	[ "$status" = 0 ] || fail "$output"
	[ "${lines[-1]}" = "1 passed, 0 failed, 0 skipped" ]
}

@test "the runner sees another output, standard error and status" {
	row "other '' glibc full 1 bash . 'echo \"x\$LD_PRELOAD\"'"
	refused 'another output'
	row "other '' glibc full 1 bash . 'echo x; echo \"x\$LD_PRELOAD\" >&2'"
	refused 'another standard error'
	row "other '' glibc full 1 bash . 'echo x; exit \${LD_PRELOAD:+4}'"
	refused 'status 4, not 0'
	row "other '' glibc full 1 bash . 'echo x; exit 4'"
	refused 'status 4 without the tally'
}

@test "the runner sees a missing text, process and package" {
	row "missing '' glibc full 1 bash '^no such line$' 'echo x'"
	refused "no '\\^no such line"
	row "missing '' glibc full 1 'bash cat' x 'echo x'"
	refused "no allocation of a process 'cat'"
	row "missing no-such-package glibc full 1 bash x 'echo x'"
	tried
	[ "$status" = 1 ] || fail "$output"
	[ "${lines[-1]}" = "0 passed, 0 failed, 1 skipped" ]
	run -2 "$ROOT/tests/corpus/run" no-such-program
}

@test "the runner sees another provider, coverage and number" {
	row "known '' libjemalloc full 1 bash x 'echo x'"
	refused 'provider glibc'
	row "known '' glibc partial 1 bash x 'echo x'"
	refused 'coverage full'
	row "known '' glibc full 1000000 bash x 'echo x'"
	refused 'allocations, not 1000000'
	row "known '' - none 0 '' x 'echo x'"
	refused 'not said that nothing was observed'
	row "known '' glibc full 1 bash x '\$CORPUS/../heaptally run -q -- busybox echo x'"
	refused 'status'
}

@test "the runner sees what is left running" {
	row "left '' glibc full 1 bash x 'echo x; sleep 3 >/dev/null 2>&1 &'"
	refused 'sleep .*state live|left behind'
}

@test "the runner ends what hangs and shows where" {
	row "hang '' glibc full 1 bash x 'echo x; sleep 1000; :'"
	LIMIT=1 refused 'hung for 1 s tallied'
	[[ $output =~ process\ ([0-9]+):\ sleep\ 1000.*nanosleep ]] || fail "$output"
	process_ended "${BASH_REMATCH[1]}"
}

@test "the verdict sees absurd figures" {
	cd "$T"
	verdict() {
		jq --arg provider glibc --arg coverage full --arg reason '' --argjson least 10 \
			--argjson names '["ls"]' -f "$ROOT/tests/corpus/verdict.jq" "$1"
	}
	"$HT" run --quiet --json good.json -- /bin/ls / >/dev/null
	verdict good.json | jq -e '.wrong == [] and .row[2] == 1'
	for change in '.processes = []' \
		'.processes[0].metrics["/heap/live:objects"] -= 1' \
		'.processes[0].metrics["/heap/live:objects"] = 0' \
		'.processes[0].metrics["/heap/live:objects"] = -1' \
		'.processes[0].metrics["/heap/live:bytes"] -= 1' \
		'.processes[0].metrics["/heap/peak:bytes"] = 1' \
		'.processes[0].metrics["/heap/reallocs:calls"] = 1e9' \
		'.processes[0].metrics["/heap/foreign-frees:objects"] = 1' \
		'.processes[0].metrics["/threads/live:threads"] = 3' \
		'.processes[0].metrics["/threads/peak:threads"] = 0' \
		'.processes[0].coverage = "partial"' \
		'.processes[0].provider = "unknown"' \
		'.processes[0].approximate = true' \
		'.processes[0].state = "live"'; do
		jq "$change" good.json >bad.json
		verdict bad.json | jq -e '.wrong != []' || fail "$change"
	done
}
