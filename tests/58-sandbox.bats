#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016,SC2030,SC2031,SC2153,SC2154 # each test is its own shell, on purpose
# Confined targets: filters, limits, lost rights, namespaces, small tmpfs.

load helpers
setup() { private_directory; }
teardown() { clean_up; }

need_namespaces() {
	need_root
	unshare -m -p -f true 2>/dev/null || skip "no namespaces here"
}

# ---- filters ----

@test "a filter set by a bare system call, that refuses: exact, unharmed" {
	"$P/sandbox_raw" >"$T/plain" || skip "no such filter here"
	exactly "$P/sandbox_raw"
	run -0 jq '.processes | length' "$T/json"
	[ "$output" = 1 ] # the child could not open a file
	# it may not remove its file either, and says that it has ended
	LD_PRELOAD=$LIB "$P/sandbox_raw" >"$T/out"
	"$HT" stat --json "$(sed -n 's/^pid //p' "$T/out")" >"$T/json"
	run -0 jq -r '.processes[0].state' "$T/json"
	[ "$output" = exited ]
	HEAPTALLY_FORK=off exactly "$P/sandbox_raw"
}

@test "a filter that kills for changing the signal mask: a child lives" {
	[ "$("$P/sandbox_masks")" = "child exit 0" ] || skip "no such filter here"
	for fork in follow off; do
		run -0 env LD_PRELOAD="$LIB" HEAPTALLY_FORK="$fork" "$P/sandbox_masks"
		[ "$output" = "child exit 0" ] || fail "$output"
	done
}

# ---- lost rights ----

@test "root that becomes nobody: counting goes on, the file stays root's" {
	need_root
	# a directory that it can no longer write to
	start "$P/privilege" 65534
	wait_until grep -q /threads/peak "$OUT"
	"$HT" stat --json "$PID" >"$T/json"
	agrees "$OUT" "$T/json"
	run -0 field "$PID" .state "$T/json"
	[ "$output" = live ]
	run -0 stat -c '%U %a' "$D"/heaptally.*
	[ "$output" = "root 600" ]
	finish
	[ "$STATUS" = 0 ]
	# nobody can remove a file of root's: it has ended all the same
	[ "$(file_count "$D")" = 1 ]
	"$HT" stat --json "$PID" >"$T/json"
	agrees "$OUT" "$T/json"
	run -0 field "$PID" .state "$T/json"
	[ "$output" = exited ]
	"$HT" sweep --min-age 0
	[ "$(file_count "$D")" = 0 ]
}

@test "root that becomes nobody, whose child can write: each has a file of its own" {
	need_root
	chmod 1777 "$D"
	start HEAPTALLY_KEEP=1 "$P/privilege" 65534
	wait_until grep -q /threads/peak "$OUT"
	"$HT" list --json >"$T/json"
	run -0 jq -c --argjson pid "$PID" '[.processes[] | select(.parent_pid == $pid)
		| .metrics["/heap/allocs:objects"], .metrics["/heap/live:objects"], .state]' "$T/json"
	[ "$output" = '[100,180,"exited"]' ] || fail "$output"
	run -0 bash -c 'stat -c %U "$1"/heaptally.* | sort | xargs' - "$D"
	[ "$output" = "nobody root" ]
	agrees "$OUT" "$T/json"
	finish
	"$HT" sweep --min-age 0
	[ "$(file_count "$D")" = 0 ]
}

@test "nobody, in a directory that refuses: as without us, and why" {
	need_root
	chmod 0555 "$D"
	as_nobody "$P/fork_inherit" >"$T/plain"
	as_nobody env LD_PRELOAD="$LIB" "$P/fork_inherit" >"$T/with" 2>"$T/err"
	diff <(grep -v ^pid "$T/plain") <(grep -v ^pid "$T/with")
	[ ! -s "$T/err" ]
	as_nobody env LD_PRELOAD="$LIB" HEAPTALLY_VERBOSE=1 "$P/nothing" >"$T/out" 2>"$T/err"
	grep -q '^heaptally: the tally is off: .*ermission denied' "$T/err"
	[ "$(wc -l <"$T/err")" = 1 ]
	run -3 --separate-stderr as_nobody env HEAPTALLY_DIR="$D" "$HT" run -- "$P/nothing"
	[[ $output == pid* ]]
	[[ $stderr == *ermission* ]]
	[ "$(file_count "$D")" = 0 ]
}

# ---- limits ----

@test "ulimit -f: room for a small file, not for ours" {
	run -0 --separate-stderr bash -c "ulimit -f 64; HEAPTALLY_VERBOSE=1 LD_PRELOAD='$LIB' '$P/family' malloc 2>&1 | cat"
	[[ $output == *"heaptally: the tally is off"* ]]
	[[ $output == *"/heap/live:objects 0"* ]]
	# room for ours: counted
	run -0 bash -c "ulimit -f 2048; HEAPTALLY_KEEP=1 LD_PRELOAD='$LIB' '$P/family' malloc | cat"
	[ "$(file_count "$D")" = 1 ]
}

@test "ulimit -n: threads and children after the start, no descriptor left" {
	local only012='exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&- 10>&-'

	# libc needs one to load libraries; it is free again for our file
	HEAPTALLY_KEEP=1 bash -c "$only012; ulimit -n 4; LD_PRELOAD='$LIB' exec '$P/threads_random' 4 1000 own" >"$T/out"
	"$HT" stat --json "$(sed -n 's/^pid //p' "$T/out")" >"$T/json"
	agrees "$T/out" "$T/json"
}

@test "small ulimit -v: no memory for threads, failures are counted" {
	# with room for a few blocks, but not for what `failures` asks
	exactly bash -c "ulimit -v 400000; exec '$P/failures' malloc"
	exactly bash -c "ulimit -v 400000; exec '$P/threads_random' 8 1000 own"
}

@test "mlockall as root, and where any amount may be locked" {
	exactly "$P/locked"
	grep -qx 'locked 1' "$T/out" || skip "nothing may be locked here"
	bash -c "ulimit -l 64; '$P/locked'" >"$T/plain"
	bash -c "ulimit -l 64; LD_PRELOAD='$LIB' '$P/locked'" >"$T/with"
	same_locks
}

# The library adds to the size of a DTV, which is in the bytes.
same_locks() {
	sed -i '/^pid/d; /:bytes/d' "$T/plain" "$T/with"
	diff "$T/plain" "$T/with"
}

@test "mlockall as nobody: refused as ever, allowed as ever" {
	need_root
	chmod 1777 "$D"
	# locks KIB [LIBRARY]: what the program says in that limit
	locks() {
		as_nobody bash -c "ulimit -l $1; LD_PRELOAD='${2-}' exec '$P/locked'" \
			>"$T/locks" 2>"$T/err" || [ "$?" = 99 ]
	}
	most=$(ulimit -H -l)
	[ "$most" != unlimited ] || most=65536
	[ "$most" -ge 8000 ] || skip "only $most KiB may be locked here"
	for kib in 64 "$most"; do
		locks "$kib"
		cp "$T/locks" "$T/plain"
		locks "$kib" "$LIB"
		cp "$T/locks" "$T/with"
		same_locks || fail "$kib KiB: $(cat "$T/err")"
	done
	grep -qx 'locked 1' "$T/with"
	# what is mapped counts, ours too: at most that much more
	least=1000
	until locks "$least" && grep -qx 'locked 1' "$T/locks"; do
		least=$((least + 200))
		[ "$least" -lt "$most" ] || fail "never locked"
	done
	locks "$((least + 2500))" "$LIB"
	grep -qx 'locked 1' "$T/locks" || fail "$(cat "$T/err")"
}

@test "mlockall on a full tmpfs: unharmed, exact" {
	need_namespaces
	mkdir "$T/small"
	M=$T/small
	export M P T HT LIB
	unshare -m bash -euc '
		mount -t tmpfs -o size=64k none "$M"
		export HEAPTALLY_DIR=$M HEAPTALLY_KEEP=1 LD_PRELOAD=$LIB
		HEAPTALLY_FORK=off "$P/locked" >"$T/out"
		[ "$(stat -f -c %f "$M")" -le 2 ] # its mapping has taken what there was
		unset LD_PRELOAD
		"$HT" list --json >"$T/json"'
	agrees "$T/out" "$T/json"
	grep -qx 'locked 1' "$T/out"
}

# ---- a small /dev/shm ----

@test "a tmpfs of 64 KiB: the first ones are tallied, all run" {
	need_namespaces
	mkdir "$T/small"
	mkfifo "$T/gate"
	M=$T/small
	export M P T HT LIB
	# as a container has it: a /dev/shm of its own
	unshare -m bash -euc '
		mount -t tmpfs -o size=64k none /dev/shm
		unset HEAPTALLY_DIR
		export HEAPTALLY_VERBOSE=1
		for i in 1 2 3 4 5; do
			LD_PRELOAD=$LIB "$P/hold" $((i * 10)) <"$T/gate" >"$T/out.$i" 2>"$T/err.$i" 3>&- 9>&- &
			[ "$i" != 1 ] || exec 9>"$T/gate"
			for tries in $(seq 500); do
				grep -qs threads/peak "$T/out.$i" && break
				sleep 0.02
			done
		done
		"$HT" list --json >"$T/json"
		exec 9>&-
		for job in $(jobs -p); do
			wait "$job"
		done
		[ -z "$(ls /dev/shm)" ]
		# and whoever comes then is tallied again
		LD_PRELOAD=$LIB HEAPTALLY_KEEP=1 "$P/family" calloc >"$T/out.6" 2>"$T/err.6"
		"$HT" list --json >"$T/json.6"' 3>&-
	count=$(jq '.processes | length' "$T/json")
	[ "$count" -ge 1 ]
	[ "$count" -lt 5 ]
	for i in 1 2 3 4 5; do
		grep -q threads/peak "$T/out.$i"
		if [ "$i" -le "$count" ]; then
			agrees "$T/out.$i" "$T/json"
			[ ! -s "$T/err.$i" ]
		else
			grep -qE '^heaptally: the tally is off: .*space' "$T/err.$i"
		fi
	done
	agrees "$T/out.6" "$T/json.6"
}

# ---- namespaces ----

@test "a user namespace of one's own" {
	unshare -U -r true 2>/dev/null || skip "no user namespace"
	exactly unshare -U -r "$P/fork_inherit"
	need_root
	unshare -U -r -p -f true 2>/dev/null || skip "no pid namespace in it"
	chmod 1777 "$D"
	HEAPTALLY_KEEP=1 LD_PRELOAD=$LIB as_nobody \
		unshare -U -r -p -f "$P/family" realloc >"$T/out"
	grep -qx 'pid 1' "$T/out"
	"$HT" list --json >"$T/json"
	agrees "$T/out" <(jq '.processes |= map(select(.command == "family"))' "$T/json")
}

@test "a user namespace in which one is nobody: one segment for one process" {
	unshare -U true 2>/dev/null || skip "no user namespace"
	exactly unshare -U "$P/threads_random" 4 1000 own
	run -0 jq '.processes | length' "$T/json"
	[ "$output" = 1 ]
}

@test "equal pids at once in two pid namespaces over one /dev/shm, with children" {
	need_namespaces
	# each forks a child that has pid 2 in either
	for i in 1 2; do
		start -n unshare -p -f --kill-child --mount-proc \
			env LD_PRELOAD="$LIB" HEAPTALLY_KEEP=1 sh -c \
			"'$P/hold' $((i * 100)); :"
		wait_until grep -qs threads/peak "$OUT"
		grep -qx 'pid 2' "$OUT"
		outs[i]=$OUT
	done
	"$HT" list --json >"$T/json"
	run -0 jq -c '[.processes[] | select(.command == "hold") | [.pid, .state, .metrics."/heap/live:objects"]] | sort' "$T/json"
	[ "$output" = '[[2,"live",100],[2,"live",200]]' ] || fail "$output"
	for i in 1 2; do
		jq ".processes |= map(select(.command == \"hold\" and
			.metrics.\"/heap/live:objects\" == $((i * 100))))" "$T/json" >"$T/json.$i"
		agrees "${outs[i]}" "$T/json.$i"
	done
	# neither pid is one of ours: nothing is said of some process 2 out here,
	# only of those that these are here
	while read -r pid resident; do
		[ "$pid" != 2 ] && [ "$(cat "/proc/$pid/comm")" = hold ]
		[ "$resident" -gt 0 ]
	done < <(jq -r '.processes[] | select(.command == "hold") | "\(.host_pid) \(.metrics."/process/resident:bytes")"' "$T/json")
	run -0 jq '[.processes[] | select(.command == "hold") | .host_pid] | unique | length' "$T/json"
	[ "$output" = 2 ]
	"$HT" sweep --min-age 0
	run -0 bash -c '"$1" list --json | jq "[.processes[] | select(.state == \"live\")] | length"' - "$HT"
	[ "$output" -ge 2 ]
	finish
}

# A container in small: pids, mounts and a /dev/shm of its own. Leaves INNER,
# the pid out here of the target, which inside is another.
contained() {
	need_namespaces
	start -n env -u HEAPTALLY_DIR unshare -m -p -f --kill-child --mount-proc \
		bash -c "mount -t tmpfs none /dev/shm; LD_PRELOAD='$LIB' '$P/hold' 77; :"
	wait_until grep -qs threads/peak "$OUT"
	INNER=$(cat "/proc/$PID/task/$PID/children")
	INNER=${INNER% }
	INNER=$(cat "/proc/$INNER/task/$INNER/children")
	INNER=${INNER% }
	[ "$(cat "/proc/$INNER/comm")" = hold ]
	inside=$(sed -n 's/^pid //p' "$OUT")
	[ "$inside" != "$INNER" ]
}

@test "a container's segments are seen through /proc/PID/root" {
	contained
	export HEAPTALLY_DIR=/proc/$INNER/root/dev/shm
	"$HT" list --json >"$T/json"
	agrees "$OUT" "$T/json"
	run -0 field "$inside" .state "$T/json"
	[ "$output" = live ]
	"$HT" stat --json "$inside" >"$T/json"
	agrees "$OUT" "$T/json"
	finish
}

@test "a container's process is seen by its pid out here" {
	contained
	unset HEAPTALLY_DIR
	run --separate-stderr "$HT" stat --json "$INNER"
	[ "$status" = 0 ] || fail "status $status: $stderr"
	run -0 jq -c '.processes[0] | [.state, .metrics["/heap/live:objects"]]' <<<"$output"
	[ "$output" = '["live",77]' ]
	finish
}

@test "a container's process, asked for by its pid out here: nothing misleading" {
	contained
	unset HEAPTALLY_DIR
	run --separate-stderr "$HT" stat "$INNER"
	# "set HEAPTALLY_DIR to /dev/shm" would not help: that is another one
	[ "$status" = 0 ] || [[ $stderr == *"/proc/$INNER/root"* ]] || fail "$stderr"
	finish
}

@test "process 1 has a child like of vfork that is process 1, too" {
	need_namespaces
	mkfifo "$T/gate"
	unshare -p -f env LD_PRELOAD="$LIB" "$P/clone_newpid" <"$T/gate" >"$T/out" &
	started=$!
	exec 9>"$T/gate"
	wait_until grep -qx ended "$T/out"
	"$HT" list --json >"$T/json" || true
	run -0 jq -r '.processes[] | select(.command == "clone_newpid") | .state' "$T/json"
	[ "$output" = live ] || fail "$output: $(ls "$D")"
	echo >&9
	exec 9>&-
	wait "$started"
}
