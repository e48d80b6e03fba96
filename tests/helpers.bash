# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Loaded by every NN-subject.bats. A file says
#
#	load helpers
#	setup() { private_directory; }
#	teardown() { clean_up; }
#
# and finds $HT (the command), $LIB (the library), $P (the test programs),
# $T (scratch files), $D (a directory on tmpfs, exported as HEAPTALLY_DIR,
# in which no other test's segments are).

bats_require_minimum_version 1.5.0

ROOT=$(cd "${BATS_TEST_DIRNAME}/.." && pwd)
HT=$ROOT/build/heaptally
LIB=$ROOT/build/libheaptally.so
P=$ROOT/build/tests

private_directory() {
	T=$BATS_TEST_TMPDIR
	D=$(mktemp -d /dev/shm/ht-test.XXXXXX)
	export HEAPTALLY_DIR=$D
	STARTED=()
	HOLDS=()
}

# Ends what start() began, by pid, and removes the private directory.
clean_up() {
	local hold pid

	for hold in ${HOLDS[@]+"${HOLDS[@]}"}; do
		exec {hold}>&- || true
	done
	for pid in ${STARTED[@]+"${STARTED[@]}"}; do
		kill -KILL "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	rm -rf "$D"
}

# No test program takes longer, unless it hangs.
bounded() { timeout --foreground -k 5 60 "$@"; }

# Prints why and fails.
fail() {
	printf '%s\n' "$*" >&2
	return 1
}

# Polls a command every 20 ms until it succeeds, for at most 10 s.
wait_until() {
	local deadline=$((SECONDS + ${WAIT_SECONDS:-10}))

	until "$@"; do
		if ((SECONDS >= deadline)); then
			fail "timed out: $*"
			return 1
		fi
		sleep 0.02
	done
}

file_has() { [ -s "$1" ]; }
process_gone() { ! kill -0 "$1" 2>/dev/null; }
file_count() { find "$1" -type f | wc -l; }

# State letter of a process (R S D T Z), nothing if there is none.
process_letter() {
	local stat

	stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 0
	stat=${stat##*) }
	printf '%s' "${stat%% *}"
}
# Ended, whether or not the shell has collected it yet.
process_ended() {
	local letter

	letter=$(process_letter "$1")
	[ -z "$letter" ] || [ "$letter" = Z ]
}
is_in_state() { [ "$(process_letter "$1")" = "$2" ]; }

# start [-n] [VAR=VALUE...] PROGRAM [ARG...]: runs it in the background under
# the library (-n: without), its standard input held open; waits for its first
# line of output.
# Leaves PID, OUT (its output), HOLD (close it to end the input).
start() {
	local n=${#STARTED[@]} other preload=$LIB variables=()

	if [ "$1" = -n ]; then
		preload=
		shift
	fi
	while [[ $1 == *=* ]]; do
		variables+=("$1")
		shift
	done
	OUT=$T/started.$n
	: >"$OUT"
	mkfifo "$T/input.$n"
	(
		for other in ${HOLDS[@]+"${HOLDS[@]}"}; do
			exec {other}>&-
		done
		[ -z "$preload" ] || export LD_PRELOAD=$preload
		[ "${#variables[@]}" = 0 ] || export "${variables[@]}"
		exec "$@" <"$T/input.$n" >"$OUT" 2>"$OUT.err" 3>&-
	) &
	PID=$!
	exec {HOLD}>"$T/input.$n"
	STARTED+=("$PID")
	HOLDS+=("$HOLD")
	wait_until file_has "$OUT"
}

# shellcheck disable=SC2034 # STATUS is for the caller
# Ends the last started program's input and waits for it; STATUS is its end.
finish() {
	exec {HOLD}>&-
	HOLDS=("${HOLDS[@]:0:${#HOLDS[@]}-1}")
	STATUS=0
	wait "$PID" || STATUS=$?
}

# Prints each way in which JSON (heaptally's) differs from EXPECTED (lines
# "KEY VALUE" after "pid N", as tests/programs/expect.h writes them).
differences() { # EXPECTED JSON
	# shellcheck disable=SC2016 # those are jq's variables
	jq -r --rawfile expected "$1" '
		def rows: reduce ($expected | split("\n")[]
				  | select(length > 0) | split(" ")) as $l
			({ rows: [] };
			 if $l[0] == "pid" then .pid = ($l[1] | tonumber)
			 elif ($l[0] | test("^~?/")) then
				.rows += [{ pid, key: ($l[0] | ltrimstr("~")),
					    about: ($l[0] | startswith("~")),
					    value: ($l[1] | tonumber) }]
			 elif ($l[0] | startswith("#/")) then
				.rows += [{ pid, key: ($l[0] | ltrimstr("#")),
					    upto: $l[1],
					    value: ($l[2] | tonumber) }]
			 else . end) | .rows;
		# how many of a histogram are in the bucket up to $upto, or in all
		def inside($upto): . as $h
			| if ($h | type) != "object" or
			     ($h.buckets | length) != ($h.counts | length) + 1
			  then null
			  elif $upto == "all" then $h.counts | add
			  else [range($h.counts | length) as $i
				| select($h.buckets[$i + 1] == ($upto | tonumber))
				| $h.counts[$i]] | if length == 1 then .[0] else null end
			  end;
		. as $doc | rows as $rows
		| if ($rows | length) == 0 then "nothing to compare" else
			$rows[] | . as $r
			| [ $doc.processes[] | select(.pid == $r.pid) ] as $p
			| if ($p | length) != 1 then
				"pid \($r.pid): \($p | length) entries"
			  else
				$p[0].metrics as $m
				| (if $r.upto then $m[$r.key] | inside($r.upto)
				   else $m[$r.key] end) as $v
				| if ($v | type) != "number" then
					"pid \($r.pid) \($r.key) \($r.upto // ""): absent, want \($r.value)"
				  elif $r.about then
					$m["/heap/peak/slack:bytes"] as $slack
					| (($v - $r.value) | fabs) as $off
					| select($off > $slack or
						 $slack > ([$m["/threads/peak:threads"] * 4096,
							    $r.value / 16] | max))
					| "pid \($r.pid) \($r.key): \($v) +-\($slack), want \($r.value)"
				  else
					select($v != $r.value)
					| "pid \($r.pid) \($r.key) \($r.upto // ""): \($v), want \($r.value)"
				  end
			  end
		  end' "$2" | sort -u
}

# Fails, and prints the differences, unless there are none.
agrees() { # EXPECTED JSON
	local wrong

	wrong=$(differences "$1" "$2") || return 1
	[ -z "$wrong" ] || fail "$wrong"
}

# exactly PROGRAM [ARG...]: runs a test program under `heaptally run` and
# demands that every number it reports is heaptally's too. WANT_STATUS is
# its exit status if not 0. Leaves $T/out, $T/err, $T/json.
exactly() {
	local status=0

	bounded "$HT" run --quiet --json "$T/json" -- "$@" >"$T/out" 2>"$T/err" ||
		status=$?
	[ "$status" = "${WANT_STATUS:-0}" ] ||
		fail "status $status of $*: $(cat "$T/err")" || return 1
	[ ! -s "$T/err" ] ||
		fail "standard error of $*: $(cat "$T/err")" || return 1
	agrees "$T/out" "$T/json"
}

# oracle FILE PROGRAM [ARG...]: runs the program under count_shim instead
# and writes to FILE what that has counted, as lines "KEY VALUE".
oracle() {
	local file=$1 words

	shift
	rm -f "$T/shim"
	COUNT_SHIM_FILE=$T/shim LD_PRELOAD=${SHIM_BEFORE-}$P/count_shim.so \
		"$@" >"$T/shim.out" 2>"$T/shim.err" || [ "$?" = "${WANT_STATUS:-0}" ] ||
		fail "under count_shim: $(cat "$T/shim.err")" || return 1
	read -ra words < <(od -An -v -tu8 -w64 "$T/shim")
	printf '%s %s\n' >"$file" \
		/heap/allocs:objects "${words[1]}" \
		/heap/allocs:bytes "${words[2]}" \
		/heap/frees:objects "${words[3]}" \
		/heap/frees:bytes "${words[4]}" \
		/heap/live:objects "$((words[1] - words[3]))" \
		/heap/live:bytes "$((words[2] - words[4]))" \
		/heap/reallocs:calls "${words[5]}" \
		/heap/alloc-failures:calls "${words[6]}"
}

# like_oracle PROGRAM [ARG...]: runs it under heaptally and under count_shim;
# both must have counted the same, and what the program reports must hold.
# A program that does not say its pid must be the only process.
like_oracle() {
	local status=0 pid

	bounded "$HT" run --quiet --json "$T/json" -- "$@" >"$T/out" 2>"$T/err" ||
		status=$?
	[ "$status" = "${WANT_STATUS:-0}" ] ||
		fail "status $status of $*: $(cat "$T/err")" || return 1
	oracle "$T/expected" "$@" || return 1
	pid=$(sed -n 's/^pid //p' "$T/out")
	[ -n "$pid" ] ||
		pid=$(jq -e '.processes | select(length == 1)[0].pid' "$T/json") ||
		fail "not one process: $(jq -c '[.processes[].command]' "$T/json")" ||
		return 1
	sed -i "1i pid $pid" "$T/expected"
	if grep -q ^/ "$T/out"; then
		agrees "$T/out" "$T/json" || return 1
	fi
	agrees "$T/expected" "$T/json"
}

# One value of the process in a JSON document: field PID JQ-PATH FILE
field() {
	jq -r ".processes[] | select(.pid == $1) | $2" "$3"
}

# The one line of standard error; fails if there are more or none.
one_error_line() {
	# shellcheck disable=SC2154 # set by bats' run --separate-stderr
	[ "${#stderr_lines[@]}" = 1 ] || fail "standard error: $stderr"
}

# error_matches REGEX: standard error is one message of the usual form,
# "heaptally: ..." or "heaptally COMMAND: ...", lower-case, no full stop.
error_matches() {
	# shellcheck disable=SC2154
	[[ $stderr =~ $1 ]] || fail "no match for '$1': $stderr" || return 1
	[[ ${stderr_lines[0]} =~ ^heaptally ]] ||
		fail "not by heaptally: $stderr" || return 1
	[[ ${stderr_lines[0]} != *. ]] || fail "full stop: $stderr"
}

# Runs a command as another, ordinary user. Root only.
as_nobody() {
	setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all -- "$@"
}

need() { # TOOL...
	local tool

	for tool; do
		command -v "$tool" >/dev/null || skip "'$tool' is not installed"
	done
}

need_root() {
	[ "$(id -u)" = 0 ] || skip "needs root to become another user"
}
