#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016,SC2030,SC2031,SC2153,SC2154 # each test is its own shell, on purpose
# Marks, "one unit of work done": heaptally mark and $HEAPTALLY_MARK.

load helpers
setup() { private_directory; }
teardown() { clean_up; }

lines() { jq -c "select(.type == \"$1\")" "$2"; }
has_samples() { [ "$(grep -c '"type":"sample"' "$2" 2>/dev/null)" -ge "$1" ]; }
marks_in() { lines mark "$1" | jq -s 'map(.count) | add // 0'; }
has_marks() { [ "$(marks_in "$2" 2>/dev/null)" = "$1" ]; }

# record_pid FILE [OPTION...]: of $PID, in the background; leaves RECORDER.
record_pid() {
	local file=$1

	shift
	(
		for hold in ${HOLDS[@]+"${HOLDS[@]}"}; do
			exec {hold}>&-
		done
		exec "$HT" record -q -o "$file" "$@" "$PID" >"$T/rec.out" 2>"$T/rec.err" 3>&-
	) &
	RECORDER=$!
	STARTED+=("$RECORDER")
	wait_until has_samples 1 "$file"
}
end_recorder() {
	kill "-$1" "$RECORDER"
	wait "$RECORDER" || true
}

@test "mark: by a line in a file, and by the command" {
	run -0 --separate-stderr bounded "$HT" record -q -o "$T/rec" -i 10 -- sh -c '
		echo >>"$HEAPTALLY_MARK"
		echo request >>"$HEAPTALLY_MARK"
		"$0" mark
		"$0" mark --name "a phase"' "$HT"
	[ -z "$stderr" ]
	[ "$(marks_in "$T/rec")" = 4 ]
	[ "$(lines mark "$T/rec" | jq -r '.name // "-"' | xargs)" = "- request - a phase" ] ||
		fail "$(lines mark "$T/rec")"
	[ "$(tail -n 1 "$T/rec" | jq .marks)" = 4 ]
	[ -z "$(ls -A "$D")" ]
}

@test "mark: a mark is sampled at once, whatever the interval" {
	run -0 bounded "$HT" record -q -o "$T/rec" -i 100 -- \
		sh -c 'for i in 1 2 3 4 5; do sleep 0.1; echo >>"$HEAPTALLY_MARK"; done; sleep 0.1'
	# of five marks and one at the end, of the shell alone
	local shell
	shell=$(lines process "$T/rec" | jq -r 'select(.command == "sh") | .instance' | head -n 1)
	(($(lines sample "$T/rec" | grep -c "$shell") >= 6))
	# and each stands behind its mark
	[ "$(jq -r .type "$T/rec" | grep -A 1 mark | grep -c -e sample -e process)" = 5 ]
}

@test "mark: a process that runs already, by its number or as the only one" {
	start "$P/hold"
	record_pid "$T/rec" -i 0.05
	run -0 "$HT" mark "$PID"
	run -0 "$HT" mark --name deploy
	wait_until has_marks 2 "$T/rec"
	end_recorder TERM
	[ "$(lines mark "$T/rec" | jq -r '.name // "-"' | xargs)" = "- deploy" ]
	[ "$(file_count "$D")" = 1 ]
}

@test "mark: in the directory of a run, for whoever records" {
	start -n "$HT" run --quiet -- "$P/hold"
	PID=$(jq -r '.processes[] | select(.command == "hold") | .pid' < <("$HT" list --json))
	record_pid "$T/rec" -i 0.05
	run -0 "$HT" mark "$PID"
	wait_until has_marks 1 "$T/rec"
	PID=${STARTED[0]}
	finish
	wait_until process_ended "$RECORDER"
	[ -z "$(ls -A "$D")" ] || fail "$(find "$D")"
}

@test "mark: two who record both count, and the last removes the file" {
	start "$P/hold"
	record_pid "$T/a" -i 0.05
	first=$RECORDER
	run -0 "$HT" mark "$PID"
	wait_until has_marks 1 "$T/a"
	record_pid "$T/b" -i 0.05
	run -0 "$HT" mark "$PID"
	wait_until has_marks 2 "$T/a"
	wait_until has_marks 1 "$T/b"
	kill -TERM "$first"
	wait "$first" || true
	run -0 "$HT" mark "$PID"
	wait_until has_marks 2 "$T/b"
	end_recorder TERM
	[ "$(file_count "$D")" = 1 ]
}

@test "mark: nobody records" {
	start "$P/hold"
	run -3 --separate-stderr "$HT" mark "$PID"
	error_matches "nobody records process $PID: start 'heaptally record'"
	run -3 --separate-stderr "$HT" mark 999999999
	error_matches 999999999
	HEAPTALLY_MARK=$D/none run -3 --separate-stderr "$HT" mark
	error_matches "nobody records this command"
	run -2 --separate-stderr "$HT" mark x
	error_matches "'x' is not a process id"
}

@test "mark: kill -9 of the recorder leaves a file that sweep removes, not before" {
	start "$P/hold"
	record_pid "$T/rec" -i 0.05
	run -0 "$HT" sweep --min-age 0
	run -0 "$HT" mark "$PID"
	end_recorder KILL
	run -3 --separate-stderr "$HT" mark "$PID"
	error_matches "nobody records"
	run -0 "$HT" sweep --min-age 0
	[[ $output == *heaptally-marks.$PID.* ]]
	[ "$(file_count "$D")" = 1 ]
	# the same of a whole run
	"$HT" record -q -o "$T/b" -- sleep 60 3>&- &
	RECORDER=$!
	STARTED+=("$RECORDER")
	wait_until has_samples 1 "$T/b"
	STARTED+=("$(jq -r 'select(.type == "process") | .pid' "$T/b" | head -n 1)")
	end_recorder KILL
	kill -KILL "${STARTED[-1]}"
	wait_until process_gone "${STARTED[-1]}"
	run -0 "$HT" sweep --min-age 0
	[[ $output == */marks* ]]
	[ "$(file_count "$D")" = 1 ]
}

@test "mark: a file of that name that is somebody else's is not used" {
	start "$P/hold"
	name=$D/heaptally-marks.$(basename "$D"/heaptally."$PID".* | cut -d. -f2-3)
	ln -s "$T/elsewhere" "$name"
	record_pid "$T/rec" -i 0.05
	[[ $(cat "$T/rec.err") == *"marks cannot be taken"* ]]
	[ ! -e "$T/elsewhere" ]
	run -3 --separate-stderr "$HT" mark "$PID"
	end_recorder TERM
	[ -L "$name" ]
	rm "$name"
	mkfifo "$name"
	run -0 --separate-stderr bounded "$HT" record -q -o "$T/b" -d 0.1 "$PID"
	error_matches "marks cannot be taken"
	if [ "$(id -u)" = 0 ]; then
		rm "$name"
		install -m 600 -o nobody /dev/null "$name"
		chmod 1777 "$D"
		as_nobody test -w "$name"
		# root may mark and record for others; they themselves may, too
		record_pid "$T/c" -i 0.05
		run -0 "$HT" mark "$PID"
		wait_until has_marks 1 "$T/c"
	fi
}

@test "mark: very many are counted, and take no memory" {
	run -0 bounded "$HT" record -q -o "$T/rec" -i 0.05 -- sh -c '
		yes "" | head -n 5000000 >>"$HEAPTALLY_MARK"
		sleep 0.3
		du -k "$HEAPTALLY_MARK" | cut -f 1'
	[ "$(marks_in "$T/rec")" = 5000000 ]
	((output < 3000))
	(($(stat -c %s "$T/rec") < 1000000))
}

@test "mark: names of any bytes and lengths" {
	run -0 bounded "$HT" record -q -o "$T/rec" -- sh -c '
		printf "a\"\033\377b\n\n" >>"$HEAPTALLY_MARK"
		head -c 10000 /dev/zero | tr "\0" x >>"$HEAPTALLY_MARK"; echo >>"$HEAPTALLY_MARK"
		printf "not complete" >>"$HEAPTALLY_MARK"
		"$0" mark --name "two
lines"; for i in $(seq 100); do echo $i >>"$HEAPTALLY_MARK"; done' "$HT"
	jq -es '[.[] | select(.type == "mark")] | .[0].name == "a\"\u001b\ufffdb" and
		(map(.count) | add) == 104' "$T/rec" || fail "$(lines mark "$T/rec")"
	lines mark "$T/rec" | jq -es 'map(.name // "" | length) | max < 64'
}
