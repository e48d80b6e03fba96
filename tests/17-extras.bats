#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016,SC2030,SC2031,SC2153,SC2154 # each test is its own shell, on purpose
# Extras: what is counted only when it is asked for. Against what the program,
# its allocator or its collector says itself.

load helpers
setup() { private_directory; }
teardown() { clean_up; }

# value KEY [FILE]: of the only process in a document.
value() { jq -r --arg key "$1" '.processes | if length == 1 then .[0].metrics[$key] else error("not one") end' "${2:-$T/json}"; }

# Under `run`, with those variables; leaves $T/out and $T/json.
tallied() { # [VARIABLE=VALUE...] PROGRAM [ARG...]
	local variables=()

	while [[ $1 == *=* ]]; do
		variables+=("$1")
		shift
	done
	env "${variables[@]}" timeout --foreground -k 5 60 "$HT" run --quiet \
		--json "$T/json" -- "$@" >"$T/out" 2>"$T/err" ||
		fail "status $? of $*: $(cat "$T/err")" || return 1
	[ ! -s "$T/err" ] || fail "standard error of $*: $(cat "$T/err")"
}

said() { sed -n "s|^$1 ||p" "$T/out"; }
has_lines() { [ "$(wc -l <"$1")" -ge "$2" ]; }

# To tests/programs/rounds, which PID is: a line, and wait until it is done.
rounds() {
	local before

	before=$(wc -l <"$OUT")
	echo "$1" >&"$HOLD"
	wait_until has_lines "$OUT" $((before + 1))
}

# Switches PID, which is then made to allocate as much as it takes to notice.
switched() {
	"$HT" ctl "$@" "$PID" >"$T/ctl" 2>"$T/ctl.err"
	rounds "1100 1000"
}
bytes_of_pid() { "$HT" stat -m "$1" "$PID"; }
extras_of_pid() { "$HT" stat --json "$PID" | jq -r '.processes[0].extras | join(" ")'; }

# ---- switching ----

@test "ctl: --help, and mistakes" {
	run -0 "$HT" ctl --help
	[[ $output == *"usage: heaptally ctl"*--mutex*--stall*--requested*--allocator* ]]
	run -2 --separate-stderr "$HT" ctl --mutex yes 1
	error_matches "--mutex takes 'on' or 'off', not 'yes'"
	run -2 --separate-stderr "$HT" ctl --histogram sampled 1
	error_matches "--histogram can only be 'exact', not 'sampled'"
	run -2 --separate-stderr "$HT" ctl --mutex
	error_matches "mutex"
	run -3 --separate-stderr "$HT" ctl --mutex on
	error_matches "no process is being tallied in"
	run -3 --separate-stderr "$HT" ctl --mutex on 1
	error_matches "1"
	run -2 --separate-stderr "$HT" ctl --mutex on no-pid
	error_matches "'no-pid'"
}

@test "ctl: an idle process is asked, and says so later" {
	start "$P/rounds"
	run -0 --separate-stderr "$HT" ctl "$PID"
	[ "$output" = "$PID rounds: mutex off, stall off, requested off, allocator off" ]
	[ -z "$stderr" ]
	run -0 --separate-stderr "$HT" ctl --mutex on --stall on --stall off "$PID"
	[ "$output" = "$PID rounds: mutex asked for, stall off, requested off, allocator off" ] || fail "$output"
	error_matches "has not noticed yet: it will when it starts a thread or has allocated more, 1 MiB at most"
	one_error_line
	rounds "1100 1000"
	run -0 --separate-stderr "$HT" ctl "$PID"
	[ "$output" = "$PID rounds: mutex on, stall off, requested off, allocator off" ]
	[ -z "$stderr" ]
	run -0 --separate-stderr "$HT" ctl --mutex off "$PID"
	[[ $output == *"mutex on, asked to stop,"* ]]
	rounds "1100 1000"
	[ -z "$(extras_of_pid)" ]
	finish
}

@test "ctl: an option said twice holds the last time" {
	start "$P/rounds"
	switched --mutex off --mutex on
	[ "$(extras_of_pid)" = mutex ]
	finish
}

@test "ctl --json, --name, several processes" {
	start "$P/rounds"
	first=$PID
	start "$P/rounds"
	run -0 --separate-stderr "$HT" ctl --requested on --json --name 'round*'
	jq -e --argjson first "$first" --argjson second "$PID" '
		.schema == 1 and ([.processes[].pid] | sort) == ([$first, $second] | sort) and
		all(.processes[]; .command == "rounds" and
		    .extras.requested == {wanted: true, on: false} and
		    .extras.stall == {wanted: false, on: false} and
		    (.extras | keys) == ["allocator", "mutex", "requested", "stall"])' <<<"$output"
	run -3 --separate-stderr "$HT" ctl --requested off "$PID" 1 "$first"
	[ "$(grep -c "requested off" <<<"$output")" = 2 ]
	finish
	PID=$first HOLD=${HOLDS[0]}
	finish
}

@test "ctl: ended, killed meanwhile" {
	start HEAPTALLY_KEEP=1 "$P/rounds"
	finish
	run -3 --separate-stderr "$HT" ctl --stall on "$PID"
	error_matches "$PID: cannot switch extras: it has ended"
	start "$P/rounds"
	kill -STOP "$PID"
	"$HT" ctl --stall on "$PID" >"$T/ctl" 2>"$T/ctl.err" 3>&- &
	ctl=$!
	STARTED+=("$ctl")
	segment=$(find "$D" -name "heaptally.$PID.*")
	# it has asked: the control page is the one behind the header's
	wait_until eval '[ "$(od -An -tu4 -j4096 -N4 "$segment")" != "          0" ]'
	kill -KILL "$PID"
	status=0
	wait "$ctl" || status=$?
	if [ "$status" = 0 ]; then # it had given up waiting before
		grep -q "asked for" "$T/ctl"
	else
		[ "$status" = 3 ]
		grep -q "it has ended" "$T/ctl.err"
	fi
}

@test "ctl: not for another user" {
	need_root
	chmod 755 "$D"
	start "$P/rounds"
	run -3 --separate-stderr as_nobody "$HT" ctl --mutex on "$PID"
	error_matches "$PID: its segment belongs to another user"
	run -3 --separate-stderr as_nobody "$HT" stat --allocator "$PID"
	error_matches "$PID: its segment belongs to another user"
	[ "$("$HT" ctl "$PID")" = "$PID rounds: mutex off, stall off, requested off, allocator off" ]
	finish
}

@test "ctl: an older library, which does not look at the page" {
	start "$P/rounds"
	segment=$(find "$D" -name "heaptally.$PID.*")
	# its header ends where that of the first release did
	printf '\200\003\000\000' | dd of="$segment" bs=1 seek=16 conv=notrunc status=none
	run -3 --separate-stderr "$HT" ctl --mutex on "$PID"
	error_matches "$PID: cannot switch extras: its library is too old for that"
	run -0 --separate-stderr "$HT" stat --allocator "$PID"
	error_matches "$PID: cannot ask its allocator: its library is too old for that"
	finish
}
@test "ctl: somebody else is at it, and does not end" {
	start "$P/rounds"
	segment=$(find "$D" -name "heaptally.$PID.*")
	exec {held}<"$segment"
	flock "$held"
	run -3 --separate-stderr "$HT" ctl --mutex on "$PID"
	error_matches "$PID: cannot switch extras: somebody else is switching, try again"
	exec {held}<&-
	finish
}
@test "ctl: several at once lose nothing" {
	start "$P/rounds"
	for n in 1 2 3 4 5 6; do
		for extra in mutex stall requested allocator; do
			"$HT" ctl "--$extra" on "$PID" >/dev/null 2>&1 3>&- &
			jobs[${#jobs[@]}]=$!
		done
		wait "${jobs[@]}"
		jobs=()
		run -0 --separate-stderr "$HT" ctl --json "$PID"
		[ "$(jq '[.processes[0].extras[].wanted] | all' <<<"$output")" = true ] || fail "$n: $output"
		"$HT" ctl --mutex off --stall off --requested off --allocator off "$PID" >/dev/null 2>&1
	done
	finish
}

@test "variables switch on at the start, and 0 does not" {
	run -0 env HEAPTALLY_MUTEX=1 HEAPTALLY_STALL=1 HEAPTALLY_REQUESTED=1 HEAPTALLY_ALLOCATOR=1 \
		"$HT" run --quiet --json "$T/json" -- "$P/pairs" 100000
	jq -e '.processes[0] | .extras == ["mutex", "stall", "requested", "allocator"]
		and (.allocator_figures.age_seconds >= 0)
		and (.metrics | has("/heap/sys:bytes") and has("/heap/stall:seconds") and
		     has("/heap/allocs/requested:bytes") and has("/sync/mutex/contentions:waits"))' "$T/json"
	tallied HEAPTALLY_MUTEX=0 HEAPTALLY_STALL=0 "$P/pairs" 100000
	jq -e '.processes[0] | .extras == [] and (has("allocator_figures") | not) and
		([.metrics | keys[] | select(test("^/(sync|cpu/allocator|heap/(stall|sys|allocs/req))"))] == [])' "$T/json"
}

# ---- requested bytes ----

requested() {
	tallied HEAPTALLY_REQUESTED=1 "$@" && agrees "$T/out" "$T/json"
}
@test "requested bytes: the whole family, threads, forked children" {
	requested "$P/requested" nothing
	requested "$P/requested" family
	requested "$P/requested" threads
	requested "$P/requested" fork
}

# As there are others that allocate before main, the difference to nothing.
requested_with() { # LIBRARY PROGRAM KIND
	local base json=$T/json

	LD_PRELOAD=$1 tallied HEAPTALLY_REQUESTED=1 "$P/$2" nothing
	base=$(value /heap/allocs/requested:bytes)
	LD_PRELOAD=$1 tallied HEAPTALLY_REQUESTED=1 "$P/$2" "$3"
	jq --argjson base "$base" '([.processes[].pid]) as $pids | .processes |= map(
		.parent_pid as $parent | if $pids | index($parent) then . else
		.metrics["/heap/allocs/requested:bytes"] -= $base end)' "$json" >"$T/less"
	agrees "$T/out" "$T/less"
}
@test "requested bytes: with every allocator, and new" {
	requested_with "" requested_new all
	for library in libjemalloc.so.2 libtcmalloc_minimal.so.4 libmimalloc.so.2; do
		LD_PRELOAD=$library /bin/true 2>"$T/err"
		[ ! -s "$T/err" ] || continue
		requested_with "$library" requested family || fail "$library"
		requested_with "$library" requested fork || fail "$library"
		requested_with "$library" requested_new all || fail "$library"
		tested=$library
	done
	[ -n "$tested" ] || skip "no other allocator is installed"
}

@test "requested bytes: only while it is on" {
	key=/heap/allocs/requested:bytes
	start "$P/rounds"
	run -3 --separate-stderr "$HT" stat -m "$key" "$PID"
	switched --requested on
	before=$(bytes_of_pid "$key")
	rounds "777 33"
	[ $(($(bytes_of_pid "$key") - before)) = $((777 * 33)) ]
	switched --requested off
	before=$(bytes_of_pid "$key")
	rounds "777 33"
	[ "$(bytes_of_pid "$key")" = "$before" ]
	switched --requested on
	before=$(bytes_of_pid "$key")
	rounds "1 1"
	[ $(($(bytes_of_pid "$key") - before)) = 1 ]
	finish
}

# ---- stall ----

@test "stall: one call of about 128, in buckets that add up" {
	tallied HEAPTALLY_STALL=1 "$P/pairs" 100000
	samples=$(jq '.processes[0].metrics["/heap/stall:seconds"].counts | add' "$T/json")
	# 1562 on average; the deviation is about 23
	[ "$samples" -gt 781 ] && [ "$samples" -lt 3125 ] || fail "$samples"
	# what the samples stand for, 1 to 255 calls each, is what was scaled up
	jq -e '.processes[0].metrics | .["/heap/stall:seconds"] as $h
		| ($h.buckets | . == sort and unique == .) and ($h.buckets | length) == 33 and
		  .["/cpu/allocator:cpu-seconds"] as $all
		| ($all > 0 or $h.counts[0] == ($h.counts | add)) and
		  (if $h.counts[-1] == 0 then
			$all <= 255 * ([range(32) as $i | $h.counts[$i] * $h.buckets[$i + 1]] | add)
		   else true end) and
		  $all >= ([range(32) as $i | $h.counts[$i] * $h.buckets[$i]] | add)' "$T/json"
}
@test "stall: counts never fall, and stand still when it is off" {
	start "$P/rounds"
	switched --stall on
	total() { "$HT" stat --json "$PID" | jq '.processes[0].metrics["/heap/stall:seconds"].counts'; }
	first=$(total)
	rounds "20000 100"
	second=$(total)
	jq -en "$first as \$a | $second as \$b | all(range(32); \$a[.] <= \$b[.]) and
		(\$b | add) - (\$a | add) > 100"
	switched --stall off
	third=$(total)
	rounds "20000 100"
	[ "$(total)" = "$third" ]
	finish
}

@test "stall: times as people and programs read them" {
	start HEAPTALLY_STALL=1 "$P/rounds"
	rounds "100000 100"
	run -0 "$HT" stat -m /heap/stall:seconds "$PID"
	[[ $output =~ ^([0-9.e+-]+:[0-9]+\ )*[0-9.e+-]+:[0-9]+$ ]] || fail "$output"
	[ "$(tr ' ' '\n' <<<"$output" | cut -d: -f2 | awk '{ n += $1 } END { print n }')" -gt 500 ]
	run -0 "$HT" stat "$PID"
	[[ $output =~ /heap/stall:seconds\ +half\ up\ to\ [0-9.]+\ (ns|us) ]] || fail "$output"
	finish
}

# ---- locks ----

@test "locks: the time of every kind of wait, and how many there were" {
	tallied HEAPTALLY_MUTEX=1 "$P/lock_wait"
	agrees "$T/out" "$T/json"
	[ "$(said /sync/mutex/contentions:waits)" = 15 ]
	jq -e --argjson want "$(said wait_ns)" '.processes[0].metrics["/sync/mutex/wait/total:seconds"] * 1e9
		| . <= $want + 1000 and . >= $want * 0.95' "$T/json" ||
		fail "want $(said wait_ns): $(value /sync/mutex/wait/total:seconds)"
}
@test "locks: every kind returns what it returns without us" {
	bounded "$P/lock_kinds" >"$T/plain"
	[ "$(wc -l <"$T/plain")" -gt 800 ]
	for on in 0 1; do
		HEAPTALLY_MUTEX=$on LD_PRELOAD=$LIB bounded "$P/lock_kinds" >"$T/with"
		diff "$T/plain" "$T/with" || fail "HEAPTALLY_MUTEX=$on"
	done
	HEAPTALLY=off HEAPTALLY_MUTEX=1 LD_PRELOAD=$LIB bounded "$P/lock_kinds" >"$T/with"
	diff "$T/plain" "$T/with"
}
@test "locks: those of an allocator, whose figures are asked for meanwhile" {
	cp "$P/mutex_shim.so" "$T/libjemalloc.test.so"
	LD_PRELOAD=$T/libjemalloc.test.so tallied HEAPTALLY_MUTEX=1 HEAPTALLY_ALLOCATOR=1 "$P/hammer" 4 200000
	jq -e '.processes[0] | .provider == "libjemalloc.test.so" and .metrics["/heap/sys:bytes"] > 0' "$T/json"
}
@test "a clock that takes a lock and allocates is not asked" {
	LD_PRELOAD=$P/clock_shim.so tallied HEAPTALLY_MUTEX=1 HEAPTALLY_STALL=1 "$P/hammer" 4 3000
	[ "$(value /sync/mutex/contentions:waits)" -gt 0 ]
}

# ---- the allocator's own figures ----

# Each figure that the program prints, before and after, holds ours between.
brackets() { # SHAPE [LIBRARY]
	start LD_PRELOAD="$LIB${2:+:$2}" "$P/heap_shapes" "$1"
	wait_until grep -q said "$OUT"
	"$HT" stat --allocator --json "$PID" >"$T/json" 2>"$T/err"
	[ ! -s "$T/err" ] || fail "$(cat "$T/err")" || return 1
	finish
	[ "$STATUS" = 0 ]
	jq -r --rawfile said "$OUT" '.processes[0].metrics as $m
		| [$said | split("\n")[] | select(startswith("/")) | split(" ")] as $rows
		| if ($rows | length) < 2 then "nothing said" else
		  ($rows | group_by(.[0])[] | {key: .[0][0], low: ([.[][1] | tonumber] | min),
			high: ([.[][1] | tonumber] | max)}
		   | $m[.key] as $is | select($is == null or $is < .low or $is > .high)
		   | "\(.key): \($is), want \(.low) to \(.high)"),
		  ($m | if has("/heap/in-use:bytes") and
			  .["/heap/idle:bytes"] + .["/heap/in-use:bytes"] != .["/heap/sys:bytes"]
			then "the parts are not the whole" else empty end) end' "$T/json" >"$T/wrong"
	[ ! -s "$T/wrong" ] || fail "$(cat "$T/wrong")"
}
installed() {
	LD_PRELOAD=$1 /bin/true 2>"$T/err"
	[ ! -s "$T/err" ] || skip "'$1' is not installed"
}
@test "allocator: glibc's figures are those of mallinfo2" {
	brackets mixed
	# nothing moves between: not only about
	[ "$(sort -u "$OUT" | wc -l)" = 4 ]
	jq -e '.processes[0].metrics | has("/heap/released:bytes") or has("/heap/purges:calls") | not' "$T/json"
}
@test "allocator: jemalloc's are those of mallctl" {
	installed libjemalloc.so.2
	# no decay: nothing is given back meanwhile but by the program's own calls
	MALLOC_CONF=dirty_decay_ms:-1,muzzy_decay_ms:-1 brackets mixed libjemalloc.so.2
	jq -e '.processes[0] | .provider | startswith("libjemalloc")' "$T/json"
}
@test "allocator: tcmalloc's are those of MallocExtension" {
	installed libtcmalloc_minimal.so.4
	brackets mixed libtcmalloc_minimal.so.4
}
@test "allocator: mimalloc's are those of mi_process_info" {
	installed libmimalloc.so.2
	brackets mixed libmimalloc.so.2
}

@test "allocator: a heap that would take long is not walked, and why" {
	for shape in small alternating elsewhere; do
		start "$P/heap_shapes" "$shape"
		WAIT_SECONDS=50 wait_until grep -q said "$OUT"
		run -0 --separate-stderr "$HT" stat --allocator "$PID"
		[[ $output == *"own figures: perhaps so many free blocks that asking would hold up the process"* ]] ||
			fail "$shape: $output"
		[[ $output != */heap/sys:bytes* ]]
		[ -z "$stderr" ]
		run -0 "$HT" stat --allocator --json "$PID"
		jq -e '.processes[0].allocator_figures == {missing: "perhaps so many free blocks that asking would hold up the process"}' <<<"$output"
		finish
	done
}
@test "allocator: an ordinary heap is, though it was larger and has freed much" {
	brackets buffer
}
@test "allocator: who does not answer, who has none, who ended" {
	start "$P/rounds"
	run -0 --separate-stderr "$HT" stat --allocator "$PID"
	error_matches "$PID: its allocator has not answered yet: it is asked when the process has allocated more, 1 MiB at most"
	[[ $output != */heap/sys:bytes* ]]
	rounds "1100 1000"
	run -0 --separate-stderr "$HT" stat "$PID"
	[[ $output == */heap/sys:bytes* ]]
	kill -KILL "$PID"
	wait_until process_ended "$PID"
	run -0 --separate-stderr "$HT" stat --allocator "$PID"
	[ -z "$stderr" ]
	[[ $output == */heap/sys:bytes* ]]

	cp "$P/mutex_shim.so" "$T/unknown.so"
	start LD_PRELOAD="$LIB:$T/unknown.so" "$P/rounds"
	run -0 --separate-stderr "$HT" stat --allocator "$PID"
	[[ $output == *"own figures: this allocator has none"* ]] || fail "$output"
	[ -z "$stderr" ]
}
@test "allocator: figures are kept fresh while it is on" {
	start "$P/heap_shapes" mixed
	run -0 "$HT" ctl --allocator on "$PID"
	fresh() { "$HT" stat --json "$PID" | jq -e '.processes[0].allocator_figures.age_seconds < 0.3'; }
	wait_until fresh
	wait_until fresh
	finish
}
@test "allocator: one that holds up the process twice is not asked again" {
	cp "$P/mutex_shim.so" "$T/libjemalloc.slow.so"
	start LD_PRELOAD="$LIB:$T/libjemalloc.slow.so" SHIM_US=15000 HEAPTALLY_ALLOCATOR=1 "$P/heap_shapes" mixed
	missing() { "$HT" stat --json "$PID" | jq -r '.processes[0].allocator_figures.missing'; }
	given_up() { [ "$(missing)" = "given up, as asking held up the process" ]; }
	WAIT_SECONDS=30 wait_until given_up
	# what it has said stays, with its age
	run -0 "$HT" stat "$PID"
	[[ $output == *"own figures: given up, as asking held up the process"* ]]
	[[ $output == */heap/sys:bytes* ]]
	finish
}
@test "allocator: not in a sandbox, where asking may be forbidden" {
	start "$P/rounds"
	rounds sandbox
	run -0 --separate-stderr "$HT" stat --allocator "$PID"
	rounds "1100 1000"
	run -0 --separate-stderr "$HT" stat --allocator "$PID"
	[[ $output == *"own figures: not asked for in a sandbox"* ]] || fail "$output"
	[ -z "$stderr" ]
	finish
}
@test "malloc_trim is counted" {
	start "$P/rounds"
	[ "$(bytes_of_pid /heap/trims:calls)" = 0 ]
	rounds trim
	rounds trim
	[ "$(bytes_of_pid /heap/trims:calls)" = 2 ]
	finish
}

# ---- cost ----

# Instructions of the last COUNT pairs of rounds, after SWITCH on and off.
instructions_of_rounds() { # COUNT [OPTION...]
	local count=$1 extra

	shift
	start valgrind --tool=callgrind --callgrind-out-file=/dev/null "$P/rounds"
	wait_until eval '[ -n "$("$HT" list --json | jq ".processes[] | select(.pid == $PID)")" ]'
	for extra in "$@"; do
		"$HT" ctl "--$extra" on "$PID" >/dev/null 2>&1
	done
	rounds "1100 1000"
	[ -z "$*" ] || [ "$(extras_of_pid)" = "$*" ]
	for extra in "$@"; do
		"$HT" ctl "--$extra" off "$PID" >/dev/null 2>&1
	done
	rounds "1100 1000"
	[ -z "$(extras_of_pid)" ]
	rounds "$count 48"
	finish
	sed -n 's/.*refs: *//p' "$OUT.err" | tr -d ,
}
per_pair() {
	local many few

	few=$(instructions_of_rounds 5000 "$@")
	many=$(instructions_of_rounds 15000 "$@")
	echo $(((many - few) / 100))
}
@test "an extra that was on and is off costs nothing" {
	never=$(per_pair)
	after=$(per_pair mutex stall requested)
	echo "never on $never, after $after hundredths of an instruction"
	[ "$never" -gt 1000 ]
	[ $((after - never)) -ge -10 ] && [ $((after - never)) -le 10 ]
}

# Of taking and giving back a lock that is free, in hundredths.
per_lock() { # PRELOAD MUTEX KIND
	local n counts=()

	for n in 5000 15000; do
		counts+=("$(HEAPTALLY_MUTEX=$2 LD_PRELOAD=$1 valgrind --tool=callgrind \
			--callgrind-out-file=/dev/null "$P/locks" "$3" "$n" 2>&1 |
			sed -n 's/.*refs: *//p' | tr -d ,)")
	done
	echo $(((counts[1] - counts[0]) / 100))
}
@test "instructions for a lock that is free" {
	for kind in mutex rdlock wrlock; do
		plain=$(per_lock "" 0 "$kind")
		off=$(per_lock "$LIB" 0 "$kind")
		on=$(per_lock "$LIB" 1 "$kind")
		echo "$kind: without us $plain, off $off, on $on"
		[ "$plain" -gt 1000 ]
		# a jump
		[ $((off - plain)) -ge 90 ] && [ $((off - plain)) -le 110 ]
		# reached: 12, 2 and -11 more, as glibc's try is another code
		[ "$on" != "$off" ]
		[ $((on - plain)) -le 1300 ]
	done
}

# ---- the collector ----

linked_with_libgc() {
	"${CC:-cc}" -std=gnu11 -D_GNU_SOURCE -I"$ROOT" -O0 -fno-builtin -pthread -o "$T/collector" \
		"$ROOT/tests/programs/collector.c" -Wl,--no-as-needed -l:libgc.so.1 2>"$T/err" ||
		skip "cannot link with libgc: $(head -n 1 "$T/err")"
}
pauses_agree() { # from without they take a little longer than from within
	jq -e --argjson heard "$(said pauses_ns | tail -n 1)" --argjson pid "$(said pid | tail -n 1)" '
		.processes[] | select(.pid == $pid).metrics
		| .["/gc/pauses/total:seconds"] * 1e9 >= $heard and
		  (.["/gc/pauses:seconds"] | ([range(31) as $i | .counts[$i] * .buckets[$i]] | add) as $low
		   | $low) <= .["/gc/pauses/total:seconds"]' "$T/json"
}
@test "libgc: collections and pauses, as another listener has them" {
	linked_with_libgc
	LD_PRELOAD=$P/listener_shim.so tallied "$T/collector" before 20
	agrees "$T/out" "$T/json"
	[ "$(said /gc/cycles/total:gc-cycles)" -ge 20 ]
	pauses_agree
	before=$(date +%s)
	jq -e --argjson now "$before" '.processes[0].metrics["/gc/last:seconds"] | . <= $now + 1 and . > $now - 60' "$T/json"
}
@test "libgc: a forked child begins at 0" {
	linked_with_libgc
	LD_PRELOAD=$P/listener_shim.so tallied "$T/collector" fork 5
	[ "$(grep -c ^pid "$T/out")" = 2 ]
	agrees "$T/out" "$T/json"
}
@test "libgc: a program that sets a handler later is heard until then" {
	linked_with_libgc
	tallied "$T/collector" after 5
	[ "$(value /gc/cycles/total:gc-cycles)" -lt "$(said /gc/cycles/total:gc-cycles)" ]
}
@test "libgc: absent without it" {
	tallied "$P/collector" before 5
	jq -e '[.processes[0].metrics | keys[] | select(startswith("/gc/"))] == []' "$T/json"
}
@test "libgc: guile counts the same" {
	command -v guile >/dev/null || skip "no guile"
	echo '(define (f n) (if (> n 0) (begin (gc) (f (- n 1))))) (f 7) (display (assq-ref (gc-stats) (quote gc-times)))' >"$T/gc.scm"
	HOME=$T tallied guile --no-auto-compile "$T/gc.scm"
	[ "$(cat "$T/out")" -ge 7 ]
	[ "$(value /gc/cycles/total:gc-cycles)" -ge "$(cat "$T/out")" ]
	[ "$(value /gc/cycles/total:gc-cycles)" -le $(($(cat "$T/out") + 1)) ]
	jq -e '.processes[0].metrics | (.["/gc/pauses:seconds"].counts | add) == .["/gc/cycles/total:gc-cycles"]' "$T/json"
}

# ---- all of them, and everything else ----

@test "with every extra on all other counts stay what they are" {
	export HEAPTALLY_MUTEX=1 HEAPTALLY_STALL=1 HEAPTALLY_REQUESTED=1 HEAPTALLY_ALLOCATOR=1
	exactly "$P/any_provider" family
	exactly "$P/any_provider" edges
	exactly "$P/signal_storm" handler 2000
	LD_PRELOAD=$P/bump_shim.so exactly "$P/signal_storm" both 2000
	exactly "$P/fork_kinds" fork
	exactly "$P/fork_kinds" _Fork
	exactly "$P/fork_kinds" clone
	exactly "$P/fork_then_threads"
	exactly "$P/fork_storm" 20
	exactly "$P/threads_churn" 1000 join
	exactly "$P/threads_min_stack"
	exactly "$P/threads_random" 4 20000 cross
	like_oracle "$P/threads_cancel" async
}
@test "extras switched to and fro while threads work: all other counts stay exact" {
	HEAPTALLY_KEEP=1 LD_PRELOAD=$LIB "$P/threads_random" 4 1000000 cross >"$T/out" 2>"$T/err" 3>&- &
	PID=$!
	STARTED+=("$PID")
	obeyed=0
	until process_ended "$PID"; do
		for state in on off; do
			"$HT" ctl --mutex "$state" --stall "$state" --requested "$state" \
				--allocator "$state" "$PID" >"$T/ctl" 2>/dev/null || true
			grep -q "mutex $state, stall $state" "$T/ctl" && obeyed=$((obeyed + 1))
		done
	done
	wait "$PID"
	[ "$obeyed" -ge 2 ]
	"$HT" stat --json "$PID" >"$T/json"
	agrees "$T/out" "$T/json"
}
@test "HEAPTALLY=off: nothing is switched on, nothing is said" {
	HEAPTALLY=off HEAPTALLY_STALL=1 HEAPTALLY_MUTEX=1 LD_PRELOAD=$LIB run -0 --separate-stderr "$P/hammer" 2 1000
	[ -z "$output$stderr" ]
	[ -z "$(ls "$D")" ]
}
