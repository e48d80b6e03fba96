#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2030,SC2031,SC2153 # each test is its own shell, on purpose
# Many threads: totals stay exact, threads are counted, the peak is within
# its slack.

load helpers
setup() { private_directory; }
teardown() { clean_up; }

@test "a few threads, own blocks" { exactly "$P/threads_random" 4 20000 own; }
@test "a few threads, each other's blocks" { exactly "$P/threads_random" 4 20000 cross; }
@test "64 threads, 100,000 random operations each" {
	exactly "$P/threads_random" 64 100000 own
}
@test "64 threads, 100,000 operations each on each other's blocks" {
	exactly "$P/threads_random" 64 100000 cross
}
@test "producers and consumers: what one allocates another frees" {
	exactly "$P/producer_consumer" 1 5000
	exactly "$P/producer_consumer" 20 1000
}

@test "thread churn: 100,000 threads, joined" {
	exactly "$P/threads_churn" 100000 join
}
@test "thread churn: 20,000 threads, detached" {
	exactly "$P/threads_churn" 20000 detach
}
@test "thread churn: 5,000 threads by thrd_create" {
	exactly "$P/threads_churn" 5000 c11
}

@test "churn does not eat slots: they are recycled" {
	LD_PRELOAD=$LIB HEAPTALLY_KEEP=1 "$P/threads_churn" 3000 join >"$T/out"
	# slots_hwm of the header: main and one more beside the shared ones
	run -0 od -An -tu4 -j516 -N4 "$D"/heaptally.*
	[ "$((output))" -le $((16 + 8)) ]
}

@test "more threads than rows: 200 on 16" {
	HEAPTALLY_SLOTS=16 exactly "$P/threads_crowd" 200
	HEAPTALLY_SLOTS=1 exactly "$P/threads_crowd" 50
	HEAPTALLY_SLOTS=16 exactly "$P/threads_random" 64 10000 cross
}

@test "5,000 threads at once" {
	export GLIBC_TUNABLES=glibc.pthread.stack_cache_size=2000000000
	exactly "$P/threads_crowd" 5000
}

@test "5,000 threads at once, read while they live" {
	start "$P/threads_crowd" 5000 hold
	wait_until grep -q /threads/peak "$OUT"
	"$HT" stat --json "$PID" >"$T/json"
	agrees "$OUT" "$T/json"
	run -0 field "$PID" '.metrics."/threads/live:threads"' "$T/json"
	[ "$output" = 5001 ]
	run -0 sh -c "ls /proc/$PID/task | wc -l"
	[ "$output" = 5001 ]
	finish
	[ "$STATUS" = 0 ]
}

@test "cancelled at a cancellation point" { like_oracle "$P/threads_cancel" deferred; }
@test "cancelled anywhere" { like_oracle "$P/threads_cancel" async; }
@test "ended by pthread_exit" { like_oracle "$P/threads_cancel" exit; }
@test "main leaves by pthread_exit, another goes on" {
	like_oracle "$P/threads_cancel" main
}

@test "threads on PTHREAD_STACK_MIN" { exactly "$P/threads_min_stack"; }
@test "pthread_create refused: nothing counted, nothing leaked" {
	exactly "$P/threads_refused" 20000
}
@test "threads of a SIGEV_THREAD timer are seen" { like_oracle "$P/threads_timer"; }

@test "key destructors that allocate, in all rounds, with a second-level table" {
	exactly "$P/threads_keys"
}
@test "what libc frees after the last destructor" { like_oracle "$P/threads_late"; }
@test "C++: thread_local, static, exceptions" { like_oracle "$P/after_main_cxx"; }

@test "the peak of many threads is within its slack" {
	exactly "$P/threads_peak" 2 100
	exactly "$P/threads_peak" 16 1000
	exactly "$P/threads_peak" 64 20000
	exactly "$P/threads_peak" 100 24
}

@test "the slack is published with threads, and 0 without" {
	exactly "$P/threads_peak" 8 1000
	run -0 jq '.processes[0].metrics."/heap/peak/slack:bytes" > 0' "$T/json"
	[ "$output" = true ]
	exactly "$P/peak" hill # its report demands a slack of 0
}

@test "a thread nobody announced: what the first one frees counts for the peak" {
	bounded "$HT" run --quiet --json "$T/json" -- "$P/threads_seed" >"$T/out"
	run -0 field "$(sed -n 's/^pid //p' "$T/out")" \
		'.metrics | (."/heap/peak:bytes" - 67108864 | fabs) < 2 * 1048576 + ."/heap/peak/slack:bytes"' "$T/json"
	[ "$output" = true ] || fail "$(jq -c .processes[0].metrics "$T/json")"
}
