#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2030,SC2031,SC2153 # each test is its own shell, on purpose
# Looking at processes while they run, and right after they were killed.

load helpers
setup() { private_directory; }
teardown() { clean_up; }

# The progress of tests/programs/worker.c in FILE, as one line of sums:
# ready threads dtvs dtv_bytes most_live, then eight words of all threads.
progress() {
	od -An -v -tu8 -w64 "$1" | awk '
		NR == 1 { printf "%s %s %s %s %s", $1, $2, $3, $4, $5 }
		NR > 1 { for (i = 1; i <= 8; i++) s[i] += $i }
		END { for (i = 1; i <= 8; i++) printf " %.0f", s[i]; print "" }'
}
is_ready() { [ "$(od -An -N1 -tu1 "$1" 2>/dev/null)" = "   1" ]; }

# Prints what is wrong with a series of documents, one a line, of one
# process with at most MOST live blocks.
unsteady() { # FILE MOST
	# shellcheck disable=SC2016 # those are jq's variables
	jq -rn --argjson most "$2" '
		[inputs] as $docs
		| ["/heap/allocs:objects", "/heap/allocs:bytes",
		   "/heap/frees:objects", "/heap/frees:bytes",
		   "/heap/reallocs:calls",
		   "/heap/alloc-failures:calls", "/threads/started:threads",
		   "/threads/exited:threads", "/threads/peak:threads"] as $rising
		| if ($docs | length) < 2 then "only \($docs | length) samples"
		  else
		  (range(1; $docs | length) as $i
		   | $docs[$i - 1].processes[0].metrics as $old
		   | $docs[$i].processes[0].metrics as $new
		   | $rising[] | select($new[.] == null or $new[.] < $old[.])
		   | "sample \($i): \(.) fell from \($old[.]) to \($new[.])"),
		  # with threads the peak is known to within its slack only
		  (range(1; $docs | length) as $i
		   | $docs[$i - 1].processes[0].metrics["/heap/peak:bytes"] as $old
		   | $docs[$i].processes[0].metrics
		   | select(.["/heap/peak:bytes"] + .["/heap/peak/slack:bytes"] < $old)
		   | "sample \($i): the peak fell from \($old) to \(.["/heap/peak:bytes"])"),
		  ($docs[].processes[0]
		   | .metrics["/heap/live:objects"] as $live
		   | select($live < 0 or .metrics["/heap/live:bytes"] < 0 or
			    $live > $most + .skew_objects or .approximate)
		   | "live \($live), most \($most), skew \(.skew_objects), approximate \(.approximate)"),
		  (if $docs[0].processes[0].metrics["/heap/allocs:objects"] <
		      $docs[-1].processes[0].metrics["/heap/allocs:objects"]
		   then empty else "nothing happened" end)
		  end' "$1" | head -n 20
}

@test "the check for steadiness sees a counter fall and a live too high" {
	doc() { # SKEW APPROXIMATE ALLOCS PEAK LIVE
		printf '{"processes":[{"skew_objects":%s,"approximate":%s,"metrics":{"/heap/allocs:objects":%s,"/heap/allocs:bytes":1,"/heap/frees:objects":0,"/heap/frees:bytes":0,"/heap/peak:bytes":%s,"/heap/peak/slack:bytes":10,"/heap/reallocs:calls":0,"/heap/alloc-failures:calls":0,"/threads/started:threads":0,"/threads/exited:threads":0,"/threads/peak:threads":1,"/heap/live:objects":%s,"/heap/live:bytes":1}}]}\n' "$@"
	}
	{ doc 0 false 5 50 5; doc 2 false 6 40 7; } >"$T/good"
	[ -z "$(unsteady "$T/good" 5)" ]
	[ -n "$(unsteady "$T/good" 4)" ]
	{ doc 0 false 5 50 5; doc 0 false 4 50 5; doc 0 false 6 50 5; } >"$T/bad"
	[ -n "$(unsteady "$T/bad" 9)" ]
	{ doc 0 false 5 50 5; doc 0 false 6 39 5; } >"$T/bad"
	[ -n "$(unsteady "$T/bad" 9)" ]
	{ doc 0 true 5 50 5; doc 0 false 6 50 5; } >"$T/bad"
	[ -n "$(unsteady "$T/bad" 9)" ]
	{ doc 0 false 5 50 5; doc 0 false 5 50 5; } >"$T/bad"
	[ -n "$(unsteady "$T/bad" 9)" ]
}

# Looks at a worker with THREADS and at most BLOCKS blocks each.
full_speed() { # THREADS BLOCKS SAMPLES
	LD_PRELOAD=$LIB "$P/worker" "$1" "$T/progress" 600 "$2" 3>&- &
	PID=$!
	STARTED+=("$PID")
	wait_until is_ready "$T/progress"
	"$HT" watch --json -i 0.01 -n "$3" "$PID" >"$T/watch" 2>"$T/watch.err" 3>&- &
	watcher=$!
	STARTED+=("$watcher")
	while ! process_ended "$PID" && ! process_ended "$watcher"; do
		"$HT" stat --json "$PID" >>"$T/stat"
		echo >>"$T/stat"
	done
	wait "$watcher"
	[ ! -s "$T/watch.err" ]
	[ "$(grep -c . "$T/watch")" = "$3" ]
	read -r _ threads dtvs _ most _ <<<"$(progress "$T/progress")"
	[ "$threads" = "$1" ]
	wrong=$(unsteady "$T/watch" $((most + dtvs)))
	[ -z "$wrong" ] || fail "watch: $wrong"
	wrong=$(unsteady "$T/stat" $((most + dtvs)))
	[ -z "$wrong" ] || fail "stat: $wrong"
	samples=$(jq -n '[inputs] | length' "$T/stat")
	[ "$samples" -ge 10 ] || fail "only $samples samples by stat"
	kill -KILL "$PID"
	wait "$PID" || [ "$?" = 137 ]
}

@test "readers at full speed: live is never negative, counters never fall" {
	full_speed 8 128 250
}
@test "the same with next to nothing live, where an error would show" {
	full_speed 2 1 250
}

@test "kill -9 at 200 random moments: readable, at most one operation off a thread" {
	pids=()
	RANDOM=42
	for i in $(seq 200); do
		LD_PRELOAD=$LIB "$P/worker" $((1 + i % 4)) "$T/progress.$i" 3>&- &
		pid=$!
		STARTED+=("$pid")
		pids+=("$pid")
		wait_until is_ready "$T/progress.$i"
		sleep "0.0$((RANDOM % 300 + 100))"
		kill -KILL "$pid"
		wait "$pid" || [ "$?" = 137 ]
	done
	STARTED=()
	run -0 "$HT" list
	"$HT" stat --json "${pids[@]}" >"$T/json"
	for i in $(seq 200); do
		echo "${pids[i - 1]} $(progress "$T/progress.$i")"
	done >"$T/told"
	# shellcheck disable=SC2016 # those are jq's variables
	jq -r --rawfile told "$T/told" '
		. as $doc
		| $told | split("\n")[] | select(length > 0)
		| split(" ") | map(tonumber) as $n
		| [ $doc.processes[] | select(.pid == $n[0]) ] as $p
		| def between($key; $low; $high; $add):
			$p[0].metrics[$key] as $v
			| select($v == null or $v < $low + $add or
				 $v > $high + $add)
			| "pid \($n[0]) \($key): \($v), want \($low + $add)..\($high + $add)";
		  if ($p | length) != 1 then "pid \($n[0]): \($p | length) entries"
		  elif $p[0].state != "killed" then "pid \($n[0]): \($p[0].state)"
		  else
			between("/heap/allocs:objects"; $n[7]; $n[6]; $n[3]),
			between("/heap/frees:objects"; $n[9]; $n[8]; 0),
			between("/heap/allocs:bytes"; $n[11]; $n[10]; $n[4]),
			between("/heap/frees:bytes"; $n[13]; $n[12]; 0),
			between("/threads/live:threads"; $n[2] + 1; $n[2] + 1; 0),
			(select($n[1] != 1 or $n[7] == 0 or
				$n[6] - $n[7] > $n[2])
			 | "pid \($n[0]): the oracle is off: \($n)")
		  end' "$T/json" >"$T/wrong"
	[ ! -s "$T/wrong" ] || fail "$(head -n 20 "$T/wrong")"
}

@test "kill -9 while starting: nothing that breaks a reader, all swept" {
	RANDOM=7
	for _ in $(seq 60); do
		LD_PRELOAD=$LIB "$P/worker" 2 "$T/progress" 3>&- &
		pid=$!
		STARTED+=("$pid")
		sleep "0.00$((RANDOM % 6))$((RANDOM % 10))"
		kill -KILL "$pid"
		wait "$pid" || [ "$?" = 137 ]
	done
	STARTED=()
	run --separate-stderr "$HT" list --json
	[ "$status" = 0 ] || [ "$status" = 3 ]
	[ "$(jq '[.processes[].state | select(. != "killed")] | length' <<<"$output")" = 0 ]
	run -0 "$HT" sweep --min-age 0
	[ "$(file_count "$D")" = 0 ]
}

@test "sweep: others who look or sweep" {
	"${CC:-cc}" -D_GNU_SOURCE -o "$T/reads" -x c - <<-'EOS'
		#include <fcntl.h>
		#include <unistd.h>
		int main(int argc, char **argv) {
			struct flock lock = { .l_type = F_RDLCK };
			int fd = open(argv[1], O_RDONLY);
			return fcntl(fd, F_OFD_SETLK, &lock) || execvp(argv[2], argv + 2);
		}
	EOS
	start "$P/hold"
	kill -KILL "$PID"
	wait "$PID" || true
	segment=$(find "$D" -type f)
	# a second sweeper is on it
	run -0 flock "$segment" "$HT" sweep --min-age 0
	[ -e "$segment" ]
	# a lock for reading is not a writer's, and stays out of nobody's way
	run -0 "$T/reads" "$segment" "$HT" sweep --min-age 0
	[ ! -e "$segment" ] || fail "$output"
}

@test "watch says once what it does not see" {
	start env LD_PRELOAD="$LIB:$P/half_shim.so" "$P/hold"
	run -0 --separate-stderr "$HT" watch -i 0.02 -n 3 "$PID"
	[ "${#lines[@]}" = 4 ]
	one_error_line
	error_matches "coverage is partial: no usable sizes"
}

@test "watch says when something begins to go past the tally" {
	"${CC:-cc}" -shared -fPIC -o "$T/plugin.so" -x c - <<<'int plugin;'
	"${CC:-cc}" -D_GNU_SOURCE -o "$T/host" -x c - <<-EOS
		#include <dlfcn.h>
		#include <unistd.h>
		int main(void) {
			char c;
			write(1, "up\\n", 3);
			if (read(0, &c, 1) > 0)
				dlopen("$T/plugin.so", RTLD_NOW | RTLD_DEEPBIND);
			return read(0, &c, 1) < 0;
		}
	EOS
	start "$T/host"
	"$HT" watch --json -i 0.02 "$PID" >"$T/watch" 2>"$T/err" 3>&- &
	watcher=$!
	STARTED+=("$watcher")
	wait_until file_has "$T/watch"
	[ ! -s "$T/err" ]
	echo >&"$HOLD"
	wait_until grep -q partial "$T/watch"
	echo >&"$HOLD" # the watcher has it open as well
	wait "$watcher"
	jq -r '.processes[] | "\(.coverage) \(.coverage_reason)"' "$T/watch" | uniq >"$T/changes"
	diff "$T/changes" - <<-EOS
		full 
		partial dlopen was asked for RTLD_DEEPBIND
	EOS
	[ "$(grep -c "coverage is partial: dlopen was asked" "$T/err")" = 1 ] || fail "$(cat "$T/err")"
}

@test "a live process: list, stat, watch" {
	start "$P/hold" 310
	"$HT" stat --json "$PID" >"$T/json"
	agrees "$OUT" "$T/json"
	run -0 field "$PID" '"\(.state) \(.command) \(.exe) \(.parent_pid)"' "$T/json"
	[ "$output" = "live hold $P/hold $BASHPID" ] ||
		[ "$output" = "live hold $P/hold $$" ] || fail "$output"

	"$HT" list --json >"$T/list"
	agrees "$OUT" "$T/list"
	"$HT" watch --json -i 0.05 -n 3 "$PID" >"$T/watch"
	[ "$(grep -c . "$T/watch")" = 3 ]
	while IFS= read -r line; do
		printf '%s\n' "$line" >"$T/line"
		agrees "$OUT" "$T/line"
	done <"$T/watch"

	run -0 "$HT" list
	[[ $output == *"$PID"* && $output == *hold* ]]
	run -0 "$HT" stat "$PID"
	[[ $output == */heap/live:objects*310* ]] || [[ $output == *310* ]]
	run -0 "$HT" watch -i 0.02 -n 2 "$PID"
	[ "${#lines[@]}" -ge 3 ] # a head, two lines
	finish
	[ "$STATUS" = 0 ]
}

@test "the kernel's figures of a live process are there, and right" {
	start "$P/hold" 5000
	"$HT" stat --json "$PID" >"$T/json"
	resident=$(($(awk '/^VmRSS/ { print $2 }' "/proc/$PID/status") * 1024))
	virtual=$(($(awk '/^VmSize/ { print $2 }' "/proc/$PID/status") * 1024))
	anonymous=$(($(awk '/^RssAnon/ { print $2 }' "/proc/$PID/status") * 1024))
	run -0 field "$PID" '.metrics."/process/virtual:bytes"' "$T/json"
	[ "$output" = "$virtual" ]
	run -0 field "$PID" '.metrics."/process/anonymous:bytes"' "$T/json"
	[ "$output" = "$anonymous" ]
	run -0 field "$PID" '.metrics."/process/resident:bytes"' "$T/json"
	[ "$output" -ge $((resident - (256 << 10))) ]
	[ "$output" -le $((resident + (256 << 10))) ]
	run -0 field "$PID" '.metrics."/process/uptime:seconds" | . >= 0 and . < 60' "$T/json"
	[ "$output" = true ]
	finish
	# gone: no figures of the kernel's, rather than zeros
	LD_PRELOAD=$LIB HEAPTALLY_KEEP=1 "$P/hold" 10 >"$T/out" </dev/null
	pid=$(sed -n 's/^pid //p' "$T/out")
	"$HT" stat --json "$pid" >"$T/json"
	run -0 field "$pid" '[.metrics | keys[] | select(startswith("/process/"))] | length' "$T/json"
	[ "$output" = 0 ]
	agrees "$T/out" "$T/json"
}

@test "the JSON document has the fields of the schema" {
	start "$P/hold"
	"$HT" stat --json "$PID" >"$T/json"
	run -0 jq -r '[.schema, (.heaptally | type), (.time | test("^[0-9-]{10}T[0-9:]{8}\\.[0-9]{3}Z$")), (.processes | length)] | @csv' "$T/json"
	[ "$output" = '1,"string",true,1' ] || fail "$output"
	run -0 jq -r '.processes[0] | [(.pid | type), (.instance | test("^[0-9a-f]{32}$")), (.command | type), (.exe | type), (.parent_pid | type), (.start_time | test("^[0-9-]{10}T[0-9:.]+Z$")), .state, (.provider | type), .coverage, .coverage_reason, .approximate, .skew_objects, (.metrics | type)] | @csv' "$T/json"
	[ "$output" = '"number",true,"string","string","number",true,"live","string","full","",false,0,"object"' ] || fail "$output"
	# every key is in the list, and what is always available is here
	"$HT" metrics --json >"$T/list"
	jq -r '.metrics[].key' "$T/list" | sort >"$T/known"
	jq -r '.metrics[] | select(.availability == "always") | .key' "$T/list" |
		sort >"$T/always"
	[ "$(wc -l <"$T/always")" -ge 15 ]
	jq -r '.processes[0].metrics | keys[]' "$T/json" | sort >"$T/seen"
	run -0 comm -13 "$T/known" "$T/seen"
	[ -z "$output" ] || fail "unknown: $output"
	run -0 comm -13 "$T/seen" "$T/always"
	[ -z "$output" ] || fail "missing: $output"
}

@test "stat -m: bare, exact values; --raw: exact numbers" {
	start "$P/hold" 12345
	run -0 --separate-stderr "$HT" stat -m /heap/live:objects "$PID"
	[ "$output" = 12345 ]
	run -0 "$HT" stat -m /heap/live:bytes -m /heap/frees:objects
	[ "${lines[0]}" = "$(sed -n 's|^/heap/live:bytes ||p' "$OUT")" ]
	[ "${lines[1]}" = 0 ]
	[ "${#lines[@]}" = 2 ]
	run -2 --separate-stderr "$HT" stat -m /heap/nonsense:objects "$PID"
	[ -z "$output" ]
	error_matches "'/heap/nonsense:objects'"
	for command in "stat --raw $PID" "watch --raw -i 0.02 -n 1 $PID" "list --raw"; do
		# shellcheck disable=SC2086 # words
		run -0 "$HT" $command
		[[ $output == *12345* ]] || fail "$command: $output"
		[[ $output != *iB* ]] || fail "$command: $output"
	done
	finish
}

@test "reading costs the target no memory" {
	start "$P/hold"
	before=$(stat -c %b "$D"/heaptally.*)
	"$HT" list >/dev/null
	"$HT" stat "$PID" >/dev/null
	"$HT" watch -i 0.01 -n 3 "$PID" >/dev/null
	[ "$(stat -c %b "$D"/heaptally.*)" = "$before" ]
	[ $((before * 512)) -le $((48 << 10)) ] # design: at most 48 KiB
	finish
}

@test "a process that has ended: stat and list show its last state" {
	LD_PRELOAD=$LIB "$P/ends" kill >"$T/out" || [ "$?" = 137 ]
	pid=$(sed -n 's/^pid //p' "$T/out")
	run -0 "$HT" stat "$pid"
	[[ $output == *killed* ]]
	run -0 "$HT" list
	[[ $output == *"$pid"*killed* ]]
	run -0 --separate-stderr "$HT" watch --json -n 5 "$pid"
	[ "${#lines[@]}" = 1 ] # there is nothing to wait for
	printf '%s\n' "$output" >"$T/json"
	agrees "$T/out" "$T/json"
}

@test "a stopped process is live" {
	start "$P/hold"
	kill -STOP "$PID"
	wait_until is_in_state "$PID" T
	"$HT" stat --json "$PID" >"$T/json"
	run -0 field "$PID" .state "$T/json"
	[ "$output" = live ]
	agrees "$OUT" "$T/json"
	kill -CONT "$PID"
	finish
	[ "$STATUS" = 0 ]
}

@test "with one process its PID need not be given" {
	start "$P/hold"
	"$HT" stat --json >"$T/json"
	agrees "$OUT" "$T/json"
	"$HT" watch --json -i 0.02 -n 1 >"$T/json"
	agrees "$OUT" "$T/json"
}

@test "with several it must, and they are named" {
	start "$P/hold" 1
	first=$PID
	start "$P/hold" 2
	for command in stat watch; do
		run -2 --separate-stderr "$HT" "$command"
		[ -z "$output" ]
		error_matches "$first"
		error_matches "$PID"
	done
	"$HT" stat --json "$first" "$PID" >"$T/json"
	run -0 jq -c '[.processes[] | [.pid, .metrics."/heap/live:objects"]]' "$T/json"
	[ "$output" = "[[$first,1],[$PID,2]]" ]
	"$HT" list --json >"$T/json"
	run -0 jq '.processes | length' "$T/json"
	[ "$output" = 2 ]
}

@test "with none there is nothing observed: status 3" {
	for command in stat watch; do
		run -3 --separate-stderr "$HT" "$command"
		[ -z "$output" ]
		error_matches 'no process'
	done
}

@test "--name takes a pattern on the command" {
	start "$P/hold" 1
	first=$PID
	cp "$P/hold" "$T/keeper"
	start "$T/keeper" 2
	"$HT" stat --json --name 'keep*' >"$T/json"
	run -0 jq -c '[.processes[].pid]' "$T/json"
	[ "$output" = "[$PID]" ]
	"$HT" stat --json --name hold >"$T/json"
	run -0 jq -c '[.processes[].pid]' "$T/json"
	[ "$output" = "[$first]" ]
	run -3 --separate-stderr "$HT" stat --name 'nobody*'
	error_matches "'nobody\*'"
}

@test "watch ends when the process does, with its last state" {
	start "$P/hold" 9
	"$HT" watch --json -i 0.05 "$PID" >"$T/watch" 3>&- &
	watcher=$!
	STARTED+=("$watcher")
	wait_until file_has "$T/watch"
	kill -KILL "$PID"
	wait_until process_ended "$watcher"
	wait "$watcher"
	tail -n 1 "$T/watch" >"$T/json"
	run -0 field "$PID" '"\(.state) \(.metrics."/heap/live:objects")"' "$T/json"
	[ "$output" = "killed 9" ]
}
@test "watch follows a process through exec" {
	mkfifo "$T/gate"
	LD_PRELOAD=$LIB sh -c "read -r _ <'$T/gate'; exec '$P/hold' 5 <'$T/gate'" >"$T/out" 3>&- &
	PID=$!
	STARTED+=("$PID")
	wait_until has_segment "$PID"
	"$HT" watch --json -i 0.02 "$PID" >"$T/watch" 3>&- &
	watcher=$!
	STARTED+=("$watcher")
	wait_until file_has "$T/watch"
	exec {gate}>"$T/gate"
	echo go >&"$gate"
	wait_until grep -q '"command": *"hold"' "$T/watch"
	kill -KILL "$PID"
	wait_until process_ended "$watcher"
	exec {gate}>&-
	run -0 tail -n 1 "$T/watch"
	[[ $output == *hold* ]]
}
has_segment() { compgen -G "$D/heaptally.$1.*" >/dev/null; }
