#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016,SC2030,SC2031,SC2153,SC2154 # each test is its own shell, on purpose
# Rarer turns in the life of a process: children that share memory, storms of
# them, daemons, programs that shed the library, stops and ends.

load helpers
setup() { private_directory; }
teardown() {
	clean_up
	[ -z "${U-}" ] || rm -rf "$U"
}

# ---- children ----

@test "clone(CLONE_VM|CLONE_VFORK): the child's allocations are the parent's" {
	exactly "$P/clone_vm" vfork
	run -0 jq '.processes | length' "$T/json"
	[ "$output" = 1 ]
}
@test "clone(CLONE_VM): likewise, beside a parent that waits" {
	exactly "$P/clone_vm" memory
	run -0 jq '.processes | length' "$T/json"
	[ "$output" = 1 ]
}

@test "children that share our memory and end do not end our tally" {
	for kind in vfork memory; do
		start "$P/clone_vm" "$kind" hold
		wait_until grep -q /threads/peak "$OUT"
		"$HT" stat --json "$PID" >"$T/json"
		agrees "$OUT" "$T/json"
		run -0 field "$PID" .state "$T/json"
		[ "$output" = live ]
		[ "$(file_count "$D")" = 1 ]
		finish
		[ "$STATUS" = 0 ]
	done
}

# STORM=10000 for the whole of it.
@test "a storm of forks: every child exact, nothing left behind" {
	children=${STORM:-2000}
	exactly "$P/fork_storm" "$children"
	parent=$(sed -n 's/^pid //p' "$T/out")
	run -0 jq -c --argjson parent "$parent" '
		[.processes[] | select(.parent_pid == $parent)]
		| [length, (map([.state, .approximate] + (.metrics |
			[."/heap/allocs:objects", ."/heap/frees:objects",
			 ."/heap/live:objects", ."/heap/allocs:bytes"])) | unique[])]' \
		"$T/json"
	bytes=$(sed -n 's/^child-bytes //p' "$T/out")
	[ "$output" = "[$children,[\"exited\",false,3,2,11,$bytes]]" ] || fail "$output"
	LD_PRELOAD=$LIB "$P/fork_storm" 300 >"$T/out"
	[ "$(file_count "$D")" = 0 ]
}

@test "a daemon, two forks away: each of the three is exact" {
	LD_PRELOAD=$LIB HEAPTALLY_KEEP=1 "$P/daemon_twice" "$T/reports" 3>&-
	wait_until grep -qx end "$T/reports"
	mapfile -t pids < <(sed -n 's/^pid //p' "$T/reports")
	[ "${#pids[@]}" = 3 ]
	wait_until process_gone "${pids[2]}"
	"$HT" stat --json "${pids[@]}" >"$T/json"
	agrees "$T/reports" "$T/json"
	run -0 jq -c '[.processes[] | .approximate] | unique' "$T/json"
	[ "$output" = "[false]" ]
	for pid in "${pids[1]}" "${pids[2]}"; do
		run -0 field "$pid" .state "$T/json"
		[ "$output" = exited ] || fail "$output"
	done
}

# libc ends it by an _exit that nobody can come between, but by a daemon() of
# our own: a name that belongs to nobody, see the next test.
@test "the process that daemon() leaves behind looks killed, and can be swept" {
	LD_PRELOAD=$LIB "$P/daemon_twice" "$T/reports" 3>&-
	wait_until grep -qx end "$T/reports"
	mapfile -t pids < <(sed -n 's/^pid //p' "$T/reports")
	for pid in "${pids[@]}"; do
		wait_until process_gone "$pid"
	done
	"$HT" stat --json "${pids[0]}" >"$T/json"
	run -0 field "${pids[0]}" .state "$T/json"
	[ "$output" = killed ]
	[ "$(file_count "$D")" = 1 ] || fail "$("$HT" list)"
	"$HT" sweep --min-age 0
	[ "$(file_count "$D")" = 0 ]
}

@test "a library with a variable by the name of daemon" {
	run -0 env LD_PRELOAD="$LIB:$P/daemon_variable_shim.so" "$P/nothing"
}

# ---- exec into what sheds the library ----

# A copy of a test program that belongs to root and gains rights by that, as
# $U/set_uid_NAME. Not in scratch directories, which nobody else may enter.
set_uid_copy() {
	need_root
	U=$(mktemp -d "$ROOT/build/set_uid.XXXXXX")
	chmod 755 "$U"
	install -m 4755 "$(command -v id)" "$U/id"
	run as_nobody "$U/id" -u
	[ "$output" = 0 ] || skip "no such program gains rights here: $output"
	install -m 4755 "$P/$1" "$U/set_uid_$1"
	chmod 1777 "$D"
}

@test "exec into a setuid program: replaced, with the last figures we have" {
	set_uid_copy hold
	start setpriv --reuid=65534 --regid=65534 --clear-groups -- \
		"$P/exec_chain" 2 "$U/set_uid_hold"
	"$HT" stat --json "$PID" >"$T/json"
	run -0 field "$PID" '"\(.state) \(.metrics."/heap/allocs:objects")"' "$T/json"
	[ "$output" = "replaced 5" ]
	run -1 grep -q libheaptally "/proc/$PID/maps"
	finish
	[ "$STATUS" = 0 ]
	"$HT" sweep --min-age 0
	[ "$(file_count "$D")" = 0 ]
}

@test "run of a setuid program: it runs, status 3, and why" {
	set_uid_copy nothing
	run --separate-stderr as_nobody env HEAPTALLY_DIR="$D" \
		"$HT" run -- "$U/set_uid_nothing"
	[ "$status" = 3 ] || fail "status $status: $stderr"
	[[ $output == pid* ]]
	[[ $stderr == *"rights of its own"* ]] || fail "$stderr"
	# for its owner it gains nothing, and the loader trusts the environment
	exactly "$U/set_uid_nothing"
}

@test "exec by env -i: the library is gone, and that is told" {
	start env -i "$P/hold"
	"$HT" stat --json "$PID" >"$T/json"
	run -0 field "$PID" '"\(.state) \(.command)"' "$T/json"
	[ "$output" = "replaced env" ]
	finish
	[ "$STATUS" = 0 ]
	"$HT" run --json "$T/json" -- env -i "$P/nothing" 4 >"$T/out" 2>"$T/err" ||
		[ "$?" = 4 ]
	# what was seen is env, and not the program that it became
	run -0 jq -r '[.processes[].command] | join(" ")' "$T/json"
	[ "$output" = env ]
	run -0 jq -r '.processes[0].state' "$T/json"
	[ "$output" != exited ] || fail "env did not end, it became another program"
}

@test "env -i with the library in the new environment: seen again" {
	"$HT" run --quiet --json "$T/json" -- sh -c \
		'exec env -i LD_PRELOAD="$LD_PRELOAD" HEAPTALLY_DIR="$HEAPTALLY_DIR" HEAPTALLY_KEEP=1 "$0" malloc' \
		"$P/family" >"$T/out"
	agrees "$T/out" "$T/json"
}

# ---- while it lives ----

@test "stopped: live, and readable; continued: goes on" {
	start "$P/hold" 123
	kill -STOP "$PID"
	wait_until is_in_state "$PID" T
	"$HT" stat --json "$PID" >"$T/json"
	agrees "$OUT" "$T/json"
	run -0 field "$PID" '"\(.state) \(.metrics."/heap/live:objects")"' "$T/json"
	[ "$output" = "live 123" ]
	"$HT" list >"$T/list"
	grep -qE "^ *$PID +live " "$T/list"
	"$HT" sweep --min-age 0
	[ "$(file_count "$D")" = 1 ]
	kill -CONT "$PID"
	finish
	[ "$STATUS" = 0 ]
	[ "$(file_count "$D")" = 0 ]
}

@test "the main thread has left, others go on: live, and readable" {
	start "$P/threads_rest" main
	wait_until is_in_state "$PID" Z # the process, as the kernel shows it
	"$HT" stat --json "$PID" >"$T/json"
	agrees "$OUT" "$T/json"
	run -0 field "$PID" .state "$T/json"
	[ "$output" = live ]
	"$HT" sweep --min-age 0
	[ "$(file_count "$D")" = 1 ]
	finish
	[ "$STATUS" = 0 ]
	[ "$(file_count "$D")" = 0 ]
}

@test "the main thread has left: what the kernel knows of the process is shown" {
	start "$P/threads_rest" main
	wait_until is_in_state "$PID" Z
	"$HT" stat --json "$PID" >"$T/json"
	run -0 field "$PID" '.metrics | (."/process/resident:bytes" > 100000) and (."/process/uptime:seconds" >= 0)' "$T/json"
	[ "$output" = true ] || fail "$(jq -c '.processes[0].metrics' "$T/json")"
	finish
}

# ---- the end ----

@test "an end with threads asleep: exact, and they have not exited" {
	for kind in exit _exit quick_exit return; do
		WANT_STATUS=5 exactly "$P/exit_busy" idle "$kind"
		run -0 jq -r '.processes[0].state' "$T/json"
		[ "$output" = exited ] || fail "$kind: $output"
	done
}

@test "an end with threads that allocate: status as ever, nothing absurd" {
	for kind in exit _exit quick_exit return; do
		for i in 1 2 3 4 5 6 7 8; do
			WANT_STATUS=5 exactly "$P/exit_busy" busy "$kind"
			run -0 jq -r '.processes[0] | .metrics as $m |
				"\(.state) \($m."/heap/allocs:objects" >= $m."/heap/frees:objects" and
				 $m."/heap/live:bytes" < 100000 and $m."/heap/allocs:objects" >= 4)"' "$T/json"
			[ "$output" = "exited true" ] || fail "$kind, round $i: $output"
		done
	done
}

@test "every deadly signal: killed, and exact to the last" {
	for signal in HUP INT QUIT ILL TRAP ABRT BUS FPE USR1 SEGV USR2 PIPE ALRM \
		TERM STKFLT XCPU XFSZ VTALRM PROF IO PWR SYS; do
		number=$(kill -l "$signal")
		# ignored by what a background shell starts, else
		start env --default-signal="$signal" "$P/hold" 37
		kill "-$signal" "$PID"
		wait "$PID" 2>/dev/null || STATUS=$?
		[ "$STATUS" = "$((128 + number))" ] || fail "$signal: status $STATUS"
		"$HT" stat --json "$PID" >"$T/json"
		agrees "$OUT" "$T/json"
		run -0 field "$PID" .state "$T/json"
		[ "$output" = killed ] || fail "$signal: $output"
	done
	"$HT" sweep --min-age 0
	[ "$(file_count "$D")" = 0 ]
}
