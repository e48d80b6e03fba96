#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2030,SC2031,SC2153,SC2154 # each test is its own shell, on purpose
# Threads made by others than pthread_create's callers; what the kernel says.

load helpers
setup() { private_directory; }
teardown() { clean_up; }

kernel_threads() { sed -n 's/^Threads:[[:space:]]*//p' "/proc/$1/status"; }
live_threads() { field "$1" '.metrics."/threads/live:threads"' "$T/json"; }

# ---- libraries that make threads ----

@test "std::thread and std::async" { like_oracle "$P/threads_std"; }

@test "OpenMP: a team of four, asked for twice" {
	"${CC:-cc}" -fopenmp -O0 -fno-builtin -o "$T/team" -x c - 2>"$T/err" <<-'EOF' ||
		#include <omp.h>
		#include <stdio.h>
		#include <stdlib.h>
		#include <unistd.h>
		int main(void)
		{
			int sum = 0;
			for (int round = 0; round < 2; round++) {
				#pragma omp parallel for num_threads(4) reduction(+:sum) schedule(static, 1)
				for (int i = 0; i < 400; i++) {
					char *p = malloc(1 + i);
					sum += p != NULL;
					free(p);
				}
			}
			printf("pid %d\n/threads/started:threads 3\n"
			       "/threads/exited:threads 0\n/threads/live:threads 4\n"
			       "/threads/peak:threads 4\n", (int)getpid());
			fflush(stdout);
			while (getchar() != EOF)
				;
			return sum != 800;
		}
	EOF
		skip "no OpenMP to compile with: $(head -n 1 "$T/err")"
	export GOMP_SPINCOUNT=0 OMP_DYNAMIC=false
	like_oracle "$T/team" </dev/null
	run -0 jq '.processes[0].metrics."/heap/frees:objects" >= 800' "$T/json"
	[ "$output" = true ]
	start "$T/team"
	"$HT" stat --json "$PID" >"$T/json"
	agrees "$OUT" "$T/json"
	[ "$(kernel_threads "$PID")" = 4 ]
	finish
	[ "$STATUS" = 0 ]
}

# libc's own threads come and go by a clock: how many allocate, and what, is
# told by count_shim; that those are seen which run the program's function,
# by the program.
by_libc() { # KIND LEAST: at least LEAST threads are seen
	"$P/threads_libc" "$1" >"$T/plain" || [ "$?" = 77 ] || fail "without us" || return 1
	[ -s "$T/plain" ] || skip "not to be had here"
	bounded "$HT" run --quiet --json "$T/json" -- "$P/threads_libc" "$1" >"$T/out"
	diff <(grep -v ^pid "$T/plain") <(grep -v ^pid "$T/out") || return 1
	oracle "$T/expected" "$P/threads_libc" "$1" || return 1
	run -0 jq -r '.processes | select(length == 1)[0].metrics |
		"\(."/heap/allocs:objects") \(."/heap/allocs:bytes") \(."/threads/started:threads")"' \
		"$T/json"
	read -r objects bytes started <<<"$output"
	grep -qx "/heap/allocs:objects $objects" "$T/expected" || fail "$objects objects" || return 1
	grep -qx "/heap/allocs:bytes $bytes" "$T/expected" || fail "$bytes bytes" || return 1
	[ "$started" -ge "$2" ] || fail "$started threads"
}
@test "aio_read: done, and counted as ever" { by_libc aio 0; }
@test "aio_read that notifies by a thread: that is seen" { by_libc aio_notify 1; }
@test "getaddrinfo_a: its thread is seen" { by_libc getaddrinfo_a 1; }
@test "mq_notify by a thread: that is seen" { by_libc mq_notify 1; }

# ---- bare threads ----

@test "bare clone threads that never allocate disturb nothing" {
	exactly "$P/threads_raw" silent
}
@test "bare clone threads on their creator's storage count as that" {
	exactly "$P/threads_raw" borrowed
}
@test "bare clone threads with storage of their own are seen when they allocate" {
	run "$P/threads_raw" own
	[ "$status" = 0 ] || skip "no way to make such a thread: $output"
	exactly "$P/threads_raw" own
}

# ---- at rest, as the kernel counts ----

@test "twelve threads left of many: as many as the kernel counts" {
	start "$P/threads_rest"
	"$HT" stat --json "$PID" >"$T/json"
	agrees "$OUT" "$T/json"
	[ "$(live_threads "$PID")" = "$(kernel_threads "$PID")" ]
	finish
	[ "$STATUS" = 0 ]
}

@test "the main thread has left: one less than the kernel, which keeps a zombie" {
	start "$P/threads_rest" main
	wait_until is_in_state "$PID" Z
	"$HT" stat --json "$PID" >"$T/json"
	agrees "$OUT" "$T/json"
	[ "$(live_threads "$PID")" = "$(($(kernel_threads "$PID") - 1))" ]
	finish
	[ "$STATUS" = 0 ]
}

@test "threads that ended by a bare system call: live is what the kernel says" {
	start "$P/threads_rest" raw
	"$HT" stat --json "$PID" >"$T/json"
	kernel=$(kernel_threads "$PID")
	[ "$kernel" = 13 ]
	agrees "$OUT" "$T/json"
	[ "$(live_threads "$PID")" = "$kernel" ]
	"$HT" list --json >"$T/json"
	[ "$(live_threads "$PID")" = "$kernel" ]
	finish
	[ "$STATUS" = 0 ]
}

@test "a thousand threads at once, beside the kernel's count" {
	start "$P/threads_crowd" 1000 hold
	wait_until grep -q /threads/peak "$OUT"
	"$HT" stat --json "$PID" >"$T/json"
	agrees "$OUT" "$T/json"
	[ "$(live_threads "$PID")" = "$(kernel_threads "$PID")" ]
	[ "$(live_threads "$PID")" = 1001 ]
	finish
	[ "$STATUS" = 0 ]
}
