#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016,SC2030,SC2031,SC2153,SC2154 # each test is its own shell, on purpose
# What the kernel tells of a live process: compared with getrusage() of the
# process itself, with the files of /proc and with those of control groups.

load helpers

setup() {
	private_directory
	GROUPS_MADE=()
}
teardown() {
	local group

	clean_up
	for group in ${GROUPS_MADE[@]+"${GROUPS_MADE[@]}"}; do
		wait_until rmdir "$group" 2>/dev/null
	done
}

# Takes a snapshot of $PID.
look() { "$HT" stat --json "$PID" >"$T/json"; }

# value KEY: of that snapshot, "null" where it is absent.
value() { field "$PID" ".metrics.\"$1\"" "$T/json"; }

# is KEY WANT
is() {
	local got

	got=$(value "$1")
	[ "$got" = "$2" ] || fail "$1: $got, want $2"
}

# between KEY LEAST MOST; in thousandths for seconds.
between() {
	jq -e --arg key "$1" --argjson least "$2" --argjson most "$3" \
		'.processes[0].metrics[$key]
		 | (if $key | endswith("seconds") then . * 1000 else . end)
		 | . >= $least and . <= $most' "$T/json" >"$T/between" ||
		fail "$1: $(value "$1"), want $2 to $3"
}

# told WORD: what the program says of itself.
told() { awk -v word="$1" '$1 == word { print $2 }' "$OUT"; }

# of FILE NAME: the number after the name, in a file of the process.
of() { awk -v name="$2:" '$1 == name { print $2 }' "/proc/$PID/$1"; }

# sum_of FILE EXPRESSION: summed by awk over the threads.
sum_of() { cat "/proc/$PID"/task/*/"$1" | awk "{ sum += $2 } END { printf \"%.0f\", sum }"; }

is_asleep() { [ "$(process_letter "$PID")" = S ]; }
all_asleep() { # 21 threads, each of them
	[ "$(cat "/proc/$PID/task/"*/stat | sed 's/.*) //' | grep -c '^S')" = 21 ]
}

@test "CPU, faults, peak: what getrusage told the process" {
	start "$P/usage"
	wait_until is_asleep
	look
	user=$(told user_ms)
	# The clock tick is 10 ms, in which the report and the end lie too.
	between /cpu/user:cpu-seconds $((user - 20)) $((user + 30))
	system=$(told system_ms)
	[ $((user + system)) -ge 250 ]
	between /cpu/system:cpu-seconds $((system - 20)) $((system + 30))
	minor=$(told minor)
	[ "$minor" -ge 2000 ]
	between /memory/faults/minor:faults "$minor" $((minor + 20))
	major=$(told major)
	between /memory/faults/major:faults "$major" $((major + 20))
	peak=$(told peak_kib)
	[ "$peak" -ge 8000 ]
	between /process/resident/peak:bytes $(((peak - 1024) * 1024)) $(((peak + 1024) * 1024))
}

@test "context switches: of the threads alive, as getrusage told the last" {
	start "$P/usage"
	wait_until is_asleep
	look
	voluntary=$(told voluntary)
	[ "$voluntary" -ge 50 ]
	between /sched/switches/voluntary:switches "$voluntary" $((voluntary + 3))
	involuntary=$(told involuntary)
	between /sched/switches/involuntary:switches "$involuntary" $((involuntary + 20))
}

@test "scheduler: the sums over task/" {
	start "$P/threads_crowd" 20 hold
	wait_until is_asleep
	wait_until all_asleep
	look
	is /threads/kernel:threads 21
	is /threads/live:threads 21
	is /threads/state/sleeping:threads 21
	for state in runnable uninterruptible stopped zombie; do
		is "/threads/state/$state:threads" 0
	done
	is /sched/timeslices:slices "$(sum_of schedstat '$3')"
	is /sched/switches/voluntary:switches \
		"$(sum_of status '/^voluntary_ctxt/ ? $2 : 0')"
	is /sched/switches/involuntary:switches \
		"$(sum_of status '/^nonvoluntary_ctxt/ ? $2 : 0')"
	run -0 jq '.processes[0].metrics."/sched/run-delay:seconds" * 1e9 | round' "$T/json"
	[ "$output" = "$(sum_of schedstat '$2')" ]
	all_stopped() { ! grep -h '^State:' "/proc/$PID/task"/*/status | grep -qv 'T (stopped)'; }
	kill -STOP "$PID"
	wait_until all_stopped
	look
	is /threads/state/stopped:threads 21
	is /threads/state/sleeping:threads 0
	kill -CONT "$PID"
}

@test "memory: what status, smaps and maps say" {
	start "$P/hold" 5000
	wait_until is_asleep
	look
	is /process/swapped:bytes $(($(of status VmSwap) * 1024))
	is /process/mapped-files:bytes $(($(of status RssFile) * 1024))
	is /process/shared-memory:bytes $(($(of status RssShmem) * 1024))
	[ "$(value /process/resident:bytes)" = $(($(value /process/anonymous:bytes) + \
		$(value /process/mapped-files:bytes) + $(value /process/shared-memory:bytes))) ]
	# shared pages go by how many processes have them at the moment
	pss=$(awk '$1 == "Pss:" { sum += $2 } END { print sum }' "/proc/$PID/smaps")
	between /process/proportional:bytes $(((pss - 500) * 1024)) $(((pss + 500) * 1024))
	private=0
	while read -r range mode _ _ inode _; do
		[[ $mode == ?w?p && $inode == 0 ]] || continue
		private=$((private + 0x${range#*-} - 0x${range%-*}))
	done <"/proc/$PID/maps"
	is /process/private-mapped:bytes "$private"
}

@test "the proportional set of a large process is not asked for" {
	start "$P/hold" 80000
	wait_until is_asleep
	look
	between /process/resident:bytes 70000000 200000000
	is /process/proportional:bytes null
}

@test "descriptors and limits" {
	start -n bash -c 'ulimit -Sn 123 -v 4000000 -d 3000000
		exec 7<&0 8<&0 9<&0 env LD_PRELOAD="$1" "$2"' - "$LIB" "$P/hold"
	wait_until is_asleep
	look
	is /process/max-fds:fds 123
	is /process/max-virtual:bytes 4096000000
	is /process/open-fds:fds "$(find "/proc/$PID/fd" -mindepth 1 | wc -l)"
	[ "$(value /process/open-fds:fds)" -ge 6 ]
	limit=$(value /cgroup/memory/limit:bytes)
	[ "$limit" != null ] && [ "$limit" -lt 3072000000 ] || limit=3072000000
	is /memory/limit:bytes "$limit"
}

@test "no limits, no keys" {
	start "$P/hold"
	prlimit --pid "$PID" --as=unlimited --data=unlimited
	look
	is /process/max-virtual:bytes null
	is /memory/limit:bytes "$(value /cgroup/memory/limit:bytes)"
}

@test "input and output" {
	start "$P/hold"
	wait_until is_asleep
	look
	is /io/read:bytes "$(of io rchar)"
	is /io/written:bytes "$(of io wchar)"
	is /io/disk/read:bytes "$(of io read_bytes)"
	is /io/disk/written:bytes "$(of io write_bytes)"
	[ "$(value /io/written:bytes)" -ge "$(stat -c %s "$OUT")" ]
}

@test "CPUs: the affinity mask" {
	start "$P/hold"
	look
	is /sched/cpus:cpus "$(nproc)"
	taskset -cp "$(taskset -cp $$ | grep -oE '[0-9]+$')" "$PID" >/dev/null
	look
	is /sched/cpus:cpus 1
	is /sched/processors:threads 1
}

@test "start time: with the kernel's tick, from the boot time" {
	before=$(date +%s)
	start "$P/hold"
	after=$(date +%s)
	look
	between /process/start-time:seconds $(((before - 1) * 1000)) $(((after + 1) * 1000))
	run -0 --separate-stderr "$HT" stat "$PID"
	[[ $output =~ /process/start-time:seconds\ +$(date -u +%Y-)[0-9-]+T[0-9:]+Z ]]
}

# join CONTROLLER NAME=VALUE...: puts $PID into a new group with those
# settings and leaves its directory in GROUP; skips the test where that
# cannot be done. Each is "V1FILE|V2FILE=VALUE".
join() {
	local controller=$1 line setting file

	need_root
	line=$(awk -v c="$controller" '{
		for (i = 6; $i != "-"; i++);
		n = split($(i + 3), options, ",")
		for (; n; n--)
			if ($(i + 1) == "cgroup" && options[n] == c) { print 1, $5; exit }
	}' /proc/self/mountinfo)
	[ -n "$line" ] ||
		line=$(awk '/ - cgroup2 / { print 2, $5; exit }' /proc/self/mountinfo)
	[ -n "$line" ] || skip "no control groups here"
	GROUP=${line#* }/ht-test.$$.$BATS_TEST_NUMBER
	mkdir "$GROUP" 2>/dev/null || skip "control groups cannot be made here"
	GROUPS_MADE+=("$GROUP")
	shift
	for setting in "$@"; do
		file=${setting%%=*}
		[ "${line%% *}" = 1 ] && file=${file%|*} || file=${file#*|}
		[ -e "$GROUP/$file" ] || skip "the $controller controller is not there"
		echo "${setting#*=}" >"$GROUP/$file" || skip "$file cannot be set"
	done
	echo "$PID" >"$GROUP/cgroup.procs" || skip "processes cannot be moved"
}

@test "control group: pids" {
	start "$P/threads_crowd" 6 hold
	join pids 'pids.max|pids.max=77'
	look
	is /cgroup/pids/current:threads 7
	is /cgroup/pids/limit:threads 77
	mkdir "$GROUP/below"
	GROUPS_MADE=("$GROUP/below" "$GROUP")
	echo "$PID" >"$GROUP/below/cgroup.procs"
	look
	is /cgroup/pids/current:threads 7
	is /cgroup/pids/limit:threads 77 # of the group above
	echo 55 >"$GROUP/below/pids.max"
	look
	is /cgroup/pids/limit:threads 55
	echo max >"$GROUP/below/pids.max"
	echo max >"$GROUP/pids.max"
	look
	is /cgroup/pids/limit:threads null
}

@test "control group: memory" {
	start "$P/hold" 5000
	join memory 'memory.limit_in_bytes|memory.max=268435456'
	look
	is /cgroup/memory/limit:bytes 268435456
	is /memory/limit:bytes 268435456
	current=$(cat "$GROUP"/memory.{usage_in_bytes,current} 2>/dev/null || true)
	between /cgroup/memory/current:bytes $((current - 1048576)) $((current + 1048576))
	is /cgroup/memory/oom-kills:events 0
}

@test "control group: CPU" {
	start "$P/hold"
	if grep -q ' - cgroup .*[ ,]cpu[ ,]*' /proc/self/mountinfo; then
		join cpu 'cpu.cfs_period_us|=50000' 'cpu.cfs_quota_us|=5000'
	else
		join cpu '|cpu.max=5000 50000'
	fi
	look
	is /cgroup/cpu/quota:cpu-seconds 0.005
	is /cgroup/cpu/period:seconds 0.05
	is /sched/processors:threads 1
	is /cgroup/cpu/throttled:seconds 0
}

@test "control group: the CPU time is what the group's file says" {
	start "$P/hold"
	path=$(awk -F: '$2 ~ /(^|,)cpuacct(,|$)/ { print $3 }' "/proc/$PID/cgroup")
	directory=$(awk '/ - cgroup .*[ ,]cpuacct/ { print $5; exit }' /proc/self/mountinfo)
	file=$directory${path%/}/cpuacct.usage
	[ -n "$directory" ] && [ -e "$file" ] || skip "no cpuacct of version 1"
	before=$(($(cat "$file") / 1000000))
	look
	after=$(($(cat "$file") / 1000000 + 1))
	between /cgroup/cpu/usage:cpu-seconds "$before" "$after"
}

@test "threads that leave by a bare exit system call are not live" {
	start "$P/threads_raw_exit"
	look
	agrees "$OUT" "$T/json"
	run -0 "$HT" list
	[[ ${lines[1]} =~ ^\ *$PID\ +live\ +[^\ ]+\ [a-z]+\ +1\  ]] || fail "${lines[1]}"
	run -0 "$HT" watch --raw -n 1
	[ "$(awk 'NR == 2 { print $7 }' <<<"$output")" = 1 ] || fail "$output"
}

@test "CPU time of jemalloc's own threads" {
	[ -e /usr/lib/x86_64-linux-gnu/libjemalloc.so.2 ] || skip "needs jemalloc"
	start -n MALLOC_CONF=background_thread:true \
		LD_PRELOAD="$LIB:/usr/lib/x86_64-linux-gnu/libjemalloc.so.2" \
		"$P/threads_crowd" 2 hold
	wait_until grep -q jemalloc_bg_thd "/proc/$PID"/task/*/comm
	look
	between /cpu/purge:cpu-seconds 0 1000
	start "$P/hold"
	look
	is /cpu/purge:cpu-seconds null
}

# Every key of `stat` and `watch --json`, or of those without the kernel.
kernel_keys() {
	jq -r '.processes[0].metrics | keys[] | select(test("^/(cpu|sched|memory|io|cgroup)/"))' "$T/json"
}

@test "list and run do not ask, watch --json does" {
	start "$P/hold"
	"$HT" list --json >"$T/json"
	[ -z "$(kernel_keys)" ]
	"$HT" watch --json -n 1 >"$T/json"
	kernel_keys | grep -qxF /cpu/user:cpu-seconds
	finish
	"$HT" run --quiet --json "$T/json" -- "$P/nothing" >"$T/out"
	[ -z "$(kernel_keys)" ]
}

@test "a process that has ended has no figures of the kernel" {
	start HEAPTALLY_KEEP=1 "$P/hold"
	pid=$PID
	finish
	"$HT" stat --json "$pid" >"$T/json"
	[ -z "$(kernel_keys)" ]
	run -3 --separate-stderr "$HT" stat -m /cpu/user:cpu-seconds "$pid"
	[ -z "$output" ]
	error_matches "not available"
}

@test "without permission: what may not be known is absent, the rest is there" {
	need_root
	chmod 1777 "$D"
	# One that cannot read its own executable is not to be looked into.
	install -m 0111 "$P/hold" "$D/closed"
	start -n setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all -- \
		env LD_PRELOAD="$LIB" HEAPTALLY_DIR="$D" "$D/closed"
	as_nobody "$HT" stat --json "$PID" >"$T/json"
	for key in /process/open-fds:fds /io/read:bytes /process/proportional:bytes \
		/process/private-mapped:bytes; do
		is "$key" null
	done
	for key in /cpu/user:cpu-seconds /memory/faults/minor:faults \
		/process/resident:bytes /threads/kernel:threads /process/max-fds:fds; do
		[ "$(value "$key")" != null ] || fail "$key"
	done
}

@test "every value is a number, of the kind its unit says" {
	start "$P/hold"
	look
	run -0 jq -r '.processes[0].metrics | to_entries[]
		| select((.value | type) == "number")
		| select((.value | isnan or isinfinite) or .value < 0 or
			 ((.key | endswith("seconds") | not) and .value != (.value | floor)))
		| .key' "$T/json"
	[ -z "$output" ]
	run -1 grep -iE 'nan|inf' <(tr ',' '\n' <"$T/json" | grep '/cgroup\|/cpu\|/sched')
}

@test "stat: in paragraphs, each key of one beginning" {
	start "$P/hold"
	run -0 --separate-stderr "$HT" stat "$PID"
	awk '/^  \// { split($1, part, "/")
			if (seen[part[2]] && part[2] != last) exit 1
			if (part[2] != last && last && !blank) exit 1
			seen[part[2]] = 1; last = part[2] }
	     { blank = /^$/ }' <<<"$output" || fail "$output"
	[ "$(grep -c '^$' <<<"$output")" -ge 5 ]
}
