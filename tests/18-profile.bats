#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2030,SC2031,SC2153,SC2154 # each test is its own shell, on purpose
# --profile=go: a process under the names of Go's runtime; and what is said
# of values that are not there.

load helpers

setup() { private_directory; }
teardown() { clean_up; }

# go NAME: that value of $PID in $T/json, "null" where it is left out.
go() { field "$PID" ".go.\"$1\"" "$T/json"; }

@test "stat --profile=go: the names of MemStats, with the values of stat" {
	start "$P/hold" 100
	"$HT" stat --profile=go --json "$PID" >"$T/json"
	"$HT" stat --json "$PID" >"$T/native"
	while read -r name key; do
		[ "$(go "$name")" = "$(field "$PID" ".metrics.\"$key\"" "$T/native")" ] || fail "$name: $(go "$name")"
	done <<-PAIRS
		Alloc /heap/live:bytes
		HeapAlloc /heap/live:bytes
		TotalAlloc /heap/allocs:bytes
		Mallocs /heap/allocs:objects
		Frees /heap/frees:objects
		HeapObjects /heap/live:objects
		Sys /process/private-mapped:bytes
		NumGoroutine /threads/live:threads
		NumCPU /sched/cpus:cpus
		GOMAXPROCS /sched/processors:threads
	PAIRS
	[ "$(go Mallocs)" -ge 100 ]
	# the sizes add up to the counters, as Go's rule is
	[ "$(field "$PID" '[.go.BySize[].Mallocs] | add' "$T/json")" = "$(go Mallocs)" ]
	[ "$(field "$PID" '[.go.BySize[].Frees] | add' "$T/json")" = "$(go Frees)" ]
	run -0 field "$PID" '[.command, .state, .coverage] | join(" ")' "$T/json"
	[ "$output" = "hold live full" ]
}

@test "each zero is one that the table explains, and each name is in it" {
	start "$P/hold" 1
	"$HT" stat --profile=go --json "$PID" >"$T/json"
	"$HT" metrics --profile=go --json >"$T/table"
	jq -e '.schema == 1 and (.go | length) > 30' "$T/table"
	jq -r '.go[] | select(.zero) | .name' "$T/table" | sort >"$T/zeros"
	field "$PID" '.go | to_entries[] | select(.value == 0) | .key' "$T/json" | sort >"$T/found"
	# Frees and the like may be 0 in truth: they have a key.
	jq -r '.go[] | select(.key and (.zero | not)) | .name' "$T/table" | sort >"$T/real"
	[ -z "$(comm -23 "$T/found" <(sort "$T/zeros" "$T/real"))" ]
	[ -z "$(comm -23 "$T/zeros" "$T/found")" ]
	# nothing is left out without a reason, nothing shown that is not listed
	jq -r '.go[].name' "$T/table" | sort >"$T/names"
	[ -z "$(uniq -d "$T/names")" ]
	[ -z "$(field "$PID" '.go | keys[]' "$T/json" | sort | comm -23 - "$T/names")" ]
	run -0 jq -r '.go[] | select((.note // .zero // .false // .left_out // "") == "") | .name' "$T/table"
	[ -z "$output" ]
	for name in MSpanInuse MCacheSys GCSys Lookups NumCgoCall NumGC; do grep -qx "$name" "$T/zeros" || fail "$name"; done
	[ "$(go EnableGC) $(go DebugGC)" = "false false" ]
	for name in NextGC GCCPUFraction PauseNs NumForcedGC; do
		[ "$(go "$name")" = null ] || fail "$name"
		jq -e --arg name "$name" '.go[] | select(.name == $name) | .left_out' "$T/table"
	done
}

@test "every key of the Go table is a metric, or is not there yet" {
	"$HT" metrics --json | jq -r '.metrics[].key' | sort >"$T/keys"
	"$HT" metrics --profile=go --json | jq -r '.go[] | select(.key) | .key' | sort -u >"$T/used"
	# what the registry lacks may only be an allocator's, a stack's or a collector's
	run comm -23 "$T/used" "$T/keys"
	while read -r key; do
		case $key in
		"" | /heap/sys:bytes | /heap/idle:bytes | /heap/in-use:bytes | /heap/released:bytes | \
			/threads/stack/*:bytes | /gc/*) ;;
		*) fail "$key" ;;
		esac
	done <<<"$output"
}

@test "the Go profile as text: a line for each, and the same numbers" {
	start "$P/hold" 10
	"$HT" stat --profile=go --json "$PID" >"$T/json"
	run -0 --separate-stderr "$HT" stat --profile=go "$PID"
	[ -z "$stderr" ]
	[[ ${lines[0]} == "$PID hold: live"* ]]
	for name in Alloc TotalAlloc Mallocs Frees HeapObjects Lookups NumGoroutine EnableGC; do
		grep -qE "^  $name +$(go "$name")\$" <<<"$output" || fail "$name"
	done
	run -0 --separate-stderr "$HT" metrics --profile=go
	[[ ${lines[0]} == GO* ]]
	grep -qE '^MSpanInuse +0 +.*no native twin' <<<"$output"
	grep -qE '^NextGC +- ' <<<"$output"
	grep -qE '^HeapAlloc +/heap/live:bytes ' <<<"$output"
}

@test "the Go profile of one whose heap is not seen has no heap" {
	cp "$ROOT/tests/golden/abi1.segment" "$D/heaptally.2147483632.4711"
	PID=2147483632
	printf '\0' | dd of="$D/heaptally.2147483632.4711" bs=1 seek=304 conv=notrunc status=none # coverage: none
	"$HT" stat --profile=go --json "$PID" >"$T/json"
	[ "$(go Alloc) $(go Mallocs) $(go BySize)" = "null null null" ]
	[ "$(go NumGoroutine)" = 6 ]
}

@test "profiles: a wrong name, and what they exclude" {
	start "$P/hold"
	for command in stat metrics; do
		run -2 --separate-stderr "$HT" $command --profile=rust
		[ -z "$output" ]
		error_matches "unknown profile 'rust'.*'native' and 'go'"
	done
	run -2 --separate-stderr "$HT" stat --profile=go -m /heap/live:bytes "$PID"
	[ -z "$output" ]
	error_matches "profile.*metric"
	run -2 --separate-stderr "$HT" metrics --profile=go --markdown
	[ -z "$output" ]
	error_matches "profile=go and --markdown"
	run -0 "$HT" metrics --profile=native
	diff <("$HT" metrics) <(printf '%s\n' "$output")
	run -0 "$HT" stat --profile=native "$PID"
	[[ $output == *"/heap/live:bytes"* ]]
}

# ---- what is not there, and why ----

# reason KEY: of $PID in $T/json
reason() { field "$PID" ".unavailable.\"$1\"" "$T/json"; }

@test "what a process has no limit of is unavailable, with a reason" {
	start bash -c 'ulimit -v unlimited; exec "$0"' "$P/hold"
	"$HT" stat --json "$PID" >"$T/json"
	[ "$(reason /process/max-virtual:bytes)" = "not set, or not told by /proc/$PID/limits" ]
	[ "$(field "$PID" '.metrics | has("/process/max-virtual:bytes")' "$T/json")" = false ]
	# every metric is either there or unavailable, none is both
	jq -r --argjson pid "$PID" '.processes[] | select(.pid == $pid) | (.metrics, .unavailable) | keys[]' "$T/json" |
		sort >"$T/told"
	"$HT" metrics --json | jq -r '.metrics[].key' | sort >"$T/keys"
	[ -z "$(uniq -d "$T/told")" ]
	[ -z "$(comm -13 "$T/keys" "$T/told")" ]
	[ "$(comm -23 "$T/keys" "$T/told" | grep -vcE '^/(heap|gc|sync|cpu/allocator|heaptally)')" = 0 ]
	run -3 --separate-stderr "$HT" stat -m /process/max-virtual:bytes "$PID"
	[ "$stderr" = "heaptally: $PID (hold): '/process/max-virtual:bytes' is not available there: not set, or not told by /proc/$PID/limits" ]
}

@test "without permission: the reason names the file, the rest is shown" {
	need_root
	chmod 1777 "$D"
	install -m 0111 "$P/hold" "$D/closed"
	start -n setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all -- \
		env LD_PRELOAD="$LIB" HEAPTALLY_DIR="$D" "$D/closed"
	as_nobody "$HT" stat --json "$PID" >"$T/json"
	while read -r key file; do
		[ "$(reason "$key")" = "no permission to read /proc/$PID/$file" ] || fail "$key: $(reason "$key")"
	done <<-FILES
		/io/read:bytes io
		/io/disk/written:bytes io
		/process/open-fds:fds fd
		/process/proportional:bytes smaps_rollup
		/process/private-mapped:bytes maps
	FILES
	[ "$(field "$PID" '.metrics."/heap/live:objects" > 300' "$T/json")" = true ]
	run -3 --separate-stderr as_nobody "$HT" stat -m /io/read:bytes -m /heap/live:objects "$PID"
	[ "$(grep -c . <<<"$output")" = 1 ]
	error_matches "'/io/read:bytes' is not available there: no permission to read /proc/$PID/io"
}

@test "one that has ended is told by its state, not by a list of what is missing" {
	start "$P/hold"
	kill -KILL "$PID"
	wait "$PID" || [ "$?" = 137 ]
	"$HT" stat --json "$PID" >"$T/json"
	run -0 field "$PID" '[.state, has("unavailable"), (.metrics | has("/cpu/user:cpu-seconds")), .metrics."/heap/live:objects" > 300] | join(" ")' "$T/json"
	[ "$output" = "killed false false true" ]
	run -3 --separate-stderr "$HT" stat -m /cpu/user:cpu-seconds "$PID"
	error_matches "is not available there: the process has ended"
}

@test "a process that is killed while it is watched: its final state, marked" {
	start "$P/hold" 100
	"$HT" watch --json -i 0.05 "$PID" >"$T/watch" 2>"$T/err" 3>&- &
	watcher=$!
	STARTED+=("$watcher")
	wait_until file_has "$T/watch"
	live=$("$HT" stat -m /heap/live:bytes "$PID")
	kill -KILL "$PID"
	wait "$watcher"
	run -0 jq -c --argjson pid "$PID" '.processes[0] | [.pid == $pid, .state, .metrics."/heap/live:bytes", (.metrics | has("/cpu/user:cpu-seconds"))]' <(tail -n 1 "$T/watch")
	[ "$output" = "[true,\"killed\",$live,false]" ]
	run -0 jq -r '.processes[0].state' "$T/watch"
	[ "$(sort -u <<<"$output" | tr '\n' ' ')" = "killed live " ]
}
