#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016,SC2030,SC2031,SC2153,SC2154 # each test is its own shell, on purpose
# The command line: heaptally run, env, sweep, help.

load helpers
setup() { private_directory; }
teardown() { clean_up; }

# ---- status and streams ----

@test "the status of the command is passed through" {
	run -0 "$HT" run --quiet -- "$P/nothing"
	run -3 "$HT" run --quiet -- "$P/nothing" 3
	run -1 "$HT" run --quiet -- "$P/nothing" 1
	run -255 "$HT" run --quiet -- "$P/nothing" 255
	run -137 "$HT" run --quiet -- "$P/ends" kill
	run -143 "$HT" run --quiet -- "$P/ends" term
	run -139 "$HT" run --quiet -- "$P/ends" segv
}

@test "-- may be left out" {
	run -3 "$HT" run --quiet "$P/nothing" 3
	[[ $output == *"/heap/allocs:objects 0"* ]]
	# from the command on, options are the command's
	run -0 "$HT" run --quiet echo --json -n
	[ "$output" = "--json -n" ]
}

@test "command not found: 127" {
	# a PATH that may be searched: else the answer is "permission denied"
	PATH=/usr/bin:/bin run -127 --separate-stderr "$HT" run -- no-such-command-here
	[ -z "$output" ]
	error_matches "'no-such-command-here'"
	run -127 --separate-stderr "$HT" run -- /no/such/file
	error_matches "'/no/such/file'"
	[ -z "$(ls -A "$D")" ]
}

@test "command not executable: 126" {
	echo 'not a program' >"$T/text"
	run -126 --separate-stderr "$HT" run -- "$T/text"
	[ -z "$output" ]
	error_matches "'$T/text'"
	run -126 --separate-stderr "$HT" run -- "$T"
	error_matches "'$T'"
	[ -z "$(ls -A "$D")" ]
}

@test "standard input and output belong to the command" {
	run -0 --separate-stderr sh -c "echo hello | '$HT' run --quiet -- tr a-z A-Z"
	[ "$output" = HELLO ]
	[ -z "$stderr" ]
	run -0 --separate-stderr "$HT" run -- sh -c 'echo out; echo err >&2'
	[ "$output" = out ]
	[ "${stderr_lines[0]}" = err ]
}

# ---- the summary ----

@test "a summary goes to standard error, unless --quiet" {
	run -0 --separate-stderr "$HT" run -- "$P/family" malloc
	[[ $output == pid* ]]
	[[ $output != *peak*MiB* ]]
	[ -n "$stderr" ]
	[[ $stderr == *family* ]]
	[[ $stderr == *3,300* || $stderr == *3300* || $stderr == *3.3* ]]
	[[ $stderr == *peak* ]]
	[[ $stderr == *full* || $stderr == *glibc* ]]
	run -0 --separate-stderr "$HT" run --quiet -- "$P/family" malloc
	[ -z "$stderr" ]
}

@test "no colour without a terminal, none with NO_COLOR" {
	run -0 --separate-stderr "$HT" run -- "$P/family" malloc
	[[ $stderr != *$'\033'* ]]
	command -v script >/dev/null || return 0
	NO_COLOR=1 run -0 script -qec "'$HT' run -- '$P/family' malloc" /dev/null
	[[ $output != *$'\033['* ]]
}

@test "--json to a file and to standard output" {
	run -0 --separate-stderr "$HT" run --quiet --json "$T/json" -- "$P/family" malloc
	[ -z "$stderr" ]
	printf '%s\n' "$output" >"$T/out"
	agrees "$T/out" "$T/json"
	"$HT" run --quiet --json - -- "$P/nothing" >"$T/both"
	sed -n '/^{/,$p' "$T/both" | jq -e '.processes[0].state == "exited"'
	grep -q ^pid "$T/both"
}

@test "--json to a place that cannot be written is told before the command runs" {
	run --separate-stderr "$HT" run --quiet --json /no/such/dir/file -- touch "$T/ran"
	[ "$status" != 0 ]
	error_matches "'/no/such/dir/file'"
	[ ! -e "$T/ran" ]
}

# ---- children ----

@test "children are collected, whatever runs them" {
	"$HT" run --quiet --json "$T/json" -- sh -c "
		'$P/family' malloc; '$P/family' calloc | cat; '$P/peak' hill &
		wait" >"$T/out"
	agrees "$T/out" "$T/json"
	[ "$(grep -c ^pid "$T/out")" = 3 ]
	run -0 jq -r '[.processes[].command] | sort | join(" ")' "$T/json"
	[ "$output" = "cat family family peak sh" ] || fail "$output"
	parent=$(jq '.processes[] | select(.command == "sh") | .pid' "$T/json")
	run -0 jq -c "[.processes[] | select(.command != \"sh\") | .parent_pid == $parent] | unique" "$T/json"
	[ "$output" = "[true]" ]
}

@test "--no-follow: only the command itself" {
	"$HT" run --quiet --no-follow --json "$T/json" -- sh -c "'$P/family' malloc; :" >"$T/out"
	run -0 jq -r '[.processes[].command] | join(" ")' "$T/json"
	[ "$output" = sh ] || fail "$output"
}

@test "--only NAME, where the kernel cuts the name" {
	cp "$P/family" "$T/a-command-of-a-long-name"
	exactly_only() { "$HT" run --quiet --only "$1" --json "$T/json" -- "$T/a-command-of-a-long-name" malloc >"$T/out"; }
	exactly_only a-command-of-a-long-name
	agrees "$T/out" "$T/json"
	# what the kernel keeps is "a-command-of-a-"
	run -3 --separate-stderr exactly_only a-command-of-a
	error_matches "no process matches"
}
@test "--only NAME: the others run, untallied" {
	"$HT" run --quiet --only family --json "$T/json" -- \
		sh -c "'$P/family' malloc; '$P/peak' hill" >"$T/out"
	run -0 jq -r '[.processes[].command] | join(" ")' "$T/json"
	[ "$output" = family ] || fail "$output"
	grep -c ^pid "$T/out" | grep -qx 2
	"$HT" run --quiet --only 'fam*,peak' --json "$T/json" -- \
		sh -c "'$P/family' malloc; '$P/peak' hill" >"$T/out"
	run -0 jq -r '[.processes[].command] | sort | join(" ")' "$T/json"
	[ "$output" = "family peak" ] || fail "$output"
	"$HT" run --quiet --only 'fam*' --only peak --json "$T/json" -- \
		sh -c "'$P/family' malloc; '$P/peak' hill" >"$T/out"
	run -0 jq -r '[.processes[].command] | sort | join(" ")' "$T/json"
	[ "$output" = "family peak" ] || fail "$output"
}

@test "hundreds of children do not pile up" {
	"$HT" run --quiet --json "$T/json" -- \
		sh -c 'for i in $(seq 500); do /bin/true; done' 3>&- &
	runner=$!
	STARTED+=("$runner")
	most=0
	while ! process_ended "$runner"; do
		now=$(file_count "$D" 2>/dev/null)
		[ "$now" -le "$most" ] || most=$now
		sleep 0.01
	done
	wait "$runner"
	echo "most files at a time: $most"
	[ "$most" -ge 1 ]
	[ "$most" -le 100 ]
	run -0 jq '[.processes[] | select(.command == "true" and .state == "exited")] | length' "$T/json"
	[ "$output" = 500 ]
	[ -z "$(ls -A "$D")" ]
}

@test "processes under run are seen by list, stat and watch" {
	mkfifo "$T/gate"
	"$HT" run --quiet -- "$P/hold" 42 <"$T/gate" >"$T/out" 3>&- &
	runner=$!
	STARTED+=("$runner")
	exec {gate}>"$T/gate"
	wait_until grep -qs /threads/peak "$T/out"
	"$HT" list --json >"$T/json"
	agrees "$T/out" "$T/json"
	pid=$(sed -n 's/^pid //p' "$T/out")
	"$HT" stat --json "$pid" >"$T/json"
	agrees "$T/out" "$T/json"
	"$HT" stat --json >"$T/json" # the only one
	agrees "$T/out" "$T/json"
	"$HT" watch --json -i 0.01 -n 2 "$pid" | tail -n 1 >"$T/json"
	agrees "$T/out" "$T/json"
	exec {gate}>&-
	wait "$runner"
}

@test "a daemon that outlives the command does not hold it up" {
	mkfifo "$T/gate"
	exec {gate}<>"$T/gate"
	run -0 timeout 20 "$HT" run --quiet -- sh -c "
		setsid '$P/hold' 5 <'$T/gate' >'$T/out' 2>&1 &
		while ! grep -qs threads/peak '$T/out'; do :; done"
	pid=$(sed -n 's/^pid //p' "$T/out")
	kill -0 "$pid"
	kill -KILL "$pid"
	exec {gate}>&-
}

# ---- litter, and trouble of ours ----

@test "nothing is left behind" {
	"$HT" run --quiet -- "$P/family" malloc >/dev/null
	"$HT" run --quiet -- "$P/ends" _exit >/dev/null || [ "$?" = 5 ]
	"$HT" run --quiet -- "$P/ends" kill >/dev/null || [ "$?" = 137 ]
	[ -z "$(ls -A "$D")" ]
	# nor in the place that is used without HEAPTALLY_DIR
	before=$(find /dev/shm -maxdepth 1 -name 'heaptally*' | sort)
	env -u HEAPTALLY_DIR "$HT" run --quiet -- "$P/family" malloc >/dev/null
	after=$(find /dev/shm -maxdepth 1 -name 'heaptally*' | sort)
	[ "$before" = "$after" ]
}

@test "kill -9 of run: the command goes on, sweep cleans up" {
	mkfifo "$T/gate"
	"$HT" run --quiet -- "$P/hold" 42 <"$T/gate" >"$T/out" 2>/dev/null 3>&- &
	runner=$!
	STARTED+=("$runner")
	exec {gate}>"$T/gate"
	wait_until grep -qs /threads/peak "$T/out"
	pid=$(sed -n 's/^pid //p' "$T/out")
	kill -KILL "$runner"
	wait "$runner" || [ "$?" = 137 ]
	kill -0 "$pid"
	"$HT" stat --json "$pid" >"$T/json"
	agrees "$T/out" "$T/json"
	# as long as it lives nothing of it is swept
	run -0 "$HT" sweep --min-age 0
	"$HT" stat --json "$pid" >"$T/json"
	agrees "$T/out" "$T/json"
	exec {gate}>&-
	wait_until process_gone "$pid"
	run -0 "$HT" sweep --min-age 0
	[ -z "$(ls -A "$D")" ]
}

@test "a static command cannot be observed: status 3, and why" {
	"${CC:-cc}" -static -o "$T/static" "$ROOT/tests/programs/static_hold.c" ||
		skip "no static libc to link with"
	run -3 --separate-stderr "$HT" run -- "$T/static" </dev/null
	[ "$output" = ready ]
	[[ $stderr == *static* ]]
	run -3 --separate-stderr "$HT" run --quiet -- "$T/static" </dev/null
	error_matches static
	# its own failure comes first
	run -9 --separate-stderr "$HT" run -- "$T/static" 9 </dev/null
	[[ $stderr == *static* ]]
	"$HT" run --quiet --json "$T/json" -- "$T/static" </dev/null >/dev/null 2>&1 ||
		[ "$?" = 3 ]
	run -0 jq -c .processes "$T/json"
	[ "$output" = "[]" ]
}

@test "nowhere to put segments: the command runs, status 3, and why" {
	disk=$T
	[ "$(stat -f -c %T "$disk")" != tmpfs ] || disk=$ROOT/build
	for dir in "$D/none" "$disk"; do
		[ "$(stat -f -c %T "$dir" 2>/dev/null)" != tmpfs ] || continue
		HEAPTALLY_DIR=$dir run -3 --separate-stderr "$HT" run -- "$P/nothing"
		[[ $output == pid* ]]
		error_matches "'$dir'"
		[[ $stderr == *"not observed"* ]]
		# its own status comes first
		HEAPTALLY_DIR=$dir run -5 --separate-stderr "$HT" run --quiet -- "$P/nothing" 5
		[[ $output == pid* ]]
		error_matches "'$dir'"
	done
}

# ---- signals ----

@test "SIGTERM and SIGHUP are forwarded, the summary still comes" {
	# shellcheck disable=SC2016
	for signal in TERM HUP USR1; do
		rm -f "$T/out"
		"$HT" run --json "$T/json" -- bash -c \
			"trap 'echo got; exit 7' $signal; echo ready; while :; do sleep 0.02; done" \
			>"$T/out" 2>"$T/err" 3>&- &
		runner=$!
		STARTED+=("$runner")
		wait_until file_has "$T/out"
		kill -"$signal" "$runner"
		status=0
		wait "$runner" || status=$?
		[ "$status" = 7 ] || fail "$signal: status $status"
		grep -qx got "$T/out"
		grep -q bash "$T/err"
		jq -e '.processes | length >= 1' "$T/json"
	done
}

@test "Ctrl-C: the command decides, the summary still comes" {
	for trap in "trap 'echo got; exit 7' INT;" ""; do
		rm -f "$T/out"
		# an own group, like a terminal's foreground job; in a script's
		# background SIGINT is ignored, so it is switched on again
		setsid env --default-signal=INT "$HT" run --json "$T/json" -- \
			bash -c "$trap echo ready; while :; do sleep 0.02; done" \
			>"$T/out" 2>"$T/err" 3>&- &
		runner=$!
		STARTED+=("$runner")
		wait_until file_has "$T/out"
		kill -INT -- "-$runner"
		status=0
		wait "$runner" || status=$?
		if [ -n "$trap" ]; then
			[ "$status" = 7 ] || fail "status $status"
		else
			[ "$status" = 130 ] || fail "status $status"
		fi
		grep -q bash "$T/err"
		jq -e '.processes | length >= 1' "$T/json"
	done
}

# ---- the other commands ----

@test "env: lines for eval" {
	run -0 --separate-stderr "$HT" env
	[ -z "$stderr" ]
	[[ $output == *LD_PRELOAD=*libheaptally.so* ]]
	run -0 sh -c "eval \"\$('$HT' env)\"; HEAPTALLY_KEEP=1 exec '$P/nothing'"
	[ "$(file_count "$D")" = 1 ]
	# what is preloaded already stays
	run -0 sh -c "LD_PRELOAD='$P/count_shim.so'; export LD_PRELOAD; eval \"\$('$HT' env)\"; echo \"\$LD_PRELOAD\""
	[[ $output == *libheaptally.so*count_shim.so* ]]
}

@test "env --unset: takes out ours, and nothing else" {
	for others in '' /a/b.so /a/b.so:/c.so; do
		run -0 bash -c "
			LD_PRELOAD='$others'; eval \"\$(LD_PRELOAD='' '$HT' env)\"
			[[ \$LD_PRELOAD == *libheaptally.so* ]] || exit 9
			eval \"\$(LD_PRELOAD='' '$HT' env --unset)\"
			echo \"\${LD_PRELOAD-unset}\"" 2>/dev/null
		[ "${lines[-1]}" = "${others:-unset}" ] || fail "$others: $output"
	done
}

@test "help: of the whole, and of every command in two ways" {
	run -0 --separate-stderr "$HT" --help
	[ -z "$stderr" ]
	overview=$output
	run -0 "$HT" help
	[ "$output" = "$overview" ]
	for command in check ctl doctor env help list mark metrics record run stat sweep watch; do
		[[ $overview == *" $command "* ]]
		run -0 --separate-stderr "$HT" "$command" --help
		[ -z "$stderr" ]
		[[ ${lines[0]} == "usage: heaptally $command"* ]] || fail "$output"
		text=$output
		run -0 "$HT" help "$command"
		[ "$output" = "$text" ]
	done
	run -0 "$HT" --version
	[[ $output =~ ^heaptally\ [0-9]+\.[0-9]+\.[0-9]+ ]]
}

@test "usage errors: status 2, a message, nothing on standard output" {
	local want

	usage() {
		run -2 --separate-stderr "$HT" "$@"
		[ -z "$output" ] || fail "$*: output $output"
		error_matches "$want" || fail "of: $*"
	}
	# without a command: the overview, but as an error
	run -2 --separate-stderr "$HT"
	[ -z "$output" ]
	[[ ${stderr_lines[0]} == "usage: heaptally"* ]]
	want="'frobnicate'" usage frobnicate
	want="'--frobnicate'" usage --frobnicate
	for command in doctor env list metrics run stat sweep watch; do
		want="'--frobnicate'" usage "$command" --frobnicate
		want="'?-?Z'?" usage "$command" -Z
	done
	want="command" usage run
	want="command" usage run --
	want="'--json'|--json" usage run --json
	want="'stay'" usage list stay
	want="'12x'" usage stat 12x
	want="'-5'|-5" usage stat -- -5
	want="'0'" usage stat 0
	want="'99999999999999999999'" usage stat 99999999999999999999
	want="'x'" usage watch -i x
	want="'0'" usage watch -n 0
	want="'-1'" usage watch -i -1
	want="'abc'" usage sweep --min-age abc
	want="." usage watch 1 2
}

@test "a mistyped command is answered with a proposal" {
	run -2 --separate-stderr "$HT" stta
	error_matches "'stta'.*'stat'"
}

@test "output to a full device is an error" {
	[ -c /dev/full ] || skip "no /dev/full"
	for command in metrics "metrics --json" --help; do
		# shellcheck disable=SC2086 # words
		run --separate-stderr sh -c "'$HT' $command >/dev/full"
		[ "$status" != 0 ] || fail "$command"
		[ -n "$stderr" ]
	done
}

# ---- sweep ----

dead() { # leaves the segment of a killed process, prints its pid
	LD_PRELOAD=$LIB "$P/ends" kill >"$T/dead" || [ "$?" = 137 ]
	sed -n 's/^pid //p' "$T/dead"
}

@test "sweep: only what is dead, only what is old enough" {
	start "$P/hold"
	gone=$(dead)
	[ "$(file_count "$D")" = 2 ]
	run -0 "$HT" sweep
	[ "$(file_count "$D")" = 2 ] # too young
	run -0 "$HT" sweep --dry-run --min-age 0
	[[ $output == *"heaptally.$gone."* || $output == *"$gone"* ]]
	[[ $output != *"heaptally.$PID."* ]]
	[ "$(file_count "$D")" = 2 ]
	touch -d '1 minute ago' "$D/heaptally.$gone".*
	run -0 "$HT" sweep
	[ "$(file_count "$D")" = 1 ]
	"$HT" stat --json "$PID" >"$T/json"
	agrees "$OUT" "$T/json"
	run -0 "$HT" sweep --min-age 0
	[ "$(file_count "$D")" = 1 ]
	finish
}

@test "sweep: nothing that is not ours" {
	gone=$(dead)
	echo precious >"$D/heaptally.notes"
	echo precious >"$D/other.123.456"
	mkdir "$D/heaptally.77.88"
	ln -s /etc/passwd "$D/heaptally.78.88"
	run "$HT" sweep --min-age 0
	[ ! -e "$D/heaptally.$gone" ]
	[ "$(cat "$D/heaptally.notes")" = precious ]
	[ "$(cat "$D/other.123.456")" = precious ]
	[ -d "$D/heaptally.77.88" ]
	[ -s /etc/passwd ]
	[ -z "$(compgen -G "$D/heaptally.$gone.*" || true)" ]
}

@test "sweep in a directory that is not there" {
	HEAPTALLY_DIR=$D/none run --separate-stderr "$HT" sweep
	[[ $stderr == *none* || $status = 0 ]]
	[ "$status" -le 3 ]
}

@test "what becomes a program that cannot be tallied is not called observed" {
	"${CC:-cc}" -static -o "$T/mute" -x c - <<<'int main(void) { return 0; }' ||
		skip "no static libc to link with"
	run -3 --separate-stderr "$HT" run --json "$T/json" -- env "$T/mute"
	[[ $stderr == *"not observed: it became 'mute', which was not tallied; the figures are those of 'env' before"* ]] ||
		fail "$stderr"
	run -0 jq -r .not_observed "$T/json"
	[[ $output == "it became 'mute'"* ]]
	run -0 --separate-stderr "$HT" run --allow-unobserved -- env "$T/mute"
	# what it becomes is tallied
	run -0 --separate-stderr "$HT" run --quiet -- env "$P/nothing"
	[ -z "$stderr" ]
}

@test "an option that was not finished does not swallow the --" {
	cd "$T"
	run -2 --separate-stderr "$HT" run --json -- "$P/nothing"
	error_matches "option '--json' needs FILE"
	[ ! -e -- ]
}
