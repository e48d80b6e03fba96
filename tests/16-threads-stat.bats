#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016,SC2030,SC2031,SC2153,SC2154 # each test is its own shell, on purpose
# Threads one by one, and their stacks: compared with what the program knows
# of its threads, with pthread_getattr_np, mincore and smaps.

load helpers
setup() { private_directory; }
teardown() { clean_up; }

look() { "$HT" stat --threads --json "$PID" >"$T/json"; }

# of_process EXPRESSION: of that snapshot.
of_process() { jq -r ".processes[0] | $1" "$T/json"; }

# metric NAME: of /threads/stack/NAME:bytes, "null" where it is absent.
metric() { of_process ".metrics.\"/threads/stack/$1:bytes\""; }

# The last report of threads_rows, without "done".
told() { tac "$OUT" | sed -n '2,/^pid /p' | tac; }
reports() { grep -c '^done$' "$OUT"; }
has_reports() { [ "$(reports)" -ge "$1" ]; }

# say LINE: to threads_rows; waits for its report.
say() {
	local before

	before=$(reports)
	printf '%s\n' "$1" >&"$HOLD"
	wait_until has_reports $((before + 1))
}

rows() { start "$P/threads_rows" "$@" && wait_until has_reports 1; }


# Every thread but the first is as the program says.
threads_agree() {
	told | sed -n 's/^thread //p' | sort >"$T/want"
	of_process ".pid as \$pid | .threads[] | select(.tid != \$pid)
		| \"\\(.tid) \\(.allocs_objects) \\(.frees_objects) \\(.net_bytes) \
\\(.stack_reserved_bytes) \\(.stack_resident_bytes) \\(.name)\"" | sort >"$T/got"
	diff "$T/want" "$T/got"
}

# What the kernel says of the main thread's stack: Size or Rss.
main_stack() {
	awk -v name="$1:" '/\[stack\]/ { inside = 1 }
		inside && $1 == name { print $2 * 1024; exit }' "/proc/$PID/smaps"
}

# The sums are those of the rows, and the first row is as the kernel has it.
sums_agree() {
	[ "$(metric reserved)" = "$(of_process '[.threads[].stack_reserved_bytes] | add')" ]
	[ "$(metric resident)" = "$(of_process '[.threads[].stack_resident_bytes] | add')" ]
	[ "$(metric cached)" = "$(told | awk '$1 == "cached" { print $2 }')" ]
	[ "$(of_process '.pid as $pid | .threads[] | select(.tid == $pid)
		| "\(.stack_reserved_bytes) \(.stack_resident_bytes)"')" = \
		"$(main_stack Size) $(main_stack Rss)" ]
}

# Rows and the rest make the totals.
totals_agree() {
	of_process '.metrics as $m | [.threads[], .threads_other]
		| "\(map(.allocs_objects) | add) \(map(.allocs_bytes) | add)
		   \(map(.frees_objects) | add) \(map(.frees_bytes) | add)" ==
		  "\($m."/heap/allocs:objects") \($m."/heap/allocs:bytes")
		   \($m."/heap/frees:objects") \($m."/heap/frees:bytes")"' >"$T/total"
	[ "$(cat "$T/total")" = true ] || fail "rows and others do not add up"
}

all_agree() {
	look
	threads_agree && sums_agree && totals_agree
}

# ---- counts ----

@test "each thread: its own allocs, frees and net, its name" {
	rows one:libc:0 two:libc:0 taker:libc:0
	all_agree
	[ "$(of_process '.threads[-1] | "\(.name) \(.net_bytes < 0)"')" = "taker true" ]
	[ "$(of_process '.threads | map(.net_bytes) | . == (sort | reverse)')" = true ]
	[ "$(of_process '.threads | all(.age_seconds >= 0 and .age_seconds < 60)')" = true ]
	[ "$(of_process '.start_time[:16] as $s | .threads | all(.start_time[:13] == $s[:13])')" = true ] ||
		[ "$(date -u +%M)" = 00 ]
}

@test "a slot's next thread starts from nothing" {
	rows one:libc:0 two:libc:0
	for number in 1 2 3 4; do
		say "end $number"
		say "start again:libc:0"
		all_agree
	done
	[ "$(of_process '.threads | length')" = 3 ]
	[ "$(of_process .threads_other.allocs_objects)" -ge $((20 + 30 + 40 + 50)) ]
}

@test "the table: aligned, highest net first, notes" {
	rows big:libc:0 "$(printf 'e\033[m'):libc:0"
	say "end 0"
	run -0 "$HT" stat --threads "$PID"
	[[ ${lines[0]} == "$PID threads_rows: live, "* ]]
	[[ ${lines[2]} =~ ^\ +TID\ +AGE\ +ALLOCS\ +FREES\ +NET\ +STACK\ +RESERVED\ +NAME$ ]]
	[[ ${lines[3]} =~ ^\ +$PID\ .*\ threads_rows$ ]]
	[[ ${lines[4]} =~ ^\ +[0-9]+\ .*\ 20\ +3\ +\+1\.7\ KiB\ .*\ 8\.0\ MiB\ \ e\\x1b\[m$ ]] ||
		fail "${lines[4]}"
	[ "${lines[5]}" = "  note: 10 allocs, 0 frees, +1.0 KiB net by threads that have ended" ]
	[ "${#lines[@]}" = 6 ]
	run -0 "$HT" stat --threads --raw "$PID"
	[[ ${lines[4]} =~ \ 20\ +3\ +\+1768\ +[0-9]+\ +8388608\  ]] || fail "${lines[4]}"
	[ "${lines[5]}" = "  note: 10 allocs, 0 frees, +1040 net by threads that have ended" ]
}

@test "--threads and --metric exclude each other" {
	run -2 --separate-stderr "$HT" stat --threads -m /heap/live:bytes
	[ "${stderr_lines[0]}" = "heaptally: --threads and --metric exclude each other" ]
	[ -z "$output" ]
}

@test "--threads and --profile exclude each other" {
	run -2 --separate-stderr "$HT" stat --threads --profile=go
	[ "${stderr_lines[0]}" = "heaptally: --threads and --profile exclude each other" ]
	[ -z "$output" ]
}

@test "without --threads there are none in the JSON" {
	rows one:libc:0
	"$HT" stat --json "$PID" >"$T/json"
	[ "$(of_process 'has("threads") or has("threads_other")')" = false ]
	[ "$(metric resident)" != null ]
}

# ---- stacks ----

@test "stacks of every size and kind" {
	rows small:libc:16384 odd:libc:100000 ragged:libc:65552 usual:libc:0 \
		large:libc:67108864 bare:bare:65536 next:bare:65536 plain:bare:0 \
		c11:thrd:0 static:bss:65536 heap:heap:50000 mapped:mmap:20480
	all_agree
}

@test "a thread that touches 1 MiB: resident rises by that" {
	rows one:libc:4194304 two:libc:4194304
	all_agree
	before=$(metric resident)
	say "touch 1 1048576"
	all_agree
	rise=$(($(metric resident) - before))
	[ "$rise" -ge $((1048576 - 8192)) ] && [ "$rise" -le $((1048576 + 8192)) ]
}

@test "stacks of ended threads: cached, until they are used again" {
	rows one:libc:1048576 two:libc:1048576 three:bss:65536
	say "touch 0 524288"
	all_agree
	[ "$(metric cached)" = 0 ]
	say "end 0"
	all_agree
	[ "$(metric cached)" -gt 0 ]
	say "start again:libc:1048576"
	all_agree
	[ "$(metric cached)" = 0 ]
	say "end 1"
	say "end 3"
	all_agree
	[ "$(metric cached)" -gt 0 ]
	# The program's own memory is not libc's to keep.
	before=$(metric cached)
	say "end 2"
	look
	[ "$(metric cached)" = "$before" ]
}

@test "a stack that was given back, and its place taken: not cached" {
	start GLIBC_TUNABLES=glibc.pthread.stack_cache_size=0 \
		"$P/threads_rows" one:libc:262144 two:libc:262144
	wait_until has_reports 1
	say "end 1"
	say "start over:mmap:262144"
	all_agree
	[ "$(metric cached)" = 0 ]
}

@test "no address where others may read the segment" {
	start HEAPTALLY_MODE=0644 "$P/threads_rows" one:libc:0
	wait_until has_reports 1
	look
	[ "$(of_process '.threads | length')" = 2 ]
	[ "$(of_process '[.threads[] | has("stack_reserved_bytes")] | any')" = false ]
	for name in reserved resident cached; do
		[ "$(metric $name)" = null ]
		[ "$(of_process ".unavailable.\"/threads/stack/$name:bytes\"")" = "the stack of a thread is not known" ]
	done
	totals_agree
}

# ---- threads without a row ----

@test "more threads than slots: said, no sum that lacks them" {
	start HEAPTALLY_SLOTS=3 "$P/threads_crowd" 20 hold
	look
	[ "$(of_process '.threads | length')" = 3 ]
	[ "$(of_process '.threads_other | "\(.without_row) \(.overflow_threads) \(.unknown_rows)"')" = "18 18 0" ]
	[ "$(of_process '[.threads[] | has("stack_resident_bytes")] | all')" = true ]
	[ "$(metric reserved)" = null ]
	totals_agree
	run -0 "$HT" stat --threads "$PID"
	[ "${lines[6]}" = "  note: 18 threads more without a row, as all were taken, see HEAPTALLY_SLOTS" ]
	[[ ${lines[7]} == "  note: "*" net by threads that ended or have no row" ]]
}

@test "a thread that left by a bare exit is no row, and not forgotten" {
	start "$P/threads_raw_exit"
	look
	[ "$(of_process '.threads | length')" = "$(of_process '.metrics."/threads/kernel:threads"')" ]
	[ "$(metric reserved)" = "$(main_stack Size)" ]
	totals_agree
}

@test "a child forked by a thread: its stack is not known, nor the sum" {
	"${CC:-cc}" -O0 -fno-builtin -pthread -o "$T/child" -x c - <<-'EOF'
		#include <pthread.h>
		#include <stdio.h>
		#include <stdlib.h>
		#include <unistd.h>
		static void *work(void *p)
		{
			if (fork() == 0) {
				p = malloc(1000);
				printf("%d\n", (int)getpid());
				fflush(stdout);
				pause();
			}
			return p;
		}
		int main(void)
		{
			pthread_t id;
			pthread_create(&id, NULL, work, NULL);
			pthread_join(id, NULL);
			return getchar();
		}
	EOF
	start "$T/child"
	PID=$(cat "$OUT")
	look
	kill -KILL "$PID"
	[ "$(of_process '.threads | length')" = 1 ]
	[ "$(of_process '.threads[0] | "\(.name) \(has("stack_reserved_bytes"))"')" = "child false" ]
	[ "$(metric reserved)" = null ]
}

@test "threads of a sandboxed process have no number" {
	"${CC:-cc}" -O0 -fno-builtin -pthread -o "$T/boxed" -x c - <<-'EOF'
		#include <pthread.h>
		#include <stdio.h>
		#include <stdlib.h>
		#include <sys/prctl.h>
		#include <linux/filter.h>
		#include <linux/seccomp.h>
		#include <unistd.h>
		static void *work(void *p)
		{
			p = malloc(1000);
			puts("ready");
			fflush(stdout);
			pause();
			return p;
		}
		int main(void)
		{
			struct sock_filter all = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
			struct sock_fprog program = { 1, &all };
			pthread_t id;
			prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
			prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
			pthread_create(&id, NULL, work, NULL);
			return getchar();
		}
	EOF
	start "$T/boxed"
	look
	[ "$(of_process '[.threads[] | select(has("tid") | not)
		| "\(.allocs_objects >= 1) \(.stack_reserved_bytes) \(has("name"))"] | join(",")')" = "true 8388608 false" ]
	sums=$(of_process '[.threads[].stack_resident_bytes] | add')
	[ "$(metric resident)" = "$sums" ]
	run -0 "$HT" stat --threads "$PID"
	grep -Eq '^ +-  .* 8\.0 MiB  -$' <<<"$output" || fail "$output"
}

# ---- ends ----

@test "the last rows of a killed process" {
	rows one:libc:0 taker:libc:0
	look
	of_process '.threads[] | "\(.tid) \(.allocs_bytes) \(.frees_bytes)"' | sort >"$T/before"
	kill -KILL "$PID"
	wait_until process_ended "$PID"
	run -0 "$HT" stat --threads --json "$PID"
	printf '%s\n' "$output" >"$T/json"
	[ "$(of_process .state)" = killed ]
	of_process '.threads[] | "\(.tid) \(.allocs_bytes) \(.frees_bytes)"' | sort | diff "$T/before" -
	[ "$(of_process '[.threads[] | has("name") or has("age_seconds") or has("stack_reserved_bytes")] | any')" = false ]
	[ "$(of_process '[.threads[] | has("start_time")] | all')" = true ]
	run -0 "$HT" stat --threads "$PID"
	[[ ${lines[3]} =~ ^\ +$PID\ +-\ .*\ -\ +-\ \ -$ ]] || fail "${lines[3]}"
}

# poke OFFSET BYTE: into the segment of the dead process.
poke() { printf '%b' "\\x$2" | dd of="$(echo "$D"/heaptally.*)" bs=1 seek="$1" conv=notrunc status=none; }

dead() {
	rows one:libc:0
	kill -KILL "$PID"
	wait_until process_ended "$PID"
}

@test "a row that was half written" {
	dead
	slots=$(od -An -t u8 -j 400 -N 8 "$(echo "$D"/heaptally.*)")
	poke $((slots + 9 * 1024 + 128)) 07
	look
	[ "$(of_process '"\(.threads | length) \(.threads_other.unknown_rows)"')" = "1 1" ]
	totals_agree
	run -0 "$HT" stat --threads "$PID"
	[ "${lines[4]}" = "  note: 1 row left out: half written" ]
}

@test "a segment of an older library has no rows" {
	dead
	poke 32 01
	look
	[ "$(of_process 'has("threads")')" = false ]
	run -0 "$HT" stat --threads "$PID"
	[ "${lines[2]}" = "  note: no rows: the library of that process is older" ]
	[ "${#lines[@]}" = 3 ]
}

@test "nothing of the heap where nothing of it is observed" {
	start -n LD_PRELOAD="$P/bump_shim.so:$LIB" "$P/hold"
	look
	[ "$(of_process .coverage)" = none ]
	[ "$(of_process '.threads[0] | "\(.name) \(has("allocs_objects")) \(.stack_reserved_bytes > 0)"')" = "hold false true" ]
	[ "$(of_process '.threads_other | has("allocs_objects")')" = false ]
	run -0 "$HT" stat --threads "$PID"
	[[ ${lines[-1]} =~ ^\ +$PID\ .*\ -\ +-\ +-\ .*\ hold$ ]] || fail "$output"
}

@test "threads of a container: by the numbers that they have here" {
	need_root
	unshare -pf true 2>/dev/null || skip "no namespaces"
	start -n unshare -pf --kill-child env LD_PRELOAD="$LIB" "$P/threads_rows" one:libc:0 two:libc:0
	wait_until has_reports 1
	PID=$(ps -o pid= --ppid "$PID" | tr -d ' ')
	"$HT" stat --threads --json "$PID" >"$T/json"
	threads_agree
	totals_agree
	[ "$(of_process '[.threads[].host_tid] | sort | join(" ")')" = "$(echo "/proc/$PID/task"/* | tr ' ' '\n' | sed 's,.*/,,' | sort -n | tr '\n' ' ' | sed 's/ $//')" ]
	[ "$(metric reserved)" = "$(of_process '[.threads[].stack_reserved_bytes] | add')" ]
	run -0 "$HT" stat --threads "$PID"
	[[ $output =~ $'\n'\ +$PID\  ]] || fail "$output"
}

@test "threads that come and go while they are looked at" {
	"${CC:-cc}" -O0 -fno-builtin -pthread -o "$T/churn" -x c - <<-'EOF'
		#include <pthread.h>
		#include <stdio.h>
		#include <stdlib.h>
		#include <unistd.h>
		static void *work(void *p)
		{
			for (int i = 0; i < 100; i++)
				free(malloc(100));
			return p;
		}
		int main(void)
		{
			pthread_t ids[4];
			puts("ready");
			fflush(stdout);
			for (;;) {
				for (int i = 0; i < 4; i++)
					pthread_create(&ids[i], NULL, work, NULL);
				for (int i = 0; i < 4; i++)
					pthread_join(ids[i], NULL);
			}
		}
	EOF
	start "$T/churn"
	for _ in {1..40}; do
		look
		# No row has more than a thread ever has: 100 of each and what
		# libc allocates for it.
		run -0 of_process '.pid as $pid | [.threads[] | select(.tid != $pid)
			| select(.allocs_objects > 110 or .frees_objects > 110
				 or .net_objects > 10 or .net_objects < -10)] | length'
		[ "$output" = 0 ] || fail "$(of_process .threads)"
		[ "$(of_process '.threads | length <= 6')" = true ]
	done
}
