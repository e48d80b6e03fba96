#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016,SC2030,SC2031,SC2153,SC2154 # each test is its own shell, on purpose
# Sanitizers, debuggers and checkers: a target under them, or built for them,
# behaves as without us; where we see nothing, that is what is said.

load helpers
setup() {
	private_directory
	cat >"$T/target.c" <<-'EOF'
		#include <pthread.h>
		#include <stdio.h>
		#include <stdlib.h>
		#include <string.h>
		static int race;
		static void *work(void *p)
		{
			race++;
			free(malloc(500));
			return p;
		}
		int main(int argc, char **argv)
		{
			const char *kind = argc > 1 ? argv[1] : "";
			char *volatile p = NULL;
			pthread_t id;
			pthread_create(&id, NULL, work, NULL);
			if (!strcmp(kind, "race"))
				race++;
			pthread_join(id, NULL);
			for (int i = 0; i < 100; i++) {
				p = malloc(24);
				memset(p, i, 24);
				if (i < 99)
					free(p);
			}
			if (!strcmp(kind, "overflow"))
				memset(p, 'x', 48);
			free(p);
			if (!strcmp(kind, "twice"))
				free(p);
			printf("done %d\n", race > 0);
			return 0;
		}
	EOF
}
teardown() { clean_up; }


# build COMPILER OPTION...: the target as $T/target; it must work without us.
build() {
	need "$1"
	"$@" -O0 -g -fno-builtin -pthread -o "$T/target" "$T/target.c" 2>"$T/err" ||
		skip "cannot be built: $(head -n 1 "$T/err")"
	run bounded "$T/target"
	[ "$status" = 0 ] || skip "does not run without us: $output"
	[[ $output == *"done 1" ]]
}

# Runs it preloaded, as it is and by `run`: it says and does the same.
starts() {
	local status=0

	run --separate-stderr bounded env LD_PRELOAD="$LIB" "$T/target"
	[ "$status" = 0 ] || fail "preloaded: status $status: $stderr" || return 1
	[ "$output" = "done 1" ] || return 1
	bounded "$HT" run --json "$T/json" -- "$T/target" >"$T/out" 2>"$T/err" || status=$?
	[ "$status" = 0 ] || [ "$status" = 3 ] ||
		fail "status $status: $(cat "$T/err")" || return 1
	[ "$(cat "$T/out")" = "done 1" ]
}
# The tally of the target: coverage and reason, by `run`.
verdict() {
	jq -r '[.processes[] | select(.command == "target")]
		| if length == 1 then .[0] | "\(.coverage)|\(.coverage_reason)|\(.metrics["/heap/allocs:objects"])"
		  else "\(length) processes" end' "$T/json"
}
# A defect of the target is found as without us: KIND TEXT [RUN-OPTION...]
finds() {
	local plain=0 with=0

	bounded "$T/target" "$1" >"$T/plain" 2>&1 || plain=$?
	[ "$plain" != 0 ] && grep -q "$2" "$T/plain" ||
		fail "not found without us: $plain: $(head "$T/plain")" || return 1
	bounded "$HT" run --quiet -- "$T/target" "$1" >"$T/with" 2>&1 || with=$?
	[ "$with" = "$plain" ] || fail "status $with, not $plain: $(head "$T/with")" || return 1
	grep -q "$2" "$T/with" || fail "$(head "$T/with")"
}

# ---- sanitizers ----

@test "gcc -fsanitize=address: starts under run, and is no full tally" {
	build gcc -fsanitize=address
	# bare, it refuses to start when anything is loaded before its library
	bounded "$HT" run --json "$T/json" -- "$T/target" >"$T/out" 2>"$T/err" ||
		[ "$?" = 3 ] || fail "$(cat "$T/err")"
	[ "$(cat "$T/out")" = "done 1" ]
	run -0 verdict
	[[ $output == partial* || $output == none* ]] || fail "$output"
}
@test "gcc -fsanitize=address, told not to check: runs, counts, still finds" {
	build gcc -fsanitize=address
	export ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=0
	starts
	run -0 verdict
	# a hundred of its own and one of a thread; stdio's, and the DTV
	IFS='|' read -r _ _ allocs <<<"$output"
	[ "$allocs" -ge 102 ]
	finds overflow heap-buffer-overflow
	finds twice double-free
}
@test "gcc -fsanitize=address, its library preloaded first: none, says who" {
	build gcc -fsanitize=address
	asan=$(gcc -print-file-name=libasan.so)
	[ -e "$asan" ] || skip "no libasan.so"
	export LD_PRELOAD=$asan ASAN_OPTIONS=detect_leaks=0
	status=0
	"$HT" run --json "$T/json" -- "$T/target" >"$T/out" 2>"$T/err" || status=$?
	[ "$(cat "$T/out")" = "done 1" ]
	[ "$status" = 3 ]
	grep -q 'not observed: malloc is defined by libasan' "$T/err" || fail "$(cat "$T/err")"
	run -0 verdict
	[[ $output == "none|malloc is defined by libasan"*"|null" ]] || fail "$output"
}
@test "gcc -fsanitize=thread: starts, finds races" {
	build gcc -fsanitize=thread
	starts
	run -0 verdict
	[[ $output == full* || $output == partial* || $output == none* ]] || fail "$output"
	finds race 'data race'
}
@test "gcc -fsanitize=undefined: starts, full" {
	build gcc -fsanitize=undefined
	starts
	run -0 verdict
	[[ $output == "full||"* ]]
}

# Static runtimes define malloc in the executable.
static_runtime() { # COMPILER OPTION...
	build "$@"
	export ASAN_OPTIONS=detect_leaks=0
	run --separate-stderr bounded "$HT" run -- "$T/target"
	[ "$status" = 3 ]
	[ "$output" = "done 1" ]
	[[ $stderr == *"not observed: malloc is defined by the executable"* ]] ||
		fail "$stderr" || return 1
	starts
	run -0 verdict
	[ "$output" = "none|malloc is defined by the executable|null" ] || fail "$output"
}
@test "gcc -fsanitize=address -static-libasan: none" {
	static_runtime gcc -fsanitize=address -static-libasan
	finds overflow heap-buffer-overflow
}
@test "clang -fsanitize=address: none" {
	static_runtime clang -fsanitize=address
	finds overflow heap-buffer-overflow
}
@test "clang -fsanitize=address -shared-libasan: no full tally" {
	need clang
	runtime=$(clang -print-file-name="libclang_rt.asan-$(uname -m).so")
	[ -e "$runtime" ] || skip "no shared runtime"
	export ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=0
	build clang -fsanitize=address -shared-libasan -Wl,-rpath,"${runtime%/*}"
	starts
	run -0 verdict
	[[ $output == "partial|strdup and others are served by libclang_rt.asan"* ]] || fail "$output"
	finds overflow heap-buffer-overflow
}
@test "clang -fsanitize=thread: none" {
	static_runtime clang -fsanitize=thread
	finds race 'data race'
}
@test "clang -fsanitize=memory: none" { static_runtime clang -fsanitize=memory; }
@test "clang -fsanitize=leak: none, and leaks are found" {
	static_runtime clang -fsanitize=leak
}

# ---- glibc's own checkers ----

debug_library() {
	build cc
	LD_PRELOAD=libc_malloc_debug.so.0 "$T/target" >/dev/null 2>"$T/err"
	[ ! -s "$T/err" ] || skip "no libc_malloc_debug here: $(cat "$T/err")"
}

@test "MALLOC_CHECK_ with libc_malloc_debug behind us: counts, and still finds" {
	debug_library
	export LD_PRELOAD=libc_malloc_debug.so.0 MALLOC_CHECK_=3
	starts_under_check() {
		bounded "$HT" run --quiet --json "$T/json" -- "$T/target" >"$T/out"
		[ "$(cat "$T/out")" = "done 1" ]
	}
	starts_under_check
	run -0 verdict
	[[ $output =~ ^full\|\|[0-9]+$ ]] || fail "$output"
	[ "${output##*|}" -ge 102 ]
	for kind in overflow twice; do
		status=0
		bounded "$HT" run --quiet -- "$T/target" "$kind" >"$T/out" 2>"$T/err" ||
			status=$?
		[ "$status" = 134 ] || fail "$kind: status $status: $(cat "$T/err")"
		[ ! -s "$T/out" ]
	done
}
@test "the same by a tunable, and with the checker before us" {
	debug_library
	status=0
	GLIBC_TUNABLES=glibc.malloc.check=3 LD_PRELOAD=libc_malloc_debug.so.0 \
		"$HT" run --quiet -- "$T/target" overflow >"$T/out" 2>&1 || status=$?
	[ "$status" = 134 ]
	status=0
	LD_PRELOAD=libc_malloc_debug.so.0:$LIB MALLOC_CHECK_=3 \
		"$T/target" overflow >"$T/out" 2>&1 || status=$?
	[ "$status" = 134 ]
}
@test "mcheck() with libc_malloc_debug: what it finds is found" {
	cat >"$T/target.c" <<-'EOF'
		#include <mcheck.h>
		#include <stdio.h>
		#include <stdlib.h>
		static void found(enum mcheck_status what)
		{
			printf("found %d\n", what);
			fflush(stdout);
			_Exit(7);
		}
		int main(int argc, char **argv)
		{
			char *volatile p;
			if (mcheck(found) != 0)
				return 77;
			p = malloc(24);
			if (argc > 1)
				p[24] = 1;
			free(p);
			printf("done 1\n");
			return 0;
		}
	EOF
	"${CC:-cc}" -O0 -fno-builtin -o "$T/target" "$T/target.c"
	export LD_PRELOAD=libc_malloc_debug.so.0
	status=0
	"$T/target" overflow >"$T/plain" 2>&1 || status=$?
	[ "$status" = 7 ] || skip "mcheck does not work without us: $(cat "$T/plain")"
	status=0
	"$HT" run --quiet -- "$T/target" overflow >"$T/with" 2>&1 || status=$?
	[ "$status" = 7 ]
	cmp "$T/plain" "$T/with"
	run -0 "$HT" run --quiet -- "$T/target"
	[ "$output" = "done 1" ]
}
@test "mtrace with libc_malloc_debug: the trace is written" {
	cat >"$T/target.c" <<-'EOF'
		#include <mcheck.h>
		#include <stdlib.h>
		int main(void)
		{
			mtrace();
			for (int i = 0; i < 10; i++)
				free(malloc(100));
			return malloc(77) == NULL;
		}
	EOF
	"${CC:-cc}" -O0 -fno-builtin -o "$T/target" "$T/target.c"
	export LD_PRELOAD=libc_malloc_debug.so.0
	MALLOC_TRACE=$T/plain "$T/target" || skip "no libc_malloc_debug here"
	[ -s "$T/plain" ] || skip "mtrace does not work without us"
	MALLOC_TRACE=$T/with "$HT" run --quiet -- "$T/target"
	# `@ caller + address size`: addresses differ, lines do not
	shape() { grep -o ' [-+=<>] .*' "$1" | sed 's/ 0x[0-9a-f]*//; /^ = /d'; }
	diff <(shape "$T/plain") <(shape "$T/with")
	[ "$(shape "$T/with" | grep -c ' + 0x64$')" = 10 ]
}

# ---- valgrind ----

@test "run valgrind: none, no zeros; the target works" {
	need valgrind
	status=0
	bounded "$HT" run --json "$T/json" -- valgrind -q --log-file="$T/log" \
		"$P/any_provider" fork >"$T/out" 2>"$T/err" || status=$?
	[ "$status" = 3 ] || fail "status $status: $(cat "$T/err")"
	[ "$(grep -c '^/heap/allocs:objects' "$T/out")" = 2 ]
	grep -q 'not observed: calls of malloc are redirected past us' "$T/err"
	run -0 jq -c '[.processes[] | .coverage, (.metrics | has("/heap/allocs:objects"))] | unique' "$T/json"
	[ "$output" = '[false,"none"]' ] || fail "$output"
	[ ! -s "$T/log" ] || fail "$(cat "$T/log")"
}
@test "valgrind --tool=none: every count is exact" {
	need valgrind
	bounded "$HT" run --quiet --json "$T/json" -- valgrind -q --tool=none \
		"$P/family" calloc >"$T/out" 2>"$T/err"
	[ ! -s "$T/err" ]
	agrees "$T/out" "$T/json"
}
@test "valgrind finds nothing in us, and in the target what there is" {
	need valgrind
	build cc
	LD_PRELOAD=$LIB valgrind -q --error-exitcode=9 --leak-check=full \
		--soname-synonyms=somalloc=nouserintercepts \
		"$T/target" >"$T/out" 2>"$T/err" || fail "$(cat "$T/err")"
	LD_PRELOAD=$LIB valgrind -q --error-exitcode=9 "$T/target" >"$T/out" 2>"$T/err" ||
		fail "$(cat "$T/err")"
	status=0
	LD_PRELOAD=$LIB valgrind -q --error-exitcode=9 "$T/target" overflow \
		>"$T/out" 2>"$T/err" || status=$?
	[ "$status" = 9 ]
	grep -q 'Invalid write' "$T/err"
}

# ---- debuggers ----

@test "gdb over a preloaded target: breakpoints in malloc, the target as ever" {
	need gdb
	printf '%s\n' 'set confirm off' "set environment LD_PRELOAD $LIB" \
		'set startup-with-shell off' 'break work' 'run' 'backtrace 1' \
		'print (int)getpid() > 0' 'call (void *)malloc(10)' 'delete' \
		'continue' >"$T/script"
	build cc
	gdb -q --batch -nx -x "$T/script" "$T/target" >"$T/out" 2>&1 </dev/null ||
		fail "$(cat "$T/out")"
	grep -q 'ptrace: Operation not permitted' "$T/out" && skip "no tracing here"
	grep -q 'done 1' "$T/out" || fail "$(cat "$T/out")"
	grep -q 'exited normally' "$T/out"
	grep -q 'work (p=' "$T/out"
	grep -qE '\(void \*\) 0x[0-9a-f]+' "$T/out"
	[ "$(file_count "$D")" = 0 ]
}
@test "gdb under run: the debugger and its target are both tallied" {
	need gdb
	build cc
	bounded "$HT" run --quiet --json "$T/json" -- gdb -q --batch -nx \
		-ex 'set startup-with-shell off' -ex run "$T/target" \
		>"$T/out" 2>"$T/err" </dev/null
	# both write there, gdb not always whole lines
	grep -q 'done 1' "$T/out" || fail "$(cat "$T/out")"
	run -0 jq -r '[.processes[] | select(.coverage == "full") | .command] | unique | join(" ")' "$T/json"
	[[ " $output " == *" gdb "* && " $output " == *" target "* ]] || fail "$output"
}
@test "strace over a preloaded target: same output, same status, exact" {
	need strace
	strace -o "$T/probe" true || skip "no tracing here"
	"$HT" run --quiet --json "$T/json" -- strace -f -o "$T/trace" \
		"$P/fork_inherit" >"$T/out" 2>"$T/err"
	[ ! -s "$T/err" ]
	agrees "$T/out" "$T/json"
	[ -s "$T/trace" ]
	status=0
	LD_PRELOAD=$LIB strace -f -o "$T/trace" "$P/ends" exit >"$T/out" || status=$?
	[ "$status" = 5 ]
}
@test "strace attached to a tallied process: it goes on, live and exact" {
	need strace
	start "$P/hold" 55
	# without the write end of the target's input, which would never end
	(
		exec {HOLD}>&-
		exec strace -p "$PID" -o "$T/trace" 2>"$T/err" 3>&-
	) &
	tracer=$!
	STARTED+=("$tracer")
	traced() { ! grep -q '^TracerPid:[[:space:]]*0$' "/proc/$PID/status"; }
	wait_until traced || skip "no tracing here: $(cat "$T/err")"
	"$HT" stat --json "$PID" >"$T/json"
	agrees "$OUT" "$T/json"
	run -0 field "$PID" .state "$T/json"
	[ "$output" = live ]
	finish
	[ "$STATUS" = 0 ]
	wait "$tracer" || true
}

@test "\$LIB in LD_PRELOAD: each program gets what is of its own kind" {
	# what loaders fill in for programs of this kind
	for libdir in lib64 "lib/$("${CC:-cc}" -print-multiarch)"; do
		mkdir -p "$T/$libdir"
		cp "$LIB" "$T/$libdir"
	done
	# shellcheck disable=SC2016 # the loader's own
	LD_PRELOAD=$T'/$LIB/libheaptally.so' HEAPTALLY_KEEP=1 "$P/family" malloc >"$T/out"
	"$HT" stat --json "$(sed -n 's/^pid //p' "$T/out")" >"$T/json"
	agrees "$T/out" "$T/json"
	printf 'int main(void) { return 7; }' | "${CC:-cc}" -m32 -o "$T/other" -x c - 2>/dev/null || return 0
	mkdir -p "$T/lib32"
	printf 'static int x __attribute__((unused));' | "${CC:-cc}" -m32 -shared -o "$T/lib32/libheaptally.so" -x c -
	# shellcheck disable=SC2016
	LD_PRELOAD=$T'/$LIB/libheaptally.so' run -7 "$T/other"
	[ -z "$output" ] || fail "$output"
	run -7 --separate-stderr "$HT" run -- "$T/other"
	[[ $stderr == *"not observed: $T/other: it is for another architecture"* ]]
}

@test "perf over a preloaded target: it measures, and the tally is exact" {
	perf stat -e task-clock true 2>"$T/err" ||
		skip "perf does not work here: $(head -n 1 "$T/err")"
	exactly perf stat -e task-clock -o "$T/stat" "$P/family" malloc
	grep -q task-clock "$T/stat"
	perf record -q -e cpu-clock -o "$T/data" -- \
		env LD_PRELOAD="$LIB" "$P/pairs" 5000000 >/dev/null 2>"$T/err" ||
		skip "perf record does not work here: $(head -n 1 "$T/err")"
	# a few million instructions of ours among as many of others: one sample
	# at least, if the machine gives it the time of one
	perf report -i "$T/data" --stdio --sort=dso >"$T/report" 2>/dev/null
	grep -q libheaptally.so "$T/report"
}
