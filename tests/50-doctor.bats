#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016,SC2030,SC2031,SC2153,SC2154 # each test is its own shell, on purpose
# What can be tallied, and why not: heaptally doctor, run --allocator and
# --allow-unobserved, the note on memory that the tally does not see.

load helpers
setup() { private_directory; }
teardown() {
	clean_up
	[ -z "${PUBLIC-}" ] || rm -rf "$PUBLIC"
}

# $PUBLIC: the command and its library where other users find them.
public_directory() {
	PUBLIC=$(mktemp -d /var/tmp/ht-doctor.XXXXXX)
	chmod 755 "$PUBLIC"
	cp "$HT" "$LIB" "$PUBLIC"
}

build() { # OUTPUT [FLAG...]: a program that allocates, by gcc
	local output=$1

	shift
	printf '%s\n' '#include <stdlib.h>' \
		'int main(void) { char *volatile p = malloc(100); free(p); return 0; }' >"$T/plain.c"
	gcc -O0 -o "$output" "$T/plain.c" "$@"
}

# Says so, with exit status STATUS and this as the first line.
doctor_says() { # STATUS VERDICT COMMAND
	run "-$1" --separate-stderr "$HT" doctor -- "$3"
	[ -z "$stderr" ] || fail "$stderr" || return 1
	[ "${lines[0]}" = "verdict    $2" ] || fail "$output"
}
# The keys of all findings of a command or PID, in order.
findings() {
	"$HT" doctor --json "$@" | jq -r '[.doctor.findings[].key] | join(" ")'
}
refuses() { # REGEX ARG...: status 3, one message, nothing else
	local want=$1

	shift
	run -3 --separate-stderr "$HT" doctor "$@"
	[ -z "$output" ] || fail "$output" || return 1
	one_error_line && error_matches "$want"
}

# ---- commands ----

@test "an ordinary program: full, and status 0" {
	doctor_says 0 full "$P/family"
	[[ $output == *"program    $P/family"* ]]
	[[ $output == *"-bit "*", dynamic, by /"* ]]
	[[ $output == *"allocator  "*"libc.so.6"* ]]
	[[ $output == *"library    $LIB"* ]]
	[[ $output == *"segments   $D"* ]]
	[ -z "$(findings -- "$P/family")" ]
	# nothing was run, and nothing is left
	run -0 "$HT" doctor touch "$T/ran"
	[ ! -e "$T/ran" ]
	[ -z "$(ls -A "$D")" ]
}

@test "JSON has the verdict, the facts and the findings" {
	build "$T/static" -static || skip "no static libc to link with"
	"$HT" doctor --json -- "$T/static" >"$T/json" || [ "$?" = 3 ]
	jq -e --arg program "$T/static" '.schema == 1 and .doctor.program == $program
		and .doctor.verdict == "none" and .doctor.findings[0].key == "static"
		and (.doctor.findings[0].reason | test("static"))
		and (.doctor.findings[0].advice | test("dynamic"))' "$T/json"
	"$HT" doctor --json -- "$P/family" >"$T/json"
	jq -e '.doctor.verdict == "full" and (.doctor.findings | length) == 0
		and (.doctor.interpreter | startswith("/"))
		and (.doctor.libraries | any(test("libc.so")))' "$T/json"
}

@test "static and static-pie" {
	build "$T/static" -static || skip "no static libc to link with"
	doctor_says 3 none "$T/static"
	[[ $output == *"statically linked"*"to do"*"dynamic"* ]]
	[ "$(findings -- "$T/static")" = static ]
	build "$T/pie" -static-pie
	doctor_says 3 none "$T/pie"
	[ "$(findings -- "$T/pie")" = static-pie ]
	run -3 --separate-stderr "$HT" run -- "$T/pie"
	[[ $stderr == *"not observed: $T/pie: it is statically linked"* ]]
}

own() { # OUTPUT VISIBILITY
	cat >"$T/own.c" <<-EOT
		#include <stddef.h>
		#pragma GCC visibility push($2)
		static char pool[1 << 16];
		static size_t used;
		void *malloc(size_t n) { used += (n + 15) & ~15ul; return pool + used - n; }
		void free(void *p) { (void)p; }
		void *calloc(size_t a, size_t b) { return malloc(a * b); }
		void *realloc(void *p, size_t n) { (void)p; return malloc(n); }
		int main(void) { return malloc(3) == NULL; }
	EOT
	gcc -O0 -fno-builtin -w -o "$1" "$T/own.c"
}

@test "malloc in the executable, exported and hidden" {
	own "$T/exported" default
	doctor_says 3 none "$T/exported"
	[ "$(findings -- "$T/exported")" = malloc-in-executable ]
	own "$T/hidden" hidden
	doctor_says 0 partial "$T/hidden"
	[ "$(findings -- "$T/hidden")" = hidden-malloc ]
	[[ $output == *"partial    the executable has a malloc of its own"* ]]
}

@test "allocators under a prefix in the executable" {
	for name in je_malloc:jemalloc _rjem_malloc:jemalloc mi_malloc:mimalloc \
		tc_malloc:tcmalloc _ZN15partition_alloc5AllocEv:PartitionAlloc; do
		printf 'void *%s(void) { return 0; }\nint main(void) { return %s() != 0; }\n' \
			"${name%:*}" "${name%:*}" >"$T/prefix.c"
		gcc -w -o "$T/prefix" "$T/prefix.c"
		doctor_says 0 partial "$T/prefix"
		[[ $output == *"contains ${name#*:},"* ]] || fail "$output"
	done
}

@test "sanitizers: gcc's shared, gcc's static, clang's" {
	build "$T/shared" -fsanitize=address || skip "no libasan"
	doctor_says 0 partial "$T/shared"
	[ "$(findings -- "$T/shared")" = asan ]
	[[ $output == *ASAN_OPTIONS=verify_asan_link_order=0* ]]
	build "$T/static" -fsanitize=address -static-libasan
	doctor_says 3 none "$T/static"
	[[ $output == *AddressSanitizer* ]]
	command -v clang >/dev/null || return 0
	for sanitizer in address memory thread; do
		clang -fsanitize="$sanitizer" -o "$T/clang" "$T/plain.c"
		doctor_says 3 none "$T/clang"
		[ "$(findings -- "$T/clang")" = sanitizer ]
	done
	[[ $output == *ThreadSanitizer* ]]
}

@test "run: a program with gcc's AddressSanitizer starts" {
	build "$T/asan" -fsanitize=address || skip "no libasan"
	run -0 --separate-stderr "$HT" run -- "$T/asan"
	[[ $stderr == *"exited 0"* ]]
	# also where only a child has it, and what was set stays
	ASAN_OPTIONS=exitcode=9 run -0 "$HT" run --quiet -- \
		sh -c "'$T/asan' && printenv ASAN_OPTIONS"
	[ "$output" = exitcode=9:verify_asan_link_order=0 ]
}

@test "C++ new that does not pass through malloc" {
	printf '%s\n' 'int main() { char *volatile p = new char[9]; delete[] p; }' >"$T/new.cc"
	g++ -O0 -o "$T/new" "$T/new.cc"
	doctor_says 0 full "$T/new"
	ld=$(gcc -print-file-name=libjemalloc.so.2)
	[ -e "$ld" ] || skip "no jemalloc"
	g++ -O0 -o "$T/jemalloc" "$T/new.cc" "$ld"
	"$HT" doctor --json -- "$T/jemalloc" >"$T/json"
	run -0 jq -r '.doctor.findings[0] | "\(.key) \(.reason)"' "$T/json"
	[[ $output == cxx-*libjemalloc* ]] || fail "$output"
	run -0 jq -r .doctor.findings[0].advice "$T/json"
	[[ $output == *libheaptally-cxx.so*"behind libheaptally.so"* ]]
	# std::string is new by the C++ library
	g++ -O0 -o "$T/std" -Wl,--no-as-needed -x c++ - -x none "$ld" <<-'EOT'
		#include <string>
		int main(int argc, char **argv) { return std::string(argv[0]).append("x").empty(); }
	EOT
	run -0 findings -- "$T/std"
	[[ $output == cxx-* ]]
	# nobody but the allocator itself is C++
	build "$T/c" -Wl,--no-as-needed "$ld"
	run -0 findings -- "$T/c"
	[ -z "$output" ]
	# an allocator that is preloaded counts as well
	LD_PRELOAD=$ld run -0 findings -- "$T/new"
	[[ $output == cxx-* ]]
}

# A copy of the command with its library, and a companion that says it is
# there.
with_companion() {
	mkdir "$T/bin"
	cp "$HT" "$LIB" "$T/bin"
	gcc -shared -o "$T/bin/libheaptally-cxx.so" -x c - <<<'int companion;'
}

@test "the companion library: preloaded where it is needed, and only there" {
	ld=$(gcc -print-file-name=libjemalloc.so.2)
	[ -e "$ld" ] || skip "no jemalloc"
	with_companion
	cat >"$T/preloaded.cc" <<-'EOT'
		#include <cstdio>
		#include <cstdlib>
		int main() { char *volatile p = new char[9]; delete[] p; puts(getenv("LD_PRELOAD")); }
	EOT
	g++ -O0 -o "$T/new" "$T/preloaded.cc"
	run -0 --separate-stderr "$T/bin/heaptally" run --quiet -- "$T/new"
	[ "$output" = "$T/bin/libheaptally.so" ]
	run -0 --separate-stderr "$T/bin/heaptally" run --quiet --allocator "$ld" -- "$T/new"
	[ "$output" = "$T/bin/libheaptally.so:$T/bin/libheaptally-cxx.so:$(realpath "$ld")" ]
	g++ -O0 -o "$T/linked" "$T/preloaded.cc" "$ld"
	run -0 --separate-stderr "$T/bin/heaptally" run --quiet -- "$T/linked"
	[ "$output" = "$T/bin/libheaptally.so:$T/bin/libheaptally-cxx.so" ]
	# one that may load C++ later, and one that may not
	printf '%s\n' '#include <dlfcn.h>' '#include <stdio.h>' '#include <stdlib.h>' \
		'int main(void) { puts(getenv("LD_PRELOAD")); return LOADS; }' >"$T/late.c"
	gcc -o "$T/late" '-DLOADS=!dlopen(NULL, 1)' "$T/late.c" -Wl,--no-as-needed "$ld"
	run -0 --separate-stderr "$T/bin/heaptally" run --quiet -- "$T/late"
	[ "$output" = "$T/bin/libheaptally.so:$T/bin/libheaptally-cxx.so" ]
	gcc -o "$T/late" -DLOADS=0 "$T/late.c" -Wl,--no-as-needed "$ld"
	run -0 --separate-stderr "$T/bin/heaptally" run --quiet -- "$T/late"
	[ "$output" = "$T/bin/libheaptally.so" ]
	# doctor: no loss, but something to do for those who preload by hand
	run -0 "$T/bin/heaptally" doctor -- "$T/linked"
	[ "${lines[0]}" = "verdict    full" ]
	[[ $output == *"note       C++ new is served by 'libjemalloc.so.2'"*libheaptally-cxx.so* ]]
}

@test "calls that only one allocator has" {
	ld=$(gcc -print-file-name=libjemalloc.so.2)
	[ -e "$ld" ] || skip "no jemalloc"
	printf 'void *mallocx(unsigned long, int);\nint main(void) { return !mallocx(9, 0); }\n' >"$T/x.c"
	gcc -o "$T/x" "$T/x.c" "$ld"
	doctor_says 0 partial "$T/x"
	[ "$(findings -- "$T/x")" = direct-calls ]
}

@test "a collector, Go, Python, another libc" {
	printf 'char go[] __attribute__((section(".go.buildinfo"))) = "x";\nint main(void) { return !go[0]; }\n' >"$T/go.c"
	gcc -o "$T/go" "$T/go.c"
	doctor_says 0 partial "$T/go"
	[[ $output == *"Go's runtime"* ]]
	build "$T/musl" -Wl,--dynamic-linker=/lib/ld-musl-x86_64.so.1
	doctor_says 3 none "$T/musl"
	[ "$(findings -- "$T/musl")" = musl ]
	if command -v musl-gcc >/dev/null; then
		musl-gcc -o "$T/musl" "$T/plain.c"
		doctor_says 3 none "$T/musl"
	fi
	[ -x /usr/bin/python3 ] || return 0
	doctor_says 0 full /usr/bin/python3
	[[ $output == *PYTHONMALLOC=malloc* ]]
	PYTHONMALLOC=malloc run -0 findings /usr/bin/python3
	[ -z "$output" ]
}

@test "setuid and setgid, as another user" {
	need_root
	public_directory
	dir=$PUBLIC
	! findmnt -no OPTIONS -T "$dir" | grep -q nosuid || skip "/var/tmp is nosuid"
	build "$dir/plain"
	chmod 1777 "$D"
	for mode in 4755 2755; do
		chmod "$mode" "$dir/plain"
		run --separate-stderr as_nobody "$dir/heaptally" doctor -- "$dir/plain"
		[ "$status" = 3 ] || fail "$output"
		[[ $output == *"rights of its own"*"cp(1)"* ]] || fail "$output"
	done
	chmod 755 "$dir/plain"
	run -0 as_nobody "$dir/heaptally" doctor -- "$dir/plain"
	# executable, but not readable
	chmod 711 "$dir/plain"
	run -0 as_nobody "$dir/heaptally" doctor -- "$dir/plain"
	[[ ${lines[0]} == *partial && $output == *"may not be read"* ]] || fail "$output"
}

@test "scripts are followed to what interprets them" {
	build "$T/static" -static || skip "no static libc to link with"
	printf '#!%s\n' "$T/static" >"$T/one"
	printf '#! %s -x\n' "$T/one" >"$T/two"
	printf '#!/usr/bin/env -S A=b -i static\n' >"$T/three"
	printf 'echo for the shell\n' >"$T/four"
	chmod +x "$T/one" "$T/two" "$T/three" "$T/four"
	for script in one two three; do
		PATH=$T:$PATH doctor_says 3 none "$T/$script"
		[[ $output == *"program    $T/static"*"script     $T/$script"* ]] || fail "$output"
	done
	doctor_says 0 full "$T/four"
	[[ $output == *"program    /bin/sh"*"note       it is a script"* ]]
	printf '#!%s\n' "$T/loop" >"$T/loop"
	printf '#!\n' >"$T/none"
	printf '#!/no/such/interpreter\n' >"$T/broken"
	chmod +x "$T/loop" "$T/none" "$T/broken"
	refuses "'$T/loop': .*each other" -- "$T/loop"
	refuses "'$T/none': .*no interpreter" -- "$T/none"
	refuses "'$T/broken': .*'/no/such/interpreter'.*no such file" -- "$T/broken"
}

@test "what is no program" {
	PATH=/usr/bin:/bin refuses "'no-such-command-here': no such file" no-such-command-here
	refuses "'/no/such/file': no such file" -- /no/such/file
	refuses "'': no such file" -- ''
	refuses "'$T': is a directory" -- "$T"
	mkfifo "$T/fifo"
	chmod +x "$T/fifo"
	refuses "'$T/fifo': not a regular file" -- "$T/fifo"
	: >"$T/text"
	refuses "'$T/text': permission denied" -- "$T/text"
	printf '\1\2\0\3 garbage' >"$T/garbage"
	head -c 200 "$P/family" >"$T/short"
	head -c 3000 "$P/family" >"$T/half"
	printf '\177ELF\2\1\1\0' >"$T/magic"
	chmod +x "$T/garbage" "$T/short" "$T/half" "$T/magic"
	refuses "'$T/garbage': neither" -- "$T/garbage"
	for damaged in short half magic; do
		refuses "'$T/$damaged': a damaged ELF file" -- "$T/$damaged"
	done
}

@test "another architecture" {
	cp "$P/family" "$T/other"
	# e_machine of arm64, else of x86-64
	machine='\267\0'
	[ "$(uname -m)" != aarch64 ] || machine='\076\0'
	# shellcheck disable=SC2059
	printf "$machine" | dd of="$T/other" bs=1 seek=18 conv=notrunc status=none
	doctor_says 3 none "$T/other"
	[[ $output == *"another architecture (64-bit "* ]]
	# 32-bit: header and one segment by hand
	printf '\177ELF\1\1\1\0\0\0\0\0\0\0\0\0\2\0\3\0\1\0\0\0\0\0\0\0\064\0\0\0\0\0\0\0\0\0\0\0\064\0\040\0\1\0\050\0\0\0\0\0' >"$T/small"
	printf '\3\0\0\0\124\0\0\0\0\0\0\0\0\0\0\0\023\0\0\0\023\0\0\0\4\0\0\0\1\0\0\0/lib/ld-linux.so.2\0' >>"$T/small"
	chmod +x "$T/small"
	doctor_says 3 none "$T/small"
	[[ $output == *"32-bit x86"* ]] || fail "$output"
	[ "$(findings -- "$T/small")" = machine ]
}

@test "a missing library is told" {
	gcc -shared -o "$T/libgone.so" -Wl,-soname,libgone.so -x c - <<<'int gone;'
	build "$T/needy" -Wl,--no-as-needed "$T/libgone.so"
	rm "$T/libgone.so"
	doctor_says 0 full "$T/needy"
	[[ $output == *"note       a library that it needs was not found: 'libgone.so'"* ]]
}

@test "names that would move a cursor are escaped" {
	build "$T/static" -static || skip "no static libc to link with"
	cp "$T/static" "$T/"$'a\033[31mb'
	run -3 "$HT" doctor -- "$T/"$'a\033[31mb'
	[[ $output != *$'\033'* && $output == *'a\x1b[31mb'* ]]
}

# ---- the surroundings ----

@test "HEAPTALLY=off, a bad directory, a limit on files, no library" {
	HEAPTALLY=off doctor_says 3 none "$P/family"
	[[ $output == *"HEAPTALLY=off"* ]]
	HEAPTALLY_DIR=$D/none doctor_says 3 none "$P/family"
	[[ $output == *"'$D/none'"*HEAPTALLY_DIR* ]]
	HEAPTALLY_DIR=relative doctor_says 3 none "$P/family"
	disk=$T
	[ "$(stat -f -c %T "$disk")" != tmpfs ] || disk=$ROOT/build
	if [ "$(stat -f -c %T "$disk")" != tmpfs ]; then
		HEAPTALLY_DIR=$disk doctor_says 3 none "$P/family"
		[[ $output == *tmpfs* ]]
	fi
	run -3 bash -c "ulimit -f 100; '$HT' doctor -- '$P/family' | cat; exit \${PIPESTATUS[0]}"
	[[ $output == *"100.0 KiB"*"ulimit -f"* ]] || fail "$output"
	mkdir "$T/alone"
	cp "$HT" "$T/alone"
	run -3 "$T/alone/heaptally" doctor -- "$P/family"
	[[ $output == *"cannot find libheaptally.so"* ]]
}

@test "a directory that may not be written" {
	need_root
	chmod 755 "$D"
	public_directory
	run -3 as_nobody "$PUBLIC/heaptally" doctor -- /bin/true
	[[ $output == *"'$D' cannot be written: permission denied"* ]] || fail "$output"
}

# ---- processes ----

@test "a tallied process" {
	start "$P/hold"
	run -0 --separate-stderr "$HT" doctor "$PID"
	[ -z "$stderr" ]
	[ "${lines[0]}" = "verdict    full" ]
	[[ $output == *"program    $P/hold"*"tally      live, coverage full, $D/heaptally.$PID."* ]]
	"$HT" doctor --json "$PID" >"$T/json"
	jq -e --argjson pid "$PID" '.doctor.pid == $pid and .doctor.tally.coverage == "full"' "$T/json"
	# wherever its segment is
	HEAPTALLY_DIR=/dev/shm run -0 "$HT" doctor "$PID"
	[[ $output == *"coverage full"* ]]
	rm "$D"/heaptally.*
	run -3 "$HT" doctor "$PID"
	[[ $output == *"its segment was deleted"* ]]
	finish
}

@test "a process without the library, and one that is static" {
	start -n "$P/hold"
	run -3 --separate-stderr "$HT" doctor "$PID"
	[ "${lines[0]}" = "verdict    none" ]
	[[ $output == *"not preloaded"*"heaptally run"* ]]
	finish
	"${CC:-cc}" -static -o "$T/static" "$ROOT/tests/programs/static_hold.c" ||
		skip "no static libc to link with"
	start "$T/static"
	run -3 "$HT" doctor "$PID"
	[ "$(findings "$PID")" = "static not-preloaded" ]
	finish
}

@test "a process that is loaded, but off" {
	start HEAPTALLY=off "$P/hold"
	run -3 "$HT" doctor "$PID"
	[[ $output == *"HEAPTALLY=off"* && $output != *"not preloaded"* ]]
	finish
	start HEAPTALLY_DIR="$D/none" "$P/hold"
	run -3 "$HT" doctor "$PID"
	[[ $output == *"/none'"* ]] || fail "$output"
	finish
	start HEAPTALLY_ONLY=other "$P/hold"
	run -3 "$HT" doctor "$PID"
	[[ $output == *"its tally is off"*HEAPTALLY_VERBOSE=1* ]] || fail "$output"
	finish
}

@test "a process with another preload before ours" {
	start -n env LD_PRELOAD="$P/count_shim.so:$LIB" "$P/hold"
	run "$HT" doctor "$PID"
	[[ $output == *"preloaded  $P/count_shim.so"* ]] || fail "$output"
	run findings "$PID"
	[[ $output == preloaded-before* ]] || fail "$output"
	finish
}

@test "a process with an allocator" {
	ld=$(gcc -print-file-name=libjemalloc.so.2)
	[ -e "$ld" ] || skip "no jemalloc"
	start -n env LD_PRELOAD="$LIB:$ld" "$P/hold"
	run -0 "$HT" doctor "$PID"
	[[ $output == *"allocator  "*libjemalloc* ]] || fail "$output"
	finish
}

@test "a process under valgrind" {
	command -v valgrind >/dev/null || skip "no valgrind"
	start -n env LD_PRELOAD="$LIB" valgrind -q "$P/hold"
	run -3 "$HT" doctor "$PID"
	[[ $output == *"valgrind redirects malloc"* ]] || fail "$output"
	finish
}

@test "no such process, a zombie, another user's" {
	refuses "4194303: no such process" 4194303
	sh -c 'sleep 0.01 & echo $!; exec sleep 60' >"$T/out" 3>&- &
	STARTED+=("$!")
	wait_until file_has "$T/out"
	zombie=$(cat "$T/out")
	wait_until is_in_state "$zombie" Z
	refuses "$zombie: it has ended" "$zombie"
	need_root
	public_directory
	start "$P/hold"
	run -3 --separate-stderr as_nobody "$PUBLIC/heaptally" doctor "$PID"
	error_matches "$PID: it belongs to another user \\(uid 0\\): run as root"
	finish
}

@test "usage errors" {
	usage() {
		run -2 --separate-stderr "$HT" doctor "$@"
		[ -z "$output" ] || fail "$*: $output"
		error_matches "$want"
	}
	want="no command and no PID" usage
	want="no command and no PID" usage --
	want="'0' is not a process id" usage 0
	want="'99999999999999999999'" usage 99999999999999999999
	want="unexpected argument '2'" usage 1 2
	want="'--frobnicate'" usage --frobnicate
	# behind -- a number is a command
	# a directory on the way that may not be searched would be told first
	PATH=/usr/bin:/bin refuses "'4194303': no such file" -- 4194303
}

# ---- run ----

@test "--allow-unobserved" {
	build "$T/static" -static || skip "no static libc to link with"
	run -3 --separate-stderr "$HT" run --quiet -- "$T/static"
	run -0 --separate-stderr "$HT" run --quiet --allow-unobserved -- "$T/static"
	error_matches "not observed"
	run -1 --separate-stderr "$HT" run --quiet --allow-unobserved -- false
}

@test "--allocator: stacked right behind the tally" {
	for name in jemalloc:libjemalloc.so.2 tcmalloc:libtcmalloc_minimal.so.4 mimalloc:libmimalloc.so.2; do
		ld=$(gcc -print-file-name="${name#*:}")
		[ -e "$ld" ] || continue
		LD_PRELOAD=$P/count_shim.so "$HT" run --quiet --allocator "${name%:*}" --json "$T/json" -- \
			sh -c 'printenv LD_PRELOAD' >"$T/out"
		[[ $(cat "$T/out") == "$LIB:"*"/${name#*:}:$P/count_shim.so" ]] || fail "$(cat "$T/out")"
		run -0 jq -r '.processes[0].provider' "$T/json"
		[[ $output == *"${name%:*}"* ]] || fail "$output"
	done
	run -0 --separate-stderr "$HT" run --quiet --allocator "$P/count_shim.so" -- printenv LD_PRELOAD
	[ "$output" = "$LIB:$P/count_shim.so" ]
}

@test "--allocator: what cannot be used is told before anything runs" {
	refused() { # REGEX ARGUMENT
		run -2 --separate-stderr "$HT" run --allocator "$2" -- touch "$T/ran"
		one_error_line && error_matches "$1"
		[ ! -e "$T/ran" ]
	}
	refused "'umem' is not jemalloc, tcmalloc, mimalloc or a path" umem
	refused "'/no/such.so' as allocator: no such file" /no/such.so
	refused "'/etc/passwd' as allocator: not an ELF file" /etc/passwd
	refused "'$P/family' as allocator: it is a program" "$P/family"
	gcc -shared -o "$T/empty.so" -x c - <<<'int empty;'
	refused "'$T/empty.so' as allocator: it does not define malloc" "$T/empty.so"
	cp "$P/count_shim.so" "$T/with space.so"
	refused "spaces or colons" "$T/with space.so"
}

@test "--allocator: which package has it" {
	need_root
	unshare -m true 2>/dev/null || skip "no mount namespace"
	ld=$(gcc -print-file-name=libmimalloc.so.2)
	[ -e "$ld" ] || ld=
	run -2 --separate-stderr unshare -m bash -c "
		[ -z '$ld' ] || mount --bind /dev/null \"\$(realpath '$ld')\"
		exec '$HT' run --allocator mimalloc -- true"
	error_matches "cannot find libmimalloc.so.2: install libmimalloc2.0"
}

# ---- memory that the tally does not see ----

hoard() { # OUTPUT: maps 100 MiB, says so, waits for the end of its input
	cat >"$T/hoard.c" <<-'EOT'
		#include <stdio.h>
		#include <string.h>
		#include <sys/mman.h>
		int main(void)
		{
			size_t size = 100u << 20;
			char *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
				       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
			memset(p, 1, size);
			puts("ready");
			fflush(stdout);
			getchar();
			return 0;
		}
	EOT
	gcc -O0 -o "$1" "$T/hoard.c"
}

@test "a note where anonymous memory is far above live bytes" {
	hoard "$T/hoard"
	start "$T/hoard"
	run -0 --separate-stderr "$HT" stat "$PID"
	[[ $output == *"note: 100."*" MiB of its anonymous memory"* ]] || fail "$output"
	run -0 --separate-stderr "$HT" stat -m /heap/live:objects "$PID"
	[ "${#lines[@]}" = 1 ]
	run -0 --separate-stderr "$HT" watch -i 0.01 -n 3 "$PID"
	[ "$(grep -c 'MiB of its anonymous memory' <<<"$stderr")" = 1 ] || fail "$stderr"
	finish
	start "$P/hold"
	run -0 --separate-stderr "$HT" stat "$PID"
	[[ $output != *note* ]]
	finish
}

@test "the note in the summary of a run that leaves a process behind" {
	hoard "$T/hoard"
	mkfifo "$T/gate"
	exec {gate}<>"$T/gate"
	# its own end of the gate must be the only one, or it waits for ever
	run -0 --separate-stderr timeout 20 "$HT" run -- bash -c "
		exec 3>&- $gate>&-
		'$T/hoard' <'$T/gate' >'$T/ready' 2>/dev/null &
		until grep -qs ready '$T/ready'; do sleep 0.02; done"
	exec {gate}>&-
	[[ $stderr == *"hoard"* && $stderr == *"still running"* ]] || fail "$stderr"
	[[ $stderr == *"note "*"of its anonymous memory"* ]] || fail "$stderr"
}
