#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2030,SC2031,SC2153 # each test is its own shell, on purpose
# Signals, fork, exec and every way to end; and nothing the target can see.

load helpers
setup() { private_directory; }
teardown() { clean_up; }

segments() { find "$D" -name "heaptally.$1.*" | wc -l; }

# ---- signals ----

@test "10 kHz of signals, handler and main both refused" {
	exactly "$P/signal_storm" failures 5000
}
@test "10 kHz of signals, the handler allocates" {
	exactly "$P/signal_storm" handler 5000
}
@test "10 kHz of signals, handler and main both allocate" {
	# glibc's allocator would deadlock or break: another stands behind us
	export LD_PRELOAD=$P/bump_shim.so
	exactly "$P/signal_storm" both 5000
	run -0 jq -r '.processes[0].provider' "$T/json"
	[[ $output != glibc* ]]
}

# ---- before and after main ----

@test "constructor, atexit and destructor of the program" { exactly "$P/after_main"; }

@test "a constructor that runs before libc's own" {
	"${CC:-cc}" -shared -fPIC -Wl,-z,initfirst -o "$T/first.so" \
		"$ROOT/tests/programs/first_shim.c"
	LD_PRELOAD=$T/first.so exactly "$P/family" malloc
}

@test "a library's destructor that runs after ours" {
	# linked by the program, so that it is finished later than a preload
	"${CC:-cc}" -o "$T/late" -x c - -x none -Wl,--no-as-needed \
		"$P/late_shim.so" <<<'int main(void) { return 0; }'
	exactly "$T/late"
	grep -q '^/heap/allocs:objects 7$' "$T/out"
	run -0 jq -r '.processes[0].state' "$T/json"
	[ "$output" = exited ]
}

# ---- fork ----

@test "a forked child inherits what is live, and the parent keeps its own" {
	exactly "$P/fork_inherit"
	[ "$(grep -c ^pid "$T/out")" = 2 ]
	parent=$(sed -n 's/^pid //p' "$T/out" | tail -n 1)
	child=$(sed -n 's/^pid //p' "$T/out" | head -n 1)
	run -0 field "$child" .parent_pid "$T/json"
	[ "$output" = "$parent" ]
	run -0 field "$child" '"\(.approximate) \(.metrics."/heap/live:objects") \(.metrics."/heap/live:bytes")"' "$T/json"
	[ "$output" = "false 0 0" ]
	run -0 jq '[.processes[].instance] | unique | length' "$T/json"
	[ "$output" = 2 ]
}

@test "a child that allocates nothing has no segment" {
	exactly "$P/fork_idle"
	run -0 jq '.processes | length' "$T/json"
	[ "$output" = 1 ]
	LD_PRELOAD=$LIB HEAPTALLY_KEEP=1 "$P/fork_idle" >"$T/out"
	[ "$(file_count "$D")" = 1 ]
}

@test "children of children" {
	exactly "$P/fork_deep" 6
	[ "$(grep -c ^pid "$T/out")" = 7 ]
}

@test "fork" { exactly "$P/fork_kinds" fork; }
@test "_Fork, which runs no handlers" {
	exactly "$P/fork_kinds" _Fork
	run -0 field "$(sed -n 's/^pid //p' "$T/out" | head -n 1)" .approximate "$T/json"
	[ "$output" = false ]
}
@test "raw clone" {
	exactly "$P/fork_kinds" clone
	inherited_by_guess
}
@test "raw fork" {
	exactly "$P/fork_kinds" SYS_fork
	inherited_by_guess
}
# The child reports first; its baseline is no certainty and says so.
inherited_by_guess() {
	run -0 field "$(sed -n 's/^pid //p' "$T/out" | head -n 1)" .approximate "$T/json"
	[ "$output" = true ]
	run -0 field "$(sed -n 's/^pid //p' "$T/out" | tail -n 1)" .approximate "$T/json"
	[ "$output" = false ]
}

@test "a child of a raw clone that frees what it inherited: no absurd peak" {
	"$HT" run --quiet --json "$T/json" -- "$P/fork_negative" >"$T/out"
	run -0 field "$(sed -n 's/^pid //p' "$T/out")" \
		'.metrics."/heap/peak:bytes" < 16777216 and .approximate' "$T/json"
	[ "$output" = true ]
}

@test "a signal handler forks, and the child returns into what it interrupted" {
	for kind in fork _Fork; do
		WANT_STATUS=0
		bounded "$HT" run --quiet -- "$P/fork_in_handler" "$kind" 300 3>&-
	done
}

@test "a handler forks while a thread starts: the child goes on in that thread" {
	for kind in fork _Fork; do
		[ "$(LD_PRELOAD=$LIB "$P/fork_in_new_thread" "$kind")" = "child exit 7" ]
	done
}

@test "a handler forks while a thread without a slot counts" {
	run -0 env LD_PRELOAD="$LIB" HEAPTALLY_SLOTS=1 "$P/fork_in_handler_shared" 500
	[ "$output" = "500 ended, 0 killed" ] || fail "$output"
	run -0 env LD_PRELOAD="$LIB" "$P/fork_in_handler_shared" 500
	[ "$output" = "500 ended, 0 killed" ] || fail "$output"
}

# Of each generation something stays for the next one, which must not pile up.
@test "a program that renews itself by forks grows no address space" {
	few=$(LD_PRELOAD=$LIB "$P/fork_generations" 5 | sed -n 's/^virtual //p')
	many=$(LD_PRELOAD=$LIB "$P/fork_generations" 100 | sed -n 's/^virtual //p')
	[ "$many" -le $((few + 1024)) ] || fail "$few KiB, later $many"
}

@test "vfork in a child that has not counted yet" {
	exactly "$P/fork_vfork"
	[ "$(grep -c ^pid "$T/out")" = 2 ]
}

@test "an untallied child in between: what its child inherited is a guess" {
	LD_PRELOAD=$LIB HEAPTALLY_KEEP=1 "$P/fork_gap" "$D" >"$T/out"
	pid=$(sed -n 's/^pid //p' "$T/out")
	"$HT" stat --json "$pid" >"$T/json"
	agrees "$T/out" "$T/json"
	run -0 field "$pid" .approximate "$T/json"
	[ "$output" = true ]
}

@test "fork out of a busy threaded process" {
	exactly "$P/fork_threads" 50
	[ "$(grep -c ^pid "$T/out")" = 51 ]
}

@test "a child that makes threads, of a parent that had some" {
	exactly "$P/fork_then_threads"
	[ "$(grep -c ^pid "$T/out")" = 2 ]
}

@test "HEAPTALLY_FORK=off: children are not tallied, the parent is" {
	HEAPTALLY_FORK=off "$HT" run --quiet --json "$T/json" -- \
		"$P/fork_inherit" >"$T/out"
	awk '/^pid/ { n++ } n == 2' "$T/out" >"$T/parent"
	agrees "$T/parent" "$T/json"
	run -0 jq '.processes | length' "$T/json"
	[ "$output" = 1 ]
	"$HT" run --quiet --no-follow --json "$T/json" -- "$P/fork_inherit" >"$T/out"
	awk '/^pid/ { n++ } n == 2' "$T/out" >"$T/parent"
	agrees "$T/parent" "$T/json"
	run -0 jq '.processes | length' "$T/json"
	[ "$output" = 1 ]
}

@test "the sum over a forked tree equals count_shim's" {
	"$HT" run --quiet --json "$T/json" -- "$P/fork_deep" 5 >/dev/null
	COUNT_SHIM_TREE=1 oracle "$T/expected" "$P/fork_deep" 5
	for key in /heap/allocs:objects /heap/allocs:bytes /heap/frees:objects /heap/frees:bytes; do
		sum=$(jq "[.processes[].metrics.\"$key\"] | add" "$T/json")
		grep -qx "$key $sum" "$T/expected" || fail "$key: $sum"
	done
}

# ---- children that share memory until exec ----

@test "vfork: the child's allocations are the parent's" { like_oracle "$P/spawn_kinds" vfork; }
@test "posix_spawn" { like_oracle "$P/spawn_kinds" posix_spawn; }
@test "system" { like_oracle "$P/spawn_kinds" system; }
@test "popen" { like_oracle "$P/spawn_kinds" popen; }

@test "children that end by _exit do not end the parent's tally" {
	start "$P/children_end"
	"$HT" stat --json "$PID" >"$T/json"
	agrees "$OUT" "$T/json"
	run -0 field "$PID" .state "$T/json"
	[ "$output" = live ]
	[ "$(file_count "$D")" = 1 ]
	finish
	[ "$STATUS" = 0 ]
}

# ---- exec ----

@test "exec: one segment per process, of the last image" {
	exactly "$P/exec_chain" 20
	LD_PRELOAD=$LIB HEAPTALLY_KEEP=1 "$P/exec_chain" 100 >"$T/out"
	[ "$(file_count "$D")" = 1 ]
	run -0 od -An -tu4 -j88 -N4 "$D"/heaptally.*
	[ "$((output))" = 100 ]
}

@test "exec into another program" {
	exactly "$P/exec_chain" 3 "$P/family" calloc
	run -0 jq -r '.processes[0].command' "$T/json"
	[ "$output" = family ]
}

@test "exec from a thread, while others allocate" {
	exactly "$P/exec_thread" "$P/family" calloc
	run -0 jq -r '[.processes[].command] | join(" ")' "$T/json"
	[ "$output" = family ]
}

@test "exec into a static program: replaced" {
	"${CC:-cc}" -static -o "$T/static_hold" "$ROOT/tests/programs/static_hold.c" ||
		skip "no static libc to link with"
	start "$P/exec_chain" 2 "$T/static_hold"
	"$HT" stat --json "$PID" >"$T/json"
	run -0 field "$PID" .state "$T/json"
	[ "$output" = replaced ]
	# what its last tallied image did is still known
	run -0 field "$PID" '.metrics."/heap/allocs:objects"' "$T/json"
	[ "$output" = 5 ]
	finish
	[ "$STATUS" = 0 ]
}

# ---- the end ----

ends() { # KIND STATUS STATE
	WANT_STATUS=$2 exactly "$P/ends" "$1"
	run -0 field "$(sed -n 's/^pid //p' "$T/out")" .state "$T/json"
	[ "$output" = "$3" ] || fail "state $output, want $3"
}
@test "end by return" { ends return 5 exited; }
@test "end by exit" { ends exit 5 exited; }
@test "end by exit in a thread" { ends thread 5 exited; }
@test "end by _exit" { ends _exit 5 exited; }
@test "end by quick_exit" { ends quick_exit 5 exited; }
@test "end of the main thread, with no other" { ends main_thread 0 exited; }
@test "end by abort" { ends abort 134 killed; }
@test "end by SIGSEGV" { ends segv 139 killed; }
@test "end by SIGKILL" { ends kill 137 killed; }
@test "end by SIGTERM" { ends term 143 killed; }

@test "without run: a clean exit leaves nothing, unless HEAPTALLY_KEEP" {
	LD_PRELOAD=$LIB "$P/family" malloc >/dev/null
	[ "$(file_count "$D")" = 0 ]
	LD_PRELOAD=$LIB "$P/ends" _exit >/dev/null || [ "$?" = 5 ]
	[ "$(file_count "$D")" = 0 ]
	LD_PRELOAD=$LIB "$P/fork_kinds" fork >/dev/null # the child ends by _exit
	[ "$(file_count "$D")" = 0 ]
	LD_PRELOAD=$LIB HEAPTALLY_KEEP=1 "$P/family" malloc >"$T/out"
	[ "$(file_count "$D")" = 1 ]
	pid=$(sed -n 's/^pid //p' "$T/out")
	"$HT" stat --json "$pid" >"$T/json"
	agrees "$T/out" "$T/json"
	run -0 field "$pid" .state "$T/json"
	[ "$output" = exited ]
}

@test "without run: a killed program is readable afterwards" {
	LD_PRELOAD=$LIB "$P/ends" kill >"$T/out" || [ "$?" = 137 ]
	pid=$(sed -n 's/^pid //p' "$T/out")
	"$HT" stat --json "$pid" >"$T/json"
	agrees "$T/out" "$T/json"
	run -0 field "$pid" .state "$T/json"
	[ "$output" = killed ]
}

@test "a killed parent is dead, though a child of its lives" {
	start "$P/orphan"
	wait "$PID" || [ "$?" = 137 ]
	child=$(sed -n 's/^child //p' "$OUT")
	kill -0 "$child"
	"$HT" stat --json "$PID" >"$T/json"
	run -0 field "$PID" .state "$T/json"
	[ "$output" = killed ]
	agrees "$OUT" "$T/json"
	exec {HOLD}>&- # clean_up closes it once more, which does no harm
	wait_until process_ended "$child"
}

# ---- what the target can see ----

@test "a target that closes all descriptors is counted on" {
	"$HT" run --quiet --json "$T/json" -- "$P/closes_fds" "$T/report"
	agrees "$T/report" "$T/json"
}

@test "a target that has closed all descriptors is still seen alive" {
	LD_PRELOAD=$LIB "$P/closes_fds" "$T/report" hold 3>&- &
	PID=$!
	STARTED+=("$PID")
	wait_until grep -qs /threads/peak "$T/report"
	"$HT" stat --json "$PID" >"$T/json"
	agrees "$T/report" "$T/json"
	run -0 field "$PID" .state "$T/json"
	[ "$output" = live ]
	kill "$PID"
	wait "$PID" || [ "$?" = 143 ]
	"$HT" stat --json "$PID" >"$T/json"
	run -0 field "$PID" .state "$T/json"
	[ "$output" = killed ]
}

@test "errno, dlerror, descriptors, signals, limits at main: as without us" {
	"$P/start_state" >"$T/without" 3>&-
	LD_PRELOAD=$LIB "$P/start_state" >"$T/with" 3>&-
	cmp "$T/without" "$T/with"
	grep -qx 'errno 0' "$T/with"
	grep -qx 'dlerror 0' "$T/with"
	"$HT" run --quiet -- "$P/start_state" >"$T/run" 3>&-
	cmp "$T/without" "$T/run"
}

@test "the same when descriptors 0, 1 or 2 are closed at the start" {
	for closed in 0 2; do
		eval "$P/start_state >'$T/without' $closed>&- 3>&-"
		eval "LD_PRELOAD=$LIB $P/start_state >'$T/with' $closed>&- 3>&-"
		cmp "$T/without" "$T/with"
		grep -qx "lowest $closed" "$T/with"
	done
	# with 1 closed there is nothing to print to but the status
	"$P/start_state" >&- 2>"$T/err" 3>&-
	LD_PRELOAD=$LIB "$P/start_state" >&- 2>"$T/err" 3>&-
	[ ! -s "$T/err" ]
}

@test "the environment is passed on as it is" {
	env -i A=1 LD_PRELOAD="$LIB" HEAPTALLY_DIR="$D" /usr/bin/env >"$T/with"
	printf 'A=1\nLD_PRELOAD=%s\nHEAPTALLY_DIR=%s\n' "$LIB" "$D" >"$T/want"
	cmp "$T/want" "$T/with"
}

@test "no system call of ours once main runs" {
	command -v strace >/dev/null || skip "needs strace"
	strace -o "$T/probe" /bin/true || skip "tracing is not allowed here"
	# what we add to a program that does nothing is our start and end
	extra() {
		strace -f -o "$T/plain" "$@" >/dev/null
		strace -f -o "$T/with" -E "LD_PRELOAD=$LIB" "$@" >/dev/null
		echo $(($(wc -l <"$T/with") - $(wc -l <"$T/plain")))
	}
	idle=$(extra "$P/nothing")
	busy=$(extra "$P/peak" random)
	[ "$idle" -gt 3 ] # it was there
	[ "$busy" -le $((idle + 2)) ] || fail "idle $idle, busy $busy"
}

@test "no thread and no descriptor of ours" {
	look() { find "/proc/$PID/task" "/proc/$PID/fd" -maxdepth 1 | sed "s/\b$PID\b/PID/g" | sort; }
	start -n "$P/hold"
	look >"$T/plain"
	finish
	start "$P/hold"
	look >"$T/with"
	grep -q libheaptally "/proc/$PID/maps"
	finish
	cmp "$T/plain" "$T/with"
	[ "$(grep -c '/task/' "$T/with")" = 1 ]
}
