#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016,SC2030,SC2031,SC2153,SC2154 # each test is its own shell, on purpose
# Does it grow without end? heaptally check, from recordings and live.

load helpers
load recordings
setup() {
	private_directory
	export TMPDIR=$T/tmp
	mkdir "$TMPDIR"
}
teardown() { clean_up; }

# check_file STATUS VERDICT FILE... [OPTION...]: the verdict line is that.
check_file() {
	local status=$1 verdict=$2

	shift 2
	run "-$status" --separate-stderr "$HT" check --quiet "$@"
	[[ $output == "$verdict:"* ]] || fail "not $verdict: $output $stderr"
}

# usage_error REGEX ARG...: refused, with a message and a pointer to the help.
usage_error() {
	local regex=$1

	shift
	run -2 --separate-stderr bounded "$HT" check "$@"
	error_matches "$regex"
	[ -z "$output" ]
}

# ---- verdicts ----

@test "check: every verdict has its status" {
	recording flat >"$T/flat"
	recording leak >"$T/leak"
	recording step >"$T/step"
	recording half >"$T/half"
	recording plateau >"$T/plateau"
	recording threads >"$T/threads"
	recording leak seconds=30 >"$T/short"
	check_file 0 PASS "$T/flat"
	check_file 1 GROWTH "$T/leak"
	check_file 0 STEP "$T/step"
	check_file 0 STEP "$T/half"
	check_file 0 PLATEAU "$T/plateau"
	check_file 1 GROWTH "$T/threads"
	check_file 4 INCONCLUSIVE "$T/short"
	check_file 1 STEP --strict "$T/step"
	check_file 1 PLATEAU --strict "$T/plateau"
	check_file 4 INCONCLUSIVE --strict "$T/short"
}

@test "check: bytes, objects and threads are judged apart" {
	recording threads >"$T/rec"
	run -1 --separate-stderr "$HT" check --json - "$T/rec"
	[[ $stderr == "GROWTH: threads of"* ]]
	[ "$(jq -r '.check.runs[0].processes[0].series | to_entries[] | [.key, .value.verdict] |
		join(" ")' <<<"$output" | sort | head -n 2 | xargs)" = "/heap/live:bytes PASS /heap/live:objects PASS" ]
}

@test "check: of several files the first of growth, not observed, inconclusive, fine wins" {
	recording flat >"$T/fine"
	recording leak >"$T/leak"
	recording flat seconds=30 >"$T/short"
	: >"$T/none"
	check_file 1 GROWTH "$T/fine" "$T/none" "$T/short" "$T/leak"
	check_file 3 'NOT OBSERVED' "$T/fine" "$T/short" "$T/none"
	check_file 4 INCONCLUSIVE "$T/short" "$T/fine"
	check_file 0 PASS "$T/fine" "$T/fine"
}

@test "check: what is live for less than a quarter of the run is not judged, others are" {
	recording flat >"$T/rec"
	recording leak seconds=20 pid=77 command=helper from=5 | grep -v '"head"' >>"$T/rec"
	check_file 0 PASS "$T/rec"
	check_file 4 INCONCLUSIVE --only helper "$T/rec"
	# what it broke is broken all the same
	check_file 1 'LIMIT BROKEN' --max-live 70M "$T/rec"
	# one that was there for longer has to be judged
	recording flat >"$T/rec"
	recording leak seconds=60 pid=77 command=helper | grep -v '"head"' >>"$T/rec"
	check_file 4 INCONCLUSIVE "$T/rec"
}

@test "check: --only, also where nothing is left" {
	recording flat >"$T/rec"
	recording leak pid=77 command=worker | grep -v '"head"' >>"$T/rec"
	check_file 1 GROWTH "$T/rec"
	check_file 0 PASS --only srv "$T/rec"
	check_file 1 GROWTH --only 'x*' --only 'w*' "$T/rec"
	check_file 3 'NOT OBSERVED' --only nobody "$T/rec"
}

@test "check: a process that starts again begins a new series" {
	# each life grows by itself to twice its size, together they would grow, too
	recording flat size=10 seconds=100 end=exited | grep -v finish >"$T/rec"
	recording flat size=90 seconds=200 pid=4243 from=100 | grep -v '"head"' >>"$T/rec"
	check_file 0 PASS "$T/rec"
}

@test "check: a process that went on as an untallied program is not observed" {
	recording flat >"$T/rec"
	recording flat seconds=40 pid=77 command=sh | grep -v '"head"' >>"$T/rec"
	check_file 4 INCONCLUSIVE "$T/rec"
	printf '{"type":"replaced","monotonic_ns":1040000000000,"instance":"%032x"}\n' 77 >>"$T/rec"
	check_file 3 'NOT OBSERVED' "$T/rec"
}

@test "check: more than one per cent of frees unknown is inconclusive" {
	recording flat foreign=9 >"$T/few"
	recording flat foreign=11 >"$T/many"
	recording leak foreign=11 >"$T/leak"
	check_file 0 PASS "$T/few"
	check_file 4 INCONCLUSIVE "$T/many"
	check_file 1 GROWTH "$T/leak"
	# a sample of less than nothing is left out; more of them are a sign
	torn() { awk -v every="$1" '/"sample"/ && ++n % every == 0 {
		sub("live:bytes\":[0-9]*", "live:bytes\":0"); sub("\"pid\"", "\"approximate\":true,&") } 1'; }
	recording flat | torn 119 >"$T/once"
	recording flat | torn 10 >"$T/often"
	recording flat | torn 1 >"$T/always"
	run -0 --separate-stderr "$HT" check --json - "$T/once"
	jq -e '.check.runs[0].processes[0].series["/heap/live:bytes"].lowest > 0' <<<"$output"
	check_file 4 INCONCLUSIVE "$T/often"
	check_file 4 INCONCLUSIVE "$T/always"
}

@test "check: by iterations, if there were any" {
	recording leak seconds=20 interval=0.1 iterations=100 >"$T/rec"
	check_file 4 INCONCLUSIVE "$T/rec"
	check_file 1 GROWTH --iterations "$T/rec"
	run -1 "$HT" check --iterations --html /dev/null "$T/rec"
	[[ $output == *"per iteration"* ]]
	recording flat >"$T/none"
	run -4 "$HT" check --quiet --iterations "$T/none"
	[[ $output == *"no iteration was marked"* ]]
}

@test "check: options of the statistics" {
	recording leak >"$T/rec"
	check_file 4 INCONCLUSIVE --warmup 60 "$T/rec"
	check_file 1 GROWTH --warmup 5 "$T/rec"
	check_file 4 INCONCLUSIVE --cycle 20 "$T/rec"
	check_file 4 INCONCLUSIVE --min-samples 5000 "$T/rec"
	check_file 1 GROWTH --confidence 99.9% "$T/rec"
	check_file 1 GROWTH --confidence 60 "$T/rec"
	# what rises at the start alone
	recording plateau seconds=600 >"$T/warm"
	check_file 0 PLATEAU "$T/warm"
	check_file 0 PASS --warmup 400 "$T/warm"
}

# ---- limits ----

@test "check: limits, kept and broken" {
	recording flat >"$T/rec" end=exited
	check_file 0 PASS --max-live 65MiB --max-peak 104M --max-objects 70000 \
		--max-threads 4 --max-unfreed-at-exit 1MiB --return-to 110 "$T/rec"
	local limit
	for limit in 'max-live 63.9M' 'max-peak 100MiB' 'max-objects 1000' 'max-threads 3' \
		'max-unfreed-at-exit 1MB' 'return-to 99'; do
		# shellcheck disable=SC2086 # two words
		run -1 --separate-stderr "$HT" check --quiet --$limit "$T/rec"
		[[ $output == "LIMIT BROKEN:"* ]] || fail "$limit: $output"
		# shellcheck disable=SC2086
		run -1 "$HT" check --$limit "$T/rec"
		[[ $output == *"--${limit% *}"* ]]
	done
	# growth comes first
	recording leak >"$T/leak"
	check_file 1 GROWTH --max-live 1 "$T/leak"
}

@test "check: a limit on what was not seen is inconclusive" {
	recording flat >"$T/rec"
	check_file 4 INCONCLUSIVE --max-unfreed-at-exit 1G "$T/rec"
	recording flat end=killed >"$T/killed"
	check_file 4 INCONCLUSIVE --max-unfreed-at-exit 1G "$T/killed"
	sed 's/"\/heap\/peak:bytes":[0-9]*,//' "$T/rec" >"$T/no-peak"
	check_file 4 INCONCLUSIVE --max-peak 1G "$T/no-peak"
}

@test "check: growth up to a rate is accepted, beyond it the limit is broken" {
	# 32 MiB in two minutes: 16 MiB a minute, 273 KiB a second
	recording leak >"$T/rec"
	check_file 1 GROWTH --max-growth 1GiB/h "$T/rec"
	check_file 0 PASS --max-growth 1GiB/h --max-growth 1000000objects/h "$T/rec"
	check_file 0 PASS --max-growth 0.3M/s --max-growth '24000000 objects/day' "$T/rec"
	check_file 1 GROWTH --max-growth 100MiB/h "$T/rec"
	recording leak seconds=20 interval=0.1 iterations=100 >"$T/work"
	check_file 0 PASS --iterations --max-growth 400K/iteration --max-growth 400objects/iteration "$T/work"
	check_file 4 INCONCLUSIVE --max-growth 1K/iteration <(recording flat)
	run -1 "$HT" check --max-growth 100MiB/h "$T/rec"
	[[ $output == *--max-growth*broken* ]]
}

@test "check: --limits-only judges what is too short for a trend" {
	run -1 --separate-stderr "$HT" check --limits-only --max-unfreed-at-exit 4K -- "$P/hold" 5 </dev/null
	[[ $stderr == "LIMIT BROKEN:"* ]]
	run -0 --separate-stderr "$HT" check --limits-only --max-unfreed-at-exit 5K -- "$P/hold" 5 </dev/null
	[[ $stderr == "PASS:"* ]]
	recording leak seconds=30 >"$T/rec"
	check_file 0 PASS --limits-only --max-live 1G "$T/rec"
}

# ---- baselines ----

@test "check: against a baseline" {
	recording flat >"$T/good"
	check_file 0 PASS --save-baseline "$T/base" "$T/good"
	jq -e '.schema == 1 and .type == "baseline" and .program == "srv" and .libc == "glibc 2.36"' "$T/base"
	check_file 0 PASS --baseline "$T/base" "$T/good"
	# a tenth more is accepted, a fifth is not, which no trend would show
	recording flat size=69 >"$T/more"
	recording flat size=77 >"$T/much"
	check_file 0 PASS --baseline "$T/base" "$T/more"
	check_file 1 'LIMIT BROKEN' --baseline "$T/base" "$T/much"
	# a recording will do as well
	check_file 0 PASS --baseline "$T/good" "$T/more"
	check_file 1 'LIMIT BROKEN' --baseline "$T/good" "$T/much"
}

@test "check: growth that the baseline has, too, is accepted" {
	recording leak >"$T/rec"
	check_file 1 GROWTH --save-baseline "$T/base" "$T/rec"
	check_file 0 PASS --baseline "$T/base" "$T/rec"
	recording flat >"$T/flat"
	run -0 "$HT" check --quiet --save-baseline "$T/flat.base" "$T/flat"
	check_file 1 GROWTH --baseline "$T/flat.base" "$T/rec"
}

@test "check: a baseline of something else is refused, unless forced" {
	recording flat >"$T/rec"
	run -0 "$HT" check --quiet --save-baseline "$T/base" "$T/rec"
	local other
	for other in command=nginx provider=libjemalloc.so.2 'libc=glibc 2.41' arch=aarch64; do
		recording flat "$other" >"$T/other"
		run -2 --separate-stderr "$HT" check --baseline "$T/base" "$T/other"
		error_matches "baseline '$T/base' is of .*, not '${other#*=}'.*--force"
		[ -z "$output" ]
		check_file 0 PASS --baseline "$T/base" --force "$T/other"
	done
	recording flat seconds=20 interval=0.1 iterations=100 >"$T/work"
	run -2 --separate-stderr "$HT" check --iterations --baseline "$T/base" "$T/work"
	error_matches "by time.*by iterations"
	run -2 --separate-stderr "$HT" check --baseline "$T/none" "$T/rec"
	error_matches "cannot read '$T/none'"
	echo '{"schema":1}' >"$T/json"
	run -2 --separate-stderr "$HT" check --baseline "$T/json" "$T/rec"
	error_matches 'no baseline'
	sed 's/"schema": 1/"schema": 9/' "$T/base" >"$T/future"
	run -2 --separate-stderr "$HT" check --baseline "$T/future" "$T/rec"
	error_matches newer
}

@test "check: an inconclusive check saves no baseline" {
	recording flat seconds=20 >"$T/rec"
	run -4 --separate-stderr "$HT" check --quiet --save-baseline "$T/base" "$T/rec"
	error_matches 'not written'
	[ ! -e "$T/base" ]
}

# ---- files that are none ----

@test "check: a recording cut off at any byte is read up to its last full line" {
	recording leak end=exited >"$T/rec"
	local size cut
	size=$(stat -c %s "$T/rec")
	for cut in $((size - 1)) $((size - 40)) $((size - 300)); do
		head -c "$cut" "$T/rec" >"$T/cut"
		check_file 1 GROWTH "$T/cut"
	done
	head -c 3000 "$T/rec" >"$T/cut"
	check_file 4 INCONCLUSIVE "$T/cut"
	head -n 1 "$T/rec" >"$T/cut"
	check_file 3 'NOT OBSERVED' "$T/cut"
	head -c 100 "$T/rec" >"$T/cut"
	usage_error "'$T/cut' is no recording" "$T/cut"
}

@test "check: empty, foreign, damaged and future files are refused, and said why" {
	: >"$T/empty"
	run -3 --separate-stderr "$HT" check --quiet "$T/empty"
	error_matches "'$T/empty' is empty"
	usage_error "cannot read '$T/none': no such file" "$T/none"
	usage_error "cannot read '$T': " "$T"
	usage_error 'is no recording.*--' "$HT"
	usage_error 'is no recording' "$P/nothing"
	"$HT" run --quiet --json "$T/json" -- "$P/nothing"
	usage_error 'is no recording' "$T/json"
	recording flat >"$T/rec"
	sed 's/"schema":1/"schema":2/' "$T/rec" >"$T/future"
	usage_error "from a newer heaptally" "$T/future"
	sed '50s/.*/{"type":"sample",/' "$T/rec" >"$T/damaged"
	usage_error "'$T/damaged' is damaged: line 50 " "$T/damaged"
	sed '50s/:1/:\x00/' "$T/rec" >"$T/nul"
	usage_error 'line 50 ' "$T/nul"
	{
		cat "$T/rec"
		head -c 3000000 /dev/zero | tr '\0' 'x'
		echo
	} >"$T/long"
	usage_error 'line 123 ' "$T/long"
	# what a newer version adds to the same schema is skipped
	sed '20i{"type":"weather","sun":true}' "$T/rec" >"$T/newer"
	check_file 0 PASS "$T/newer"
}

@test "check: series of one sample, of none, and with values that no counter has" {
	recording flat seconds=1 >"$T/one"
	check_file 4 INCONCLUSIVE "$T/one"
	recording flat | grep -v sample >"$T/none"
	check_file 3 'NOT OBSERVED' "$T/none"
	recording flat | sed 's/"\/heap\/live:bytes":[0-9]*/"\/heap\/live:bytes":-5/' >"$T/negative"
	check_file 3 'NOT OBSERVED' "$T/negative"
	recording flat | sed 's/"\/heap\/live:bytes":[0-9]*/"\/heap\/live:bytes":18446744073709551615/' >"$T/huge"
	run "$HT" check --quiet "$T/huge"
	[ "$status" -le 4 ]
}

@test "check: a clock that steps" {
	# the wall clock may
	recording leak | awk 'NR > 60 { sub("2026-01-31", "2001-01-31") } 1' >"$T/wall"
	check_file 1 GROWTH "$T/wall"
	# the other cannot, unless somebody put files together
	{
		recording flat
		recording flat | grep sample
	} >"$T/back"
	run -4 "$HT" check --quiet "$T/back"
	[[ $output == *"time goes backwards"* ]]
}

@test "check: hostile names are escaped" {
	recording leak command='a\\u001b[31mb' >"$T/rec"
	run -1 "$HT" check "$T/rec"
	[[ $output != *$'\e'* ]]
	[[ $output == *'a\x1b[31mb'* ]]
}

# ---- live: a command ----

# 120 units of work, marked, of 15 ms each: about two seconds.
@test "check: a command by its work" {
	run -0 --separate-stderr bounded "$HT" check --iterations -- "$P/iterate" flat 120
	[[ $stderr == "PASS:"* ]]
	[ "$output" = ready ]
	[ -z "$(ls -A "$TMPDIR")" ]
	run -1 --separate-stderr bounded "$HT" check --iterations -- "$P/iterate" blocks 120
	[[ $stderr == "GROWTH:"*"live bytes"*iteration* ]]
	run -1 --separate-stderr bounded "$HT" check --iterations --quiet -- "$P/iterate" threads 120
	[[ $stderr == "GROWTH:"* ]]
	run -0 --separate-stderr bounded "$HT" check --iterations -- "$P/iterate" step 120
	[[ $stderr == "STEP:"* ]]
}

@test "check: what failed is kept, to be judged again" {
	run -1 --separate-stderr bounded "$HT" check --iterations -- "$P/iterate" blocks 120
	kept=$(echo "$TMPDIR"/heaptally-check.*.jsonl)
	[[ $stderr == *"'$kept'"* ]]
	check_file 1 GROWTH --iterations "$kept"
	# and with -o it stays anyway
	run -0 bounded "$HT" check -q --iterations -o "$T/rec" -- "$P/iterate" flat 120
	check_file 0 PASS --iterations "$T/rec"
	run -2 --separate-stderr bounded "$HT" check -o "$T/rec" -- "$P/iterate" flat 120
	error_matches "'$T/rec' exists.*--force"
	run -0 bounded "$HT" check -q --force --iterations -o "$T/rec" -- "$P/iterate" flat 120
}

@test "check: a command that fails is no success, whatever its memory does" {
	run -134 --separate-stderr bounded "$HT" check --iterations -- "$P/iterate" crash 120
	[[ $stderr == "PASS:"* ]]
	[[ $stderr == *"signal 6"* ]]
	run -5 --separate-stderr bounded "$HT" check --limits-only --max-live 1G -- "$P/nothing" 5
	[[ $stderr == "PASS:"* ]]
	# ours comes first
	run -4 bounded "$HT" check -q -- sh -c 'sleep 0.5; exit 9'
}

@test "check: never green without having seen anything" {
	run -3 --separate-stderr "$HT" check --junit "$T/xml" -- no-such-command
	error_matches "cannot run 'no-such-command'"
	[[ $stderr == *"NOT OBSERVED:"* ]]
	[ -s "$T/xml" ]
	run -3 --separate-stderr "$HT" check -- "$P/nothing"
	[[ $stderr == *"NOT OBSERVED:"* ]]
	HEAPTALLY=off run -3 --separate-stderr "$HT" check -- sleep 0.3
	[[ $stderr == *"NOT OBSERVED:"* ]]
	if "${CC:-cc}" -static -o "$T/static" "$ROOT/tests/programs/static_hold.c"; then
		run -3 --separate-stderr "$HT" check -- "$T/static" </dev/null
		[[ $stderr == *"NOT OBSERVED:"*static* ]]
		# nor behind a shell that was seen
		run -3 --separate-stderr bounded "$HT" check --limits-only --max-live 1G -- \
			sh -c 'exec "$0"' "$T/static" < <(sleep 0.5)
	fi
	# but a wrapper's own image is not the command
	for iterations in 5 120; do
		want=$((iterations == 5 ? 4 : 0))
		run "-$want" --separate-stderr bounded "$HT" check --iterations -- \
			sh -c 'exec "$0" flat "$1"' "$P/iterate" "$iterations"
	done
	run -3 --separate-stderr "$HT" check 999999999
	error_matches 999999999
	start -n "$P/hold"
	run -3 --separate-stderr "$HT" check "$PID"
	error_matches "$PID"
}

@test "check: a signal ends the watching, and what was seen is judged" {
	start "$P/hold" 100
	"$HT" check --limits-only --max-live 1G -o "$T/rec" "$PID" >"$T/out" 2>&1 3>&- &
	STARTED+=("$!")
	wait_until grep -qs sample "$T/rec"
	kill -INT "${STARTED[-1]}"
	wait "${STARTED[-1]}"
	grep -q ^PASS: "$T/out"
	is_in_state "$PID" S
}

@test "check: its time is up" {
	run -4 --separate-stderr bounded "$HT" check -d 0.5 -- sh -c 'sleep 50 & sleep 51'
	[[ $stderr == *"stopped when its time was up"* ]]
	[ -z "$(ls -A "$D")" ]
	start "$P/hold" 100
	run -4 --separate-stderr bounded "$HT" check --duration 0.3s "$PID"
	[[ $output == "INCONCLUSIVE:"* ]]
	is_in_state "$PID" S
}

@test "check: growth is confirmed by most of the runs, or is none" {
	run -1 --separate-stderr bounded "$HT" check --iterations --repeat 3 -o "$T/rec" -- "$P/iterate" blocks 120
	[[ $stderr == *"run 1 of at most 3: GROWTH"*"GROWTH:"* ]]
	[ -e "$T/rec" ] && [ -e "$T/rec.2" ] && [ ! -e "$T/rec.3" ]
	# only the first time
	run -0 --separate-stderr bounded "$HT" check --iterations --repeat 3 -- \
		sh -c 'if [ -e "$1" ]; then how=flat; else how=blocks; fi; : >"$1"; exec "$0" $how 120' \
		"$P/iterate" "$T/flag"
	[[ $stderr == *"STEP:"* ]]
	# without growth once is enough
	run -0 --separate-stderr bounded "$HT" check --iterations --repeat 3 -o "$T/flat" -- "$P/iterate" flat 120
	[ ! -e "$T/flat.2" ]
}

# ---- what cannot be ----

@test "check: options that do not go together, both named" {
	recording flat >"$T/rec"
	local option
	for option in '--duration 5' '--interval 1' '--repeat 2' '--output x' --no-follow '--name x'; do
		# shellcheck disable=SC2086
		usage_error "${option%% *} and a FILE" $option "$T/rec"
	done
	usage_error '--name and a COMMAND' --name x -- true
	usage_error '--name and a PID' --name x 1
	usage_error '--warmup 60 .*--duration 30' --warmup 60 --duration 30 1
	usage_error '--cycle 10 .*--duration .*120.* not 30' --cycle 10 --duration 30 1
	usage_error '--min-samples 500 .*--duration 30 .*--interval 1' --min-samples 500 --duration 30 -i 1 1
	usage_error '--json and --junit.*-' --json - --junit - "$T/rec"
	for option in --iterations '--warmup 1' '--cycle 5' '--min-samples 9' '--confidence 90' \
		--strict '--max-growth 1/s' "--baseline $T/rec" '--save-baseline x'; do
		# shellcheck disable=SC2086
		usage_error "--limits-only and ${option%% *} " --limits-only --max-live 1 $option "$T/rec"
	done
	usage_error 'no limit' --limits-only "$T/rec"
}

@test "check: arguments that are none" {
	local wrong
	for wrong in '--max-live 5X' '--max-live -1' '--max-live MiB' '--max-peak 1e30' \
		'--max-objects 0' '--max-threads x' '--max-growth 5' '--max-growth 5/fortnight' \
		'--max-growth M/s' '--return-to 0' '--confidence 49' '--confidence 100' \
		'--duration 0' '--duration x' '--warmup -1' '--duration 9999d'; do
		# shellcheck disable=SC2086
		usage_error "${wrong%% *}: '${wrong#* }' is" $wrong 1
	done
}

# ---- the statistics ----

@test "check: verdicts on synthetic series are as promised" {
	run -0 make -s -C "$ROOT" calibration
	run -0 "$ROOT/build/calibrate/calibrate" 30
	[[ $output != *MISSED* ]]
	[ "${#lines[@]}" -ge 20 ]
}

@test "check: a recording of a day is below 50 MB, and judged" {
	recording leak seconds=86400 >"$T/day"
	(($(stat -c %s "$T/day") < 50000000))
	check_file 1 GROWTH "$T/day"
}
