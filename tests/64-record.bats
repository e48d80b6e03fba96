#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016,SC2030,SC2031,SC2153,SC2154 # each test is its own shell, on purpose
# Samples over time: heaptally record.

load helpers
setup() { private_directory; }
teardown() { clean_up; }

# Lines of one type in a recording: lines TYPE FILE
lines() { jq -c "select(.type == \"$1\")" "$2"; }
line_count() { lines "$1" "$2" | wc -l; }
has_samples() { [ "$(grep -c '"type":"sample"' "$2" 2>/dev/null)" -ge "$1" ]; }

# in_background COMMAND [ARG...]: with no hold on anybody's input; leaves
# RECORDER.
in_background() {
	(
		for hold in ${HOLDS[@]+"${HOLDS[@]}"}; do
			exec {hold}>&-
		done
		exec "$@" >"$T/rec.out" 2>"$T/rec.err" 3>&-
	) &
	RECORDER=$!
	STARTED+=("$RECORDER")
}

# record_pid PID [OPTION...]: in the background, 50 samples a second.
record_pid() {
	local pid=$1

	shift
	in_background "$HT" record -o "$T/rec" -i 0.02 "$@" "$pid"
	wait_until has_samples 3 "$T/rec"
}

recorder_succeeds() {
	wait_until process_ended "$RECORDER" || return 1
	wait "$RECORDER"
}

# ---- record: a command ----

@test "record: a command from its first process to its end" {
	run -0 --separate-stderr "$HT" record -o "$T/rec" -i 0.05 -- \
		sh -c 'sleep 0.2; echo out'
	[ "$output" = out ]
	error_matches 'samples of [0-9]+ process'
	one_error_line
	# head first, finish last, and nothing that is no JSON
	[ "$(head -n 1 "$T/rec" | jq -r '.type, .schema, .command[0], .interval_seconds' | xargs)" = "head 1 sh 0.05" ]
	head -n 1 "$T/rec" | jq -e '.host and .libc and .architecture and .time and .heaptally'
	[ "$(tail -n 1 "$T/rec" | jq -r '.type, .exit_status' | xargs)" = "finish 0" ]
	# the shell and what it starts, each with who it is and how it ended
	[ "$(lines process "$T/rec" | jq -r .command | sort -u | xargs)" = "sh sleep" ]
	lines process "$T/rec" | jq -es 'all(.coverage == "full" and .provider != "")'
	[ "$(line_count end "$T/rec")" = "$(line_count process "$T/rec")" ]
	lines end "$T/rec" | jq -es 'all(.state == "exited" and .metrics["/heap/allocs:objects"] >= 0)'
	lines sample "$T/rec" | jq -es 'length >= 4 and all(
		has("/heap/live:bytes") and has("/heap/live:objects") and
		has("/threads/live:threads") and .pid > 1 and .time != "")'
	[ -z "$(ls -A "$D")" ]
}

@test "record: samples tell instances apart and their time never falls" {
	run -0 bounded "$HT" record -q -o "$T/rec" -i 0.02 -- sh -c 'sleep 0.1; exec sleep 0.1'
	jq -es '[.[] | select(.type == "sample")] | group_by(.instance) |
		all(. == sort_by(.monotonic_ns))' "$T/rec"
	jq -es '([.[] | select(.type == "process") | .instance] | unique) ==
		([.[] | select(.type == "sample") | .instance] | unique)' "$T/rec"
}

@test "record: the status of the command is passed through" {
	run -3 "$HT" record -q -o "$T/a" -- "$P/nothing" 3
	[ "$(tail -n 1 "$T/a" | jq .exit_status)" = 3 ]
	run -137 "$HT" record -q -o "$T/b" -- "$P/ends" kill
	[ "$(tail -n 1 "$T/b" | jq .exit_signal)" = 9 ]
	[ "$(lines end "$T/b" | jq -r .state)" = killed ]
	PATH=/usr/bin:/bin run -127 --separate-stderr "$HT" record -o "$T/c" -- no-such-command-here
	error_matches "'no-such-command-here'"
	[ ! -e "$T/c" ]
}

@test "record: a command too short for a sample still has its figures" {
	run -0 bounded "$HT" record -q -o "$T/rec" -i 100 -- "$P/family" malloc
	[ "$(line_count end "$T/rec")" = 1 ]
	[ "$(lines end "$T/rec" | jq '.metrics["/heap/allocs:objects"]')" -gt 0 ]
}

@test "record: --only and --no-follow" {
	run -0 bounded "$HT" record -q -o "$T/a" --only sleep -- sh -c 'sleep 0.1; true'
	[ "$(lines process "$T/a" | jq -r .command)" = sleep ]
	run -0 bounded "$HT" record -q -o "$T/b" --no-follow -- sh -c 'sleep 0.1; true'
	[ "$(lines process "$T/b" | jq -r .command)" = sh ]
}

@test "record: many short processes, none of which stays" {
	run -0 bounded "$HT" record -q -o "$T/rec" -i 0.1 -- \
		sh -c 'for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do /bin/true; done'
	[ "$(lines end "$T/rec" | jq -r .command | grep -c true)" = 15 ]
	[ -z "$(ls -A "$D")" ]
}

# ---- record: a running process ----

@test "record: a running process to its end" {
	start "$P/hold" 500
	record_pid "$PID"
	finish
	recorder_succeeds
	[ "$(lines end "$T/rec" | jq -r '.state, .pid' | xargs)" = "exited $PID" ]
	[ "$(lines sample "$T/rec" | jq '.["/heap/live:objects"]' | sort -u)" = 500 ]
	lines sample "$T/rec" | jq -es '.[0]["/process/resident:bytes"] > 0'
	[ "$(tail -n 1 "$T/rec" | jq -r .type)" = finish ]
	# no progress, as this is no terminal
	[ "$(wc -l <"$T/rec.err")" = 1 ]
	[[ $(cat "$T/rec.err") != *$'\r'* ]]
}

@test "record: kill -9 of the target is its end" {
	start "$P/hold"
	record_pid "$PID" --quiet
	kill -KILL "$PID"
	wait "$PID" || true
	recorder_succeeds
	[ "$(lines end "$T/rec" | jq -r .state)" = killed ]
	[ ! -s "$T/rec.err" ]
}

@test "record: kill -9 of the recorder leaves full lines, and the target alone" {
	start "$P/hold"
	record_pid "$PID"
	kill -KILL "$RECORDER"
	wait "$RECORDER" || true
	jq -es 'length >= 5 and .[0].type == "head"' "$T/rec"
	[ "$(line_count finish "$T/rec")" = 0 ]
	finish
	[ "$STATUS" = 0 ]
}

@test "record: a signal ends it in good order" {
	start "$P/hold"
	record_pid "$PID"
	kill -TERM "$RECORDER"
	recorder_succeeds
	[ "$(tail -n 1 "$T/rec" | jq -r .type)" = finish ]
	is_in_state "$PID" S
}

@test "record: a process that executes another program begins anew" {
	start sh -c 'echo; read -r go; exec "$0"' "$P/hold"
	record_pid "$PID"
	echo go >&"$HOLD"
	wait_until grep -q '"command":"hold"' "$T/rec"
	finish
	recorder_succeeds
	[ "$(lines process "$T/rec" | jq -r '[.pid, .command] | join(" ")' | xargs)" = "$PID sh $PID hold" ]
	[ "$(lines process "$T/rec" | jq -r .instance | sort -u | wc -l)" = 2 ]
}

@test "record: by name, and without one the only process there is" {
	start "$P/hold"
	record_pid "$PID"
	kill -TERM "$RECORDER"
	recorder_succeeds
	in_background "$HT" record -q -o "$T/b" -i 0.02 --name 'ho*'
	wait_until has_samples 2 "$T/b"
	in_background "$HT" record -q -o "$T/c" -i 0.02
	wait_until has_samples 2 "$T/c"
	[ "$(lines process "$T/c" | jq .pid)" = "$PID" ]
}

@test "record: of a running process also what it starts" {
	start sh -c 'exec 3<&0; echo; read -r go; "$0" 5 <&3 & wait' "$P/hold"
	record_pid "$PID"
	echo go >&"$HOLD"
	wait_until grep -q '"command":"hold"' "$T/rec"
	# another program in the same directory is none of it
	start "$P/hold" 7
	finish
	[ "$(lines process "$T/rec" | jq -r .command | sort | xargs)" = "hold sh" ]
	kill -TERM "$RECORDER"
	recorder_succeeds
	[ "$(lines sample "$T/rec" | jq -r .instance | sort -u | wc -l)" = 2 ]
}

@test "record: of a running process alone, or by its name, or for a time" {
	start sh -c 'exec 3<&0; echo; read -r go; "$0" 5 <&3 & wait' "$P/hold"
	record_pid "$PID" --no-follow
	in_background "$HT" record -q -o "$T/b" -i 0.02 --only 'ho*' "$PID"
	echo go >&"$HOLD"
	wait_until has_samples 3 "$T/b"
	[ "$(lines process "$T/b" | jq -r .command)" = hold ]
	[ "$(lines process "$T/rec" | jq -r .command)" = sh ]
	run -0 --separate-stderr bounded "$HT" record -o "$T/c" -i 0.02 -d 0.3 "$PID"
	[ "$(tail -n 1 "$T/c" | jq .stopped)" = true ]
	is_in_state "$PID" S
}

@test "record: a command and all it started end when their time is up" {
	run -0 bounded "$HT" record -q -o "$T/rec" -i 0.05 -d 0.3 -- sh -c 'sleep 50 & sleep 51'
	[ "$(tail -n 1 "$T/rec" | jq -r '.stopped, .exit_signal' | xargs)" = "true 15" ]
	[ "$(lines end "$T/rec" | jq -r 'select(.command == "sleep") | .state' | xargs)" = "killed killed" ]
	[ -z "$(ls -A "$D")" ]
}

@test "record: a program that goes on untallied is said so, once" {
	"${CC:-cc}" -static -o "$T/static" "$ROOT/tests/programs/static_hold.c" || skip "needs a static libc"
	start sh -c 'echo; read -r go; exec "$0"' "$T/static"
	record_pid "$PID"
	echo go >&"$HOLD"
	recorder_succeeds
	[ "$(line_count process "$T/rec")" = 1 ]
	# of a child that lives on in the directory of a run, too
	run -0 bounded "$HT" record -q -o "$T/b" -i 0.02 -d 0.5 -- \
		sh -c 'exec 3<&0; "$0" <&3 & sleep 50' "$T/static" < <(sleep 2)
	[ "$(line_count replaced "$T/b")" = 1 ]
	[ "$(line_count process "$T/b")" = 3 ]
}

# ---- record: what cannot be ----

@test "record: not observed is status 3, and no success" {
	if "${CC:-cc}" -static -o "$T/static" "$ROOT/tests/programs/static_hold.c"; then
		run -3 --separate-stderr "$HT" record -q -o "$T/a" -- "$T/static" </dev/null
		error_matches static
		[ "$(line_count sample "$T/a")" = 0 ]
	fi
	run -3 --separate-stderr "$HT" record -o "$T/b" 999999999
	error_matches 999999999
	[ ! -e "$T/b" ]
	start -n "$P/hold"
	run -3 --separate-stderr "$HT" record -o "$T/b" "$PID"
	error_matches "$PID"
	HEAPTALLY=off run -3 --separate-stderr "$HT" record -q -o "$T/d" -- "$P/nothing"
	error_matches 'not observed'
}

@test "record: does not overwrite, unless forced" {
	echo precious >"$T/rec"
	run -2 --separate-stderr "$HT" record -o "$T/rec" -- "$P/nothing"
	error_matches "'$T/rec' exists.*--force"
	[ "$(cat "$T/rec")" = precious ]
	start "$P/hold"
	run -2 --separate-stderr "$HT" record -o "$T/rec" "$PID"
	error_matches exists
	[ "$(cat "$T/rec")" = precious ]
	run -0 bounded "$HT" record -q -o "$T/rec" --force -- "$P/nothing"
	[ "$(head -n 1 "$T/rec" | jq -r .type)" = head ]
}

@test "record: options that do not go together, both named" {
	run -2 --separate-stderr "$HT" record -- "$P/nothing"
	error_matches 'no file to write to: -o'
	run -2 --separate-stderr "$HT" record -o "$T/rec" --name x -- "$P/nothing"
	error_matches '--name.*COMMAND'
	run -2 --separate-stderr "$HT" record -o "$T/rec" --name x 1
	error_matches '--name.*PID'
	run -2 --separate-stderr "$HT" record -o "$T/rec" -i 0 -- "$P/nothing"
	error_matches "'0' is not a number of seconds"
	[ ! -e "$T/rec" ]
}

@test "record: a full disk costs the recording, not the command" {
	run -1 --separate-stderr "$HT" record -o /dev/full -i 0.02 -- sh -c 'sleep 0.1; echo out'
	[ "$output" = out ]
	error_matches "cannot write '/dev/full'"
	one_error_line
	run -5 --separate-stderr "$HT" record -o /dev/full -- "$P/nothing" 5
	run -1 --separate-stderr "$HT" record -o "$T/no/such/directory" -- "$P/nothing"
	error_matches "'$T/no/such/directory'"
}

@test "record: to standard output, for a pipe" {
	run -0 --separate-stderr "$HT" record -q -o - -- "$P/nothing"
	[ "$(grep '^{' <<<"$output" | jq -rs '.[0].type, .[-1].type' | xargs)" = "head finish" ]
	[ -z "$stderr" ]
	# a reader who leaves ends neither the command nor its status
	run -0 bash -c "'$HT' record -q -o - -i 0.02 -- sh -c 'sleep 0.2; echo done >&2' | head -n 1"
	[[ $output == *done* ]]
}

@test "record: a day at one sample a second is below 50 MB" {
	start "$P/hold" 100000
	record_pid "$PID"
	finish
	recorder_succeeds
	widest=$(grep '"type":"sample"' "$T/rec" | wc -L)
	((widest * 86400 < 50000000))
}

@test "record: names of any bytes stay one line of JSON" {
	cp "$P/nothing" "$T/"$'a"\nb\e'
	run -0 bounded "$HT" record -q -o "$T/rec" -- "$T/"$'a"\nb\e'
	[ "$(lines process "$T/rec" | jq -r '.command == "a\"\nb\u001b"')" = true ]
	[ "$(wc -l <"$T/rec")" = "$(jq -c . "$T/rec" | wc -l)" ]
}

@test "record: progress on a terminal, and none with --quiet" {
	command -v script >/dev/null || skip "needs script"
	start "$P/hold"
	run -0 script -qec "timeout 1 '$HT' record -o '$T/a' -i 0.05 $PID || true" /dev/null
	[[ $output == *$'\r'*samples* ]]
	run -0 script -qec "timeout 1 '$HT' record -q -o '$T/b' -i 0.05 $PID || true" /dev/null
	[ -z "$output" ]
}
