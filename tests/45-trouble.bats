#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016,SC2030,SC2031,SC2153,SC2154 # each test is its own shell, on purpose
# Bad input for the readers; trouble in the target, which must not notice.

load helpers
setup() { private_directory; }
teardown() { clean_up; }

# ---- a PID that is not tallied ----

@test "no such PID" {
	for command in stat watch; do
		run -3 --separate-stderr "$HT" "$command" 4194303
		[ -z "$output" ]
		one_error_line
		error_matches "4194303.*(no such process|not)|no such process.*4194303"
	done
	run -3 --separate-stderr "$HT" stat --json 4194303
	error_matches 4194303
}

@test "a process without the library" {
	start -n "$P/hold"
	for command in stat watch; do
		run -3 --separate-stderr "$HT" "$command" "$PID"
		[ -z "$output" ]
		error_matches "$PID.*preload"
	done
	finish
}

@test "a static process" {
	"${CC:-cc}" -static -o "$T/static" "$ROOT/tests/programs/static_hold.c" ||
		skip "no static libc to link with"
	start "$T/static"
	run -3 --separate-stderr "$HT" stat "$PID"
	[ -z "$output" ]
	error_matches "$PID.*static"
	finish
}

@test "a process with the library, but HEAPTALLY=off" {
	start HEAPTALLY=off "$P/hold"
	[ "$(file_count "$D")" = 0 ]
	run -3 --separate-stderr "$HT" stat "$PID"
	[ -z "$output" ]
	error_matches "$PID"
	# it is loaded: "not preloaded" would be untrue
	[[ $stderr != *"not preloaded"* ]]
	finish
	[ "$STATUS" = 0 ]
}

@test "another user's process, as an ordinary user" {
	need_root
	chmod 1777 "$D"
	start "$P/hold"
	run -3 --separate-stderr as_nobody "$HT" stat "$PID"
	[ -z "$output" ]
	error_matches "$PID.*(user|permission)|(user|permission).*$PID"
	run --separate-stderr as_nobody "$HT" list
	[[ $output != *"$PID"*hold* ]]
	run --separate-stderr as_nobody "$HT" sweep --min-age 0
	finish
}

@test "another user's process, as root" {
	need_root
	chmod 1777 "$D"
	start -n setpriv --reuid=65534 --regid=65534 --clear-groups \
		env LD_PRELOAD="$LIB" "$P/hold"
	"$HT" stat --json >"$T/json"
	agrees "$OUT" "$T/json"
	run -0 stat -c %U "$D"/heaptally.*
	[ "$output" = nobody ]
	finish
}

@test "a dead segment of another user is not swept by an ordinary user" {
	need_root
	chmod 1777 "$D"
	LD_PRELOAD=$LIB "$P/ends" kill >/dev/null || [ "$?" = 137 ]
	run --separate-stderr as_nobody "$HT" sweep --min-age 0
	[ "$(file_count "$D")" = 1 ]
	run -0 "$HT" sweep --min-age 0
	[ "$(file_count "$D")" = 0 ]
}

# ---- segments that are not what they seem ----

# A live process that is not tallied, and the name its segment would have.
victim() {
	local stat

	start -n "$P/hold"
	stat=$(cat "/proc/$PID/stat")
	read -ra words <<<"${stat##*) }"
	NAME=heaptally.$PID.${words[19]}
}
# A good segment of a process that was killed.
good_segment() {
	HEAPTALLY_DIR=$D LD_PRELOAD=$LIB "$P/ends" kill >"$T/good.out" || [ "$?" = 137 ]
	mv "$D"/heaptally.* "$T/good"
}
poke() { # FILE OFFSET BYTES(printf)
	# shellcheck disable=SC2059
	printf "$3" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}
# The segment of $PID, $D/$NAME, must be refused with such a message by
# everybody, and must not keep anybody from seeing the others.
refused() { # REGEX
	run -3 --separate-stderr timeout 10 "$HT" stat "$PID"
	[ -z "$output" ] || fail "output: $output"
	error_matches "$1"
	error_matches "$NAME|$PID"
	run -3 --separate-stderr timeout 10 "$HT" watch -n 1 "$PID"
	[ -z "$output" ] || fail "output: $output"
	error_matches "$1"
	LD_PRELOAD=$LIB HEAPTALLY_KEEP=1 "$P/nothing" >"$T/other"
	timeout 10 "$HT" list --json >"$T/json" 2>"$T/err"
	agrees "$T/other" "$T/json"
	run -0 jq '.processes | length' "$T/json"
	[ "$output" = 1 ]
	run -0 --separate-stderr timeout 10 "$HT" list
	[[ $output != *" $PID "* ]]
}

@test "a segment that is empty" {
	victim
	: >"$D/$NAME"
	refused "size|small|empty|not finished"
}
@test "a segment cut short" {
	victim
	good_segment
	for size in 1 100 895 896 4096 8192 12287 16384 20000; do
		head -c "$size" "$T/good" >"$D/$NAME"
		chmod 600 "$D/$NAME"
		refused "size|small|short|truncated|fit"
		rm "$D"/heaptally.*
	done
}
@test "a segment of random bytes" {
	victim
	for seed in 1 2 3; do
		openssl enc -aes-128-ctr -K "0000000000000000000000000000000$seed" \
			-iv 0 -in /dev/zero 2>/dev/null | head -c 1064960 >"$D/$NAME" || true
		chmod 600 "$D/$NAME"
		refused "not a (heaptally )?segment|magic"
		rm "$D"/heaptally.*
	done
}
@test "a segment that asks for a newer reader" {
	victim
	good_segment
	cp "$T/good" "$D/$NAME"
	poke "$D/$NAME" 14 '\377\000'
	refused "newer"
}
@test "a newer segment that an older reader may read is read" {
	good_segment
	poke "$T/good" 12 '\011\000'
	cp "$T/good" "$D/heaptally.$(sed -n 's/^pid //p' "$T/good.out").1"
	"$HT" list --json >"$T/json"
	agrees "$T/good.out" "$T/json"
}
@test "a segment of the other byte order" {
	victim
	good_segment
	cp "$T/good" "$D/$NAME"
	poke "$D/$NAME" 0 '\001YLTPAEH'
	poke "$D/$NAME" 8 '\001\002\003\004'
	refused "byte order"
}
@test "a segment whose sections lie outside of it" {
	victim
	good_segment
	for at in 384 392 396 400 408 412; do
		cp "$T/good" "$D/$NAME"
		poke "$D/$NAME" "$at" '\377\377\377\177'
		refused "corrupt|fit|damaged"
		rm "$D"/heaptally.*
	done
}
@test "a segment that was never finished" {
	victim
	good_segment
	cp "$T/good" "$D/$NAME"
	poke "$D/$NAME" 20 '\000\000\000\000'
	refused "start|fill|finish"
}
@test "a FIFO" {
	victim
	mkfifo -m 600 "$D/$NAME"
	refused "regular"
}
@test "a symlink, even to a good segment" {
	victim
	good_segment
	ln -s "$T/good" "$D/$NAME"
	refused "regular|symlink|link"
}
@test "a directory" {
	victim
	mkdir "$D/$NAME"
	refused "regular|directory"
}
@test "a hard link" {
	victim
	good_segment
	cp "$T/good" "$D/elsewhere"
	ln "$D/elsewhere" "$D/$NAME"
	refused "regular|link"
}
@test "a socket and a dangling symlink" {
	victim
	ln -s "$T/nowhere" "$D/$NAME"
	refused "regular|symlink|link"
	rm "$D"/heaptally.*
	python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' \
		"$D/$NAME"
	refused "regular|socket"
}
@test "a good segment with strings that would write to the terminal" {
	good_segment
	# comm and exe: ESC ] 0 ; no NUL at the end
	poke "$T/good" 112 '\033]0;evil\007\n\377\376\033[2J'
	poke "$T/good" 256 '\033[31mglibc\033[0m%%s%%n'
	cp "$T/good" "$D/heaptally.$(sed -n 's/^pid //p' "$T/good.out").1"
	run -0 --separate-stderr "$HT" list
	[[ $output != *$'\033'* ]]
	[[ $output != *$'\007'* ]]
	[[ $output == *evil* ]]
	run -0 "$HT" list --json
	jq -e '.processes | length == 1' <<<"$output"
	[[ $output != *$'\033'* ]]
	run -0 --separate-stderr "$HT" stat "$(sed -n 's/^pid //p' "$T/good.out")"
	[[ $output != *$'\033'* ]]
}
@test "a segment whose pid was used again by another process" {
	good_segment
	start -n "$P/hold"
	# wrong start time in name and header: the pid alone says nothing
	cp "$T/good" "$D/heaptally.$PID.17"
	poke "$D/heaptally.$PID.17" 36 "$(printf '\\%03o\\%03o\\%03o\\%03o' $((PID & 255)) $((PID >> 8 & 255)) $((PID >> 16 & 255)) 0)"
	poke "$D/heaptally.$PID.17" 40 '\021\000\000\000\000\000\000\000'
	"$HT" list --json >"$T/json"
	run -0 field "$PID" .state "$T/json"
	[ "$output" = killed ]
	run -0 "$HT" sweep --min-age 0
	[ "$(file_count "$D")" = 0 ]
	kill -0 "$PID"
}
@test "a segment cut while it is watched" {
	start "$P/hold"
	"$HT" watch --json -i 0.01 "$PID" >"$T/watch" 2>"$T/err" 3>&- &
	watcher=$!
	STARTED+=("$watcher")
	wait_until file_has "$T/watch"
	# the target lives on what it has touched: leave it its last moment
	kill -STOP "$PID"
	truncate -s 4096 "$D"/heaptally.*
	wait_until process_ended "$watcher"
	status=0
	wait "$watcher" || status=$?
	[ "$status" = 3 ] || fail "status $status: $(cat "$T/err")"
	grep -q '^heaptally' "$T/err"
}

@test "HEAPTALLY_DIR that is not there, or is a file" {
	for dir in "$D/none" /etc/passwd; do
		HEAPTALLY_DIR=$dir run --separate-stderr "$HT" list
		[ -z "$output" ] || fail "$output"
		[ "$status" != 0 ]
		error_matches "'$dir'"
		HEAPTALLY_DIR=$dir run -3 --separate-stderr "$HT" stat
		error_matches .
	done
}

@test "two readers and a sweeper at once" {
	LD_PRELOAD=$LIB "$P/worker" 2 "$T/progress" 3 3>&- &
	PID=$!
	STARTED+=("$PID")
	wait_until file_has "$T/progress"
	wait_until test -n "$(ls "$D")"
	loop() { # FILE COMMAND...
		local log=$1
		shift
		while ! process_ended "$PID"; do
			"$@" >"$log.out" 2>"$log.err" || echo "status $?: $(cat "$log.err")"
			echo once
		done >"$log"
	}
	loop "$T/sweep" "$HT" sweep --min-age 0 3>&- &
	sweeper=$!
	loop "$T/list" "$HT" list --json 3>&- &
	lister=$!
	i=0
	while ! process_ended "$PID"; do
		"$HT" stat --json "$PID" >"$T/json" || process_ended "$PID"
		LD_PRELOAD=$LIB "$P/ends" kill >/dev/null || [ "$?" = 137 ]
		i=$((i + 1))
	done
	wait "$sweeper" "$lister"
	wait "$PID"
	[ "$i" -ge 3 ]
	[ "$(grep -c once "$T/sweep")" -ge 3 ]
	[ "$(grep -c once "$T/list")" -ge 3 ]
	# the last round may have met the end of the process
	run -1 grep -v once "$T/sweep"
	[ "$(grep -vc once "$T/list")" -le 1 ]
	"$HT" sweep --min-age 0
	[ "$(file_count "$D")" = 0 ]
}

# ---- trouble in the target ----

# unharmed COMMAND...: says the same, with the same status, and nothing on
# standard error, as without us.
unharmed() {
	local plain=0 with=0

	"$@" >"$T/plain.out" 2>"$T/plain.err" || plain=$?
	LD_PRELOAD=$LIB "$@" >"$T/with.out" 2>"$T/with.err" || with=$?
	[ "$plain" = "$with" ] || fail "status $with, not $plain: $(cat "$T/with.err")" || return 1
	# usable sizes differ by luck with threads, and by the size of a DTV
	sed -i '/^pid/d; /:bytes/d' "$T/plain.out" "$T/with.out"
	diff "$T/plain.out" "$T/with.out" || return 1
	diff "$T/plain.err" "$T/with.err"
}
works_in() { # DIRECTORY: programs of several kinds, none of them harmed
	local -x HEAPTALLY_DIR=$1

	unharmed "$P/family" malloc &&
		unharmed "$P/fork_inherit" &&
		unharmed "$P/threads_random" 8 1000 own &&
		unharmed "$P/start_state" &&
		unharmed bash -c 'echo hello | cat; (exit 3)'
}
# One line on standard error, once, that says why, and only if asked.
says_why() { # DIRECTORY REGEX
	HEAPTALLY_DIR=$1 LD_PRELOAD=$LIB HEAPTALLY_VERBOSE=1 \
		"$P/nothing" >"$T/out" 2>"$T/err"
	[ "$(wc -l <"$T/err")" = 1 ] || fail "$(cat "$T/err")" || return 1
	grep -qE '^heaptally: ' "$T/err" || fail "$(cat "$T/err")" || return 1
	grep -qE "$2" "$T/err" || fail "$(cat "$T/err")"
}

@test "HEAPTALLY=off: loaded, but does nothing" {
	HEAPTALLY=off works_in "$D"
	[ "$(file_count "$D")" = 0 ]
}
@test "HEAPTALLY_ONLY: another command's name does nothing" {
	HEAPTALLY_ONLY=other HEAPTALLY_KEEP=1 works_in "$D"
	[ "$(file_count "$D")" = 0 ]
	HEAPTALLY_ONLY='fam*' HEAPTALLY_KEEP=1 LD_PRELOAD=$LIB "$P/family" malloc >/dev/null
	[ "$(file_count "$D")" = 1 ]
}
@test "HEAPTALLY_MODE" {
	start HEAPTALLY_MODE=0644 "$P/hold"
	run -0 stat -c %a "$D"/heaptally.*
	[ "$output" = 644 ]
	finish
	(umask 0777; LD_PRELOAD=$LIB HEAPTALLY_KEEP=1 "$P/nothing" >/dev/null)
	run -0 stat -c %a "$D"/heaptally.*
	[ "$output" = 600 ]
}
@test "nonsense in our variables" {
	HEAPTALLY_SLOTS=banana HEAPTALLY_MODE=rwx HEAPTALLY_FORK=maybe works_in "$D"
	HEAPTALLY_SLOTS=-1 works_in "$D"
	HEAPTALLY_SLOTS=99999999999999999999 works_in "$D"
	HEAPTALLY_DIR='' unharmed "$P/family" malloc
	works_in relative/directory
	works_in "$(printf '/%0300d' 7)"
}

@test "a directory that is not there" {
	works_in "$D/none"
	says_why "$D/none" "none"
}
@test "a directory that is a file" {
	works_in /etc/passwd
	says_why /etc/passwd "/etc/passwd"
}
@test "a directory on disk" {
	disk=$T
	[ "$(stat -f -c %T "$disk")" != tmpfs ] || disk=$ROOT/build
	[ "$(stat -f -c %T "$disk")" != tmpfs ] || skip "no directory on disk"
	works_in "$disk"
	[ -z "$(compgen -G "$disk/heaptally.*" || true)" ]
	says_why "$disk" "tmpfs"
}
@test "a directory that may not be written" {
	need_root
	chmod 755 "$D"
	as_nobody env HEAPTALLY_DIR="$D" LD_PRELOAD="$LIB" "$P/family" malloc >"$T/out" 2>"$T/err"
	[ ! -s "$T/err" ]
	as_nobody env HEAPTALLY_DIR="$D" LD_PRELOAD="$LIB" HEAPTALLY_VERBOSE=1 \
		"$P/family" malloc >"$T/out" 2>"$T/err"
	[ "$(grep -c '^heaptally: .*ermission' "$T/err")" = 1 ]
}

# Runs one of the functions above in a mount namespace of its own with a
# tmpfs (mount options: $1) at $M.
with_tmpfs() {
	local options=$1 as=()

	shift
	[ "$(id -u)" = 0 ] || as=(-r)
	M=$T/mount
	mkdir -p "$M"
	unshare -m "${as[@]}" true 2>/dev/null ||
		skip "no mount namespace: $(unshare -m "${as[@]}" true 2>&1)"
	export M T D P HT LIB ROOT
	declare -fx fail unharmed works_in says_why agrees differences file_count
	unshare -m "${as[@]}" bash -euc \
		"mount -t tmpfs -o '$options' none '$M'; $*"
}

@test "tmpfs, read-only" {
	with_tmpfs ro 'works_in "$M"; says_why "$M" "ead-only"'
}
@test "tmpfs, full" {
	with_tmpfs size=8k 'head -c 8192 /dev/zero >"$M/filler"
		works_in "$M"; says_why "$M" "pace|full"
		[ "$(ls "$M")" = filler ]'
}
@test "tmpfs with no room for more rows: prctl keeps errno" {
	with_tmpfs size=32k '[ "$(HEAPTALLY_DIR=$M LD_PRELOAD=$LIB "$P/prctl_errno")" = "0 0" ]'
}
@test "tmpfs without inodes" {
	with_tmpfs size=1m,nr_inodes=1 'works_in "$M"; says_why "$M" "pace|full"'
}
@test "tmpfs of 1, 2, 7 and 8 pages" {
	for pages in 1 2 7 8; do
		with_tmpfs "size=$((pages * 4))k" 'works_in "$M"; [ -z "$(ls "$M")" ]'
	done
}
@test "tmpfs that is full of what killed programs left: room is made" {
	with_tmpfs size=64k '
		export HEAPTALLY_DIR=$M
		for i in 1 2; do LD_PRELOAD=$LIB "$P/ends" kill >/dev/null || [ $? = 137 ]; done
		[ "$(file_count "$M")" = 2 ]
		# young ones may be in the making, and stay
		LD_PRELOAD=$LIB HEAPTALLY_KEEP=1 "$P/nothing" >/dev/null
		[ "$(file_count "$M")" = 2 ]
		touch -d "1 minute ago" "$M"/heaptally.*
		old=$(ls "$M")
		# who is told to keep files knows a reader for all of them
		LD_PRELOAD=$LIB HEAPTALLY_KEEP=1 "$P/nothing" >/dev/null
		[ "$(ls "$M")" = "$old" ]
		LD_PRELOAD=$LIB "$P/ends" kill >"$T/out" || [ $? = 137 ]
		[ "$(file_count "$M")" = 1 ]
		if grep -qx "$(ls "$M")" <<<"$old"; then exit 1; fi
		"$HT" stat --json "$(sed -n "s/^pid //p" "$T/out")" >"$T/json"
		agrees "$T/out" "$T/json"
		# what lives is not touched, however old its file is
		rm "$M"/*
		mkfifo "$T/gate"
		LD_PRELOAD=$LIB "$P/hold" <"$T/gate" >"$T/held" &
		exec 9>"$T/gate"
		for i in $(seq 500); do [ -s "$T/held" ] && break; sleep 0.02; done
		LD_PRELOAD=$LIB "$P/ends" kill >/dev/null || [ $? = 137 ]
		touch -d "1 minute ago" "$M"/heaptally.*
		LD_PRELOAD=$LIB "$P/family" malloc >/dev/null
		"$HT" stat --json >"$T/json"
		agrees "$T/held" "$T/json"
		exec 9>&-
		wait $!'
}
@test "tmpfs that is full when more threads need rows: exact all the same" {
	with_tmpfs size=40k '
		export HEAPTALLY_DIR=$M
		mkfifo "$T/gate"
		LD_PRELOAD=$LIB "$P/threads_crowd" 200 hold <"$T/gate" >"$T/out" &
		exec 9>"$T/gate"
		for i in $(seq 500); do
			grep -q threads/peak "$T/out" && break
			sleep 0.02
		done
		[ "$(stat -f -c %f "$M")" -le 2 ] # it did grow as far as it went
		"$HT" stat --json >"$T/json"
		agrees "$T/out" "$T/json"
		exec 9>&-
		wait $!'
}
@test "tmpfs mounted noexec, nosuid, nodev" {
	with_tmpfs noexec,nosuid,nodev 'works_in "$M"
		LD_PRELOAD=$LIB HEAPTALLY_KEEP=1 HEAPTALLY_DIR=$M "$P/nothing" >/dev/null
		[ "$(file_count "$M")" = 1 ]'
}
@test "/dev/shm missing" {
	need_root
	with_tmpfs size=1m 'mount --bind "$M" /dev; unset HEAPTALLY_DIR
		mknod -m 666 /dev/null c 1 3
		unharmed "$P/family" malloc
		unharmed "$P/fork_inherit"'
}

@test "a program that moves to another root" {
	need_root
	mkdir "$T/root"
	exactly "$P/sandbox" chroot "$T/root"
	unharmed "$P/sandbox" chroot "$T/root"
}
@test "a program that may not open files any more, on pain of death" {
	unharmed "$P/sandbox" seccomp
	exactly "$P/sandbox" seccomp
	HEAPTALLY_FORK=off unharmed "$P/sandbox" seccomp
	# it cannot remove its file, yet it says that it has ended
	LD_PRELOAD=$LIB "$P/sandbox" seccomp >"$T/out"
	pid=$(sed -n 's/^pid //p' "$T/out")
	"$HT" stat --json "$pid" >"$T/json"
	run -0 field "$pid" .state "$T/json"
	[ "$output" = exited ]
}
@test "what is no sandbox of ours: a question, and a child of vfork" {
	for kind in query vfork; do
		exactly "$P/sandbox" "$kind"
		run -0 jq '.processes | length' "$T/json"
		[ "$output" = 2 ] || fail "$kind: $output"
	done
}

@test "a library with calloc and free, but no malloc, behind us" {
	"${CC:-cc}" -O0 -o "$T/clear" -x c - <<-'EOF'
		#include <stdlib.h>
		int main(void) { for (int i = 0; i < 9; i++) free(calloc(i, 100)); }
	EOF
	"$HT" run --quiet --json "$T/json" -- \
		env LD_PRELOAD="$LIB:$P/half_shim.so" "$T/clear"
	run -0 jq -r '.processes[] | select(.command == "clear") | "\(.coverage) \(.coverage_reason)"' "$T/json"
	[[ $output == "partial no usable sizes"* ]] || fail "$output"
}

@test "ulimit -f 0" {
	# output goes through pipes: files may not grow any more
	for program in "'$P/family' malloc" "'$P/fork_inherit'" "sh -c 'echo a | cat'"; do
		plain=$(bash -c "ulimit -f 0; $program 2>&1" | grep -v ^pid)
		with=$(bash -c "ulimit -f 0; LD_PRELOAD='$LIB' $program 2>&1" | grep -v ^pid)
		[ "$plain" = "$with" ]
		[ -n "$with" ]
	done
	run -0 bash -c "ulimit -f 0; HEAPTALLY_VERBOSE=1 LD_PRELOAD='$LIB' '$P/nothing' 2>&1 >/dev/null | cat"
	[[ $output =~ ^heaptally:.*(limit|large) ]] || fail "$output"
	run --separate-stderr "$HT" run -- bash -c "ulimit -f 0; exec '$P/nothing' 4 | cat; exit \${PIPESTATUS[0]}"
	[ "$status" = 4 ]
}
@test "ulimit -n: no descriptor left" {
	# a program cannot start without one free for libc, but its children can
	local only012='exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&- 10>&-'

	unharmed bash -c "$only012; ulimit -n 3
		(for i in 1 2 3; do echo \$i; done; a=\$(echo x 2>&1); exit 6)"
	grep -qx 3 "$T/with.out"
	unharmed bash -c "$only012; ulimit -n 4; '$P/family' malloc"
	grep -q '^/heap' "$T/with.out"
	unharmed bash -c "$only012; ulimit -n 3; '$P/family' malloc <&-"
	grep -q '^/heap' "$T/with.out"
	unharmed bash -c "$only012; ulimit -n 3; '$P/fork_inherit' <&-"
	grep -q '^/heap' "$T/with.out"
}
# The least address space, in KiB, in which a program works without us.
least_space() {
	local least=2000

	while ! bash -c "ulimit -v $least; exec $1" >/dev/null 2>&1; do
		least=$((least + 100))
		[ "$least" -lt 2000000 ] || return 1
	done
	echo "$least"
}
in_space() { # KIB PROGRAM: works with us, silently
	local status=0

	bash -c "ulimit -v $1; export LD_PRELOAD='$LIB'; exec $2" \
		>"$T/out" 2>"$T/err" || status=$?
	[ "$status" = 0 ] || fail "$2 in $1 KiB: status $status, $(cat "$T/err")" || return 1
	[ ! -s "$T/err" ] || fail "$2 in $1 KiB: $(cat "$T/err")" || return 1
	grep -q ^pid "$T/out"
}
@test "small ulimit -v" {
	# just enough for the library's file, not for a segment
	least=$(least_space "$P/nothing")
	for more in 300 500 900; do
		in_space $((least + more)) "$P/nothing"
	done
	# whatever else we map is small
	for program in "$P/family malloc" "$P/threads_random 4 100 own"; do
		least=$(least_space "$program")
		for more in 2000 2500 4000; do
			in_space $((least + more)) "$program"
		done
	done
}
@test "mlockall and a small RLIMIT_MEMLOCK" {
	unharmed bash -c "ulimit -l 64; '$P/family' malloc"
}

@test "a squatter on the name: ours gets a suffix" {
	for squatter in file garbage directory symlink fifo; do
		rm -rf "${D:?}"/*
		run -0 bash -c '
			read -r line </proc/self/stat
			rest=${line##*) }
			set -- $rest
			name=$HEAPTALLY_DIR/heaptally.$$.${20}
			case '$squatter' in
			file) : >"$name" ;;
			garbage) head -c 1064960 /dev/urandom >"$name" ;;
			directory) mkdir "$name" ;;
			symlink) ln -s /etc/passwd "$name" ;;
			fifo) mkfifo "$name" ;;
			esac
			LD_PRELOAD='"$LIB"' HEAPTALLY_KEEP=1 exec '"$P"'/family malloc'
		[ "$(find "$D" -mindepth 1 -maxdepth 1 | wc -l)" = 2 ] || fail "$squatter: $(ls -la "$D")"
		printf '%s\n' "$output" >"$T/out"
		ours=$(compgen -G "$D/heaptally.*.*.????")
		[ "$(stat -c %s "$ours")" -gt 100000 ]
		"$HT" stat --json "$(sed -n 's/^pid //p' "$T/out")" >"$T/json" 2>"$T/err"
		agrees "$T/out" "$T/json"
	done
	[ -s /etc/passwd ]
}

@test "two processes of the same pid in two pid namespaces share a directory" {
	need_root
	unshare -p -f true 2>/dev/null || skip "no pid namespace"
	for i in 1 2; do
		start -n unshare -p -f --kill-child --mount-proc \
			env LD_PRELOAD="$LIB" "$P/hold" "$((i * 100))"
		wait_until grep -qs threads/peak "$OUT"
		grep -qx 'pid 1' "$OUT"
	done
	"$HT" list --json >"$T/json"
	run -0 jq -c '[.processes[] | [.state, .metrics."/heap/live:objects"]] | sort' "$T/json"
	[ "$output" = '[["live",100],["live",200]]' ] || fail "$output"
	finish
}
