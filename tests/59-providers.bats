#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016,SC2030,SC2031,SC2153,SC2154 # each test is its own shell, on purpose
# Other allocators behind us: every count is exact there, too.

load helpers
setup() { private_directory; }
teardown() { clean_up; }

# provider NAME: finds its library as $L, or skips.
provider() {
	case $1 in
	jemalloc) L=libjemalloc.so.2 ;;
	tcmalloc) L=libtcmalloc_minimal.so.4 ;;
	mimalloc) L=libmimalloc.so.2 ;;
	esac
	LD_PRELOAD=$L /bin/true 2>"$T/err"
	[ ! -s "$T/err" ] || skip "'$L' is not installed"
}

# Messages of allocators carry addresses and sizes.
without_numbers() { sed 's/0x[0-9a-f]*/N/g; s/[0-9][0-9.]*/N/g' "$1"; }

# tally JSON COMMAND...: under `run`; says and does what it does without us.
tally() {
	local json=$1 plain=0 with=0

	shift
	bounded "$@" >"$T/plain" 2>"$T/plain.err" || plain=$?
	bounded "$HT" run --quiet --json "$json" -- "$@" >"$T/out" 2>"$T/err" || with=$?
	[ "$plain" = 0 ] || fail "without us: $plain: $(cat "$T/plain.err")" || return 1
	[ "$with" = 0 ] || fail "status $with: $(cat "$T/err")" || return 1
	diff <(without_numbers "$T/plain.err") <(without_numbers "$T/err")
}

# counts COMMAND NOTHING...: every number that COMMAND (a string) reports is
# ours, after what the allocator's own libraries allocate before main has
# been taken off: that is what NOTHING, the same with a program that does
# nothing, is found to have. What a child has of it, it has inherited.
counts() {
	local words

	read -ra words <<<"$1"
	shift
	tally "$T/base" "$@" || return 1
	tally "$T/raw" "${words[@]}" || return 1
	jq --slurpfile base "$T/base" '
		def less($b; $keys): reduce ($keys[]) as $k
			(.; if $b[$k] | type == "object"
			    then .[$k].counts = [.[$k].counts, $b[$k].counts | values]
				 | .[$k].counts |= [transpose[] | .[0] - .[1]]
			    else .[$k] -= $b[$k] end);
		($base[0].processes | if length == 1 then .[0].metrics
			else error("base") end) as $b
		| ["/heap/live:objects", "/heap/live:bytes"] as $born
		| ["/heap/allocs:objects", "/heap/allocs:bytes", "/heap/frees:objects",
		   "/heap/frees:bytes", "/heap/allocs-by-size:bytes",
		   "/heap/frees-by-size:bytes"] as $done
		| [.processes[].pid] as $pids
		| .processes |= map(.parent_pid as $parent | .metrics |= (
			.["/heap/peak:bytes"] -= $b["/heap/live:bytes"] | less($b; $born)
			| if $pids | index($parent) then . else less($b; $done) end))' \
		"$T/raw" >"$T/json" || return 1
	agrees "$T/out" "$T/json"
}

is_named() { # by its provider, seen in full
	run -0 jq -r '[.processes[] | "\(.provider) \(.coverage)"] | unique | join(",")' "$T/json"
	[ "$output" = "$L full" ] || fail "$output"
}

# ---- the allocator preloaded, which run puts behind us ----

preloaded() { # NAME PROGRAM...
	provider "$1"
	shift
	LD_PRELOAD=$L counts "$P/$*" "$P/nothing"
	is_named
}
# ---- the allocator linked to the program ----

linked() { # NAME PROGRAM ARG
	local name

	provider "$1"
	for name in "$2" nothing; do
		"${CC:-cc}" -std=gnu11 -I"$ROOT" -O0 -fno-builtin -pthread \
			-o "$T/$name" "$ROOT/tests/programs/$name.c" \
			-Wl,--no-as-needed "-l:$L" 2>"$T/err" ||
			skip "cannot link with $L: $(head -n 1 "$T/err")"
	done
	counts "$T/$2 ${*:3}" "$T/nothing"
	is_named
}

# Of the programs for glibc those that ask for nothing that only it promises.
# Huge requests are left to any_provider, as some allocators take them.
@test "jemalloc, preloaded: the whole family" { preloaded jemalloc any_provider family; }
@test "jemalloc, preloaded: failures and edges" { preloaded jemalloc any_provider edges; }
@test "jemalloc, preloaded: threads" { preloaded jemalloc any_provider threads; }
@test "jemalloc, preloaded: fork" { preloaded jemalloc any_provider fork; }
@test "tcmalloc, preloaded: the whole family" { preloaded tcmalloc any_provider family; }
@test "tcmalloc, preloaded: failures and edges" { preloaded tcmalloc any_provider edges; }
@test "tcmalloc, preloaded: threads" { preloaded tcmalloc any_provider threads; }
@test "tcmalloc, preloaded: fork" { preloaded tcmalloc any_provider fork; }
@test "mimalloc, preloaded: the whole family" { preloaded mimalloc any_provider family; }
@test "mimalloc, preloaded: failures and edges" { preloaded mimalloc any_provider edges; }
@test "mimalloc, preloaded: threads" { preloaded mimalloc any_provider threads; }
@test "mimalloc, preloaded: fork" { preloaded mimalloc any_provider fork; }

@test "jemalloc, linked" {
	for kind in family edges threads fork; do
		linked jemalloc any_provider "$kind" || fail "$kind"
	done
}
@test "tcmalloc, linked" {
	for kind in family edges threads fork; do
		linked tcmalloc any_provider "$kind" || fail "$kind"
	done
}
@test "mimalloc, linked" {
	for kind in family edges threads fork; do
		linked mimalloc any_provider "$kind" || fail "$kind"
	done
}

more() { # NAME: programs with threads, children and peaks
	preloaded "$1" threads_random 8 5000 cross
	preloaded "$1" threads_churn 1000 join
	preloaded "$1" producer_consumer 1 2000
	preloaded "$1" fork_deep 4
	preloaded "$1" peak hill
	preloaded "$1" peak random
	preloaded "$1" totals
	preloaded "$1" family valloc
}
@test "jemalloc: churn, crossing blocks, generations, peaks" { more jemalloc; }
@test "tcmalloc: churn, crossing blocks, generations, peaks" { more tcmalloc; }
@test "mimalloc: churn, crossing blocks, generations, peaks" { more mimalloc; }

@test "pvalloc, which jemalloc lacks, is not taken from another allocator" {
	# glibc's blocks would be the death of jemalloc's free: see without us
	preloaded_pvalloc() {
		provider "$1"
		LD_PRELOAD=$L "$HT" run --quiet --json "$T/json" -- "$P/family" pvalloc \
			>"$T/out" 2>"$T/err" || fail "$1: $(cat "$T/err")"
		run -0 jq '.processes[0].metrics | ."/heap/frees:objects"' "$T/json"
		grep -qx "/heap/frees:objects $output" "$T/out"
	}
	preloaded_pvalloc jemalloc
	preloaded_pvalloc tcmalloc
	preloaded_pvalloc mimalloc
}

# ---- before us ----

@test "an allocator preloaded before us: none, and who has taken the calls" {
	for name in jemalloc tcmalloc mimalloc; do
		provider "$name"
		LD_PRELOAD=$L:$LIB HEAPTALLY_KEEP=1 "$P/any_provider" threads >"$T/out" 2>"$T/err"
		[ ! -s "$T/err" ]
		"$HT" stat --json "$(sed -n 's/^pid //p' "$T/out")" >"$T/json"
		run -0 jq -r '.processes[0] | "\(.coverage)|\(.coverage_reason)|\(.metrics | has("/heap/allocs:objects"))"' "$T/json"
		[ "$output" = "none|malloc is defined by $L|false" ] || fail "$output"
		# threads are seen all the same
		grep ^/threads/ "$T/out" | grep -v peak >"$T/threads"
		sed -i "1i pid $(sed -n 's/^pid //p' "$T/out")" "$T/threads"
		agrees "$T/threads" "$T/json"
	done
}
@test "run puts us before an allocator that was preloaded" {
	provider mimalloc
	LD_PRELOAD=$L run -0 "$HT" run --quiet -- sh -c 'echo "$LD_PRELOAD"'
	[ "$output" = "$LIB:$L" ] || fail "$output"
}
