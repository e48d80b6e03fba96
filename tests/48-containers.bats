#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2030,SC2031,SC2153 # each test is its own shell, on purpose
# Processes of other pid and mount namespaces, looked at from outside.

load helpers
setup() {
	private_directory
	need_root
	unshare -pfm true 2>/dev/null || skip "no namespaces: $(unshare -pfm true 2>&1)"
}
teardown() { clean_up; }

# contain [SCRIPT]: hold in a container of its own, whose /dev/shm is private;
# SCRIPT runs there before. Leaves INNER and OUTER, its two pids.
contain() {
	export T P LIB
	unset HEAPTALLY_DIR
	start -n unshare -pfm --mount-proc --kill-child bash -ec "
		mount -t tmpfs none /dev/shm
		${1-}
		exec env LD_PRELOAD='$LIB' '$P/hold'"
	INNER=$(sed -n 's/^pid //p' "$OUT")
	for OUTER in $(ps -o pid= --ppid "$PID"); do
		[ "$(cat "/proc/$OUTER/comm")" != hold ] || break
	done
	[ "$(cat "/proc/$OUTER/comm")" = hold ]
	export HEAPTALLY_DIR=$D
}

@test "a process in a container is found by the pid it has here" {
	contain
	[ "$INNER" != "$OUTER" ]
	"$HT" stat --json "$OUTER" >"$T/json"
	agrees "$OUT" "$T/json"
	run -0 field "$INNER" '"\(.state) \(.host_pid) \(.metrics."/process/resident:bytes" > 0)"' "$T/json"
	[ "$output" = "live $OUTER true" ]
	run -0 "$HT" stat "$OUTER"
	[[ ${lines[0]} == "$OUTER hold ($INNER in its container): live"* ]] || fail "$output"
	run -0 "$HT" watch --raw -i 0.02 -n 2 "$OUTER"
	[ "${#lines[@]}" = 3 ]
}

@test "list -a finds what is in containers, list does not" {
	contain
	run --separate-stderr "$HT" list
	[ "${#lines[@]}" = 0 ]
	"$HT" list -a --json >"$T/json"
	agrees "$OUT" "$T/json"
	run -0 "$HT" list --all-containers
	grep -q "^ *$OUTER  live .* hold$" <<<"$output" || fail "$output"
}

@test "a container with a directory of its own by HEAPTALLY_DIR" {
	contain "mkdir /dev/shm/tally; export HEAPTALLY_DIR=/dev/shm/tally"
	"$HT" stat --json "$OUTER" >"$T/json"
	agrees "$OUT" "$T/json"
}

@test "a link in a container does not lead out of it" {
	mkdir "$D/trap"
	LD_PRELOAD=$LIB HEAPTALLY_DIR=$D/trap HEAPTALLY_KEEP=1 "$P/nothing" >/dev/null
	# inside, /dev/shm/tally is a link to what exists outside only
	contain "ln -s '$D/trap' /dev/shm/tally; export HEAPTALLY_DIR=/dev/shm/tally"
	run -3 --separate-stderr "$HT" stat "$OUTER"
	one_error_line
	error_matches "^heaptally: $OUTER: "
}

@test "a process in a container that has ended is gone" {
	contain
	finish
	run -3 --separate-stderr "$HT" stat "$OUTER"
	error_matches "no such process"
}

@test "another user may not look into a container" {
	contain
	run -3 --separate-stderr as_nobody env HEAPTALLY_DIR=/dev/shm "$HT" stat "$OUTER"
	error_matches "^heaptally: $OUTER: it belongs to another user"
	run as_nobody env HEAPTALLY_DIR=/dev/shm "$HT" list -a
	run ! grep -q "hold$" <<<"$output"
}
