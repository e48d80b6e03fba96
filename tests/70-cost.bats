#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# What the tally costs, by what can be counted: instructions, system calls,
# the code itself. Time is measured by scripts/bench, never here.

load helpers

setup() { private_directory; }
teardown() { clean_up; }

# Instructions of a whole run of `pairs N`, under a preload or none.
instructions() {
	LD_PRELOAD=$1 valgrind --tool=callgrind --callgrind-out-file=/dev/null "$P/pairs" "$2" 2>&1 |
		sed -n 's/.*refs: *//p' | tr -d ,
}

# The same for one pair, in hundredths: the difference of two runs.
per_pair() {
	local many few
	few=$(instructions "$1" 5000)
	many=$(instructions "$1" 15000)
	echo $(((many - few) / 100))
}

@test "instructions for a pair of malloc and free" {
	plain=$(per_pair "")
	tallied=$(per_pair "$LIB")
	echo "without us $plain, with us $tallied hundredths of an instruction"
	[ "$plain" -gt 1000 ]
	# Reached: 43 more, of which a mere pass-through takes 8.
	[ $((tallied - plain)) -gt 800 ]
	[ $((tallied - plain)) -le 4700 ]
}

# The instructions of one function, without addresses.
code_of() {
	objdump -d --no-show-raw-insn "$LIB" | awk -v name="<$1>:" '
		index($0, name) { inside = 1; next }
		inside && NF == 0 { exit }
		inside { sub(/^[^\t]*\t/, ""); print }'
}

@test "the hot path has no lock, no system call, no call but the provider's" {
	[ "$(uname -m)" = x86_64 ] || skip "reads x86-64 instructions"
	for function in malloc calloc free; do
		code_of "$function" >"$T/$function"
		[ "$(wc -l <"$T/$function")" -gt 15 ]
		run -1 grep -E '\block|xchg +[^,]*\(|syscall|%fs:0x28' "$T/$function"
	done
	# call *next.malloc, and jumps to the slow ways
	[ "$(grep -c '^call' "$T/malloc")" = 1 ]
	[ "$(grep -c '^call' "$T/calloc")" = 1 ]
	grep -q '^call \+\*.*<next' "$T/malloc"
	# free leaves by a jump: no frame of ours is below the provider's
	run -1 grep '^call' "$T/free"
	grep -q '^jmp \+\*.*<next' "$T/free"
	# one addition to memory for each counter, whole for signal handlers
	[ "$(grep -c '^add.*,.*(' "$T/malloc")" = 2 ]
	[ "$(grep -c '^add.*,.*(' "$T/free")" = 2 ]
}

@test "thread-local storage stays within 64 bytes, its kind is initial-exec" {
	bytes=$(($(readelf -lW "$LIB" | awk '$1 == "TLS" { print $6 }')))
	[ "$bytes" -gt 0 ]
	[ "$bytes" -le 64 ]
	run -1 grep -q '__tls_get_addr' <(readelf -sW "$LIB")
}

# System calls of a run, as strace counts them.
system_calls() {
	strace -f -o "$T/calls" -E "LD_PRELOAD=$1" "${@:2}" >/dev/null
	wc -l <"$T/calls"
}

@test "a million operations make no system call of ours" {
	strace -o "$T/probe" /bin/true || skip "tracing is not allowed here"
	few=$(system_calls "$LIB" "$P/pairs" 10)
	many=$(system_calls "$LIB" "$P/pairs" 1000000)
	[ "$few" = "$many" ]
}

@test "the start makes a bounded number of system calls" {
	strace -o "$T/probe" /bin/true || skip "tracing is not allowed here"
	plain=$(system_calls "" "$P/pairs" 1)
	tallied=$(system_calls "$LIB" "$P/pairs" 1)
	echo "without us $plain, with us $tallied"
	# Reached: 35, nine of them the loader's for one more library.
	[ $((tallied - plain)) -gt 15 ]
	[ $((tallied - plain)) -le 38 ]
}

@test "a forked child pays at its first allocation only" {
	strace -o "$T/probe" /bin/true || skip "tracing is not allowed here"
	strace -f -o "$T/calls" -E "LD_PRELOAD=$LIB" "$P/fork_idle" >/dev/null
	[ "$(grep -c 'openat.*heaptally\..*O_CREAT' "$T/calls")" = 1 ]
}

@test "a segment of one thread takes 32 KiB of memory" {
	start "$P/hold"
	segment=$(find "$D" -name "heaptally.$PID.*")
	[ "$(stat -c %b "$segment")" -le $((48 * 2)) ]
	[ "$(stat -c %b "$segment")" = $((32 * 2)) ]
	[ "$(stat -c %s "$segment")" -le $((1100 << 10)) ]
	finish
}
