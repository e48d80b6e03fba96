#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016,SC2030,SC2031,SC2153,SC2154 # each test is its own shell, on purpose
# The list of metrics: every output tells the same as shm/metrics.def.

load helpers

setup() {
	private_directory
	# id|NAME|key|KIND|brief|help|source, one row a line, by the C preprocessor
	"${CC:-cc}" -E -P -x c -D'METRIC(id,NAME,key,KIND,source,brief,help)=@id|NAME|key|KIND|brief|help|source@' \
		"$ROOT/shm/metrics.def" | tr '\n' ' ' | grep -o '@[^@]*@' |
		sed 's/^@//; s/@$//; s/ *| */|/g; s/|"/|/g; s/"|/|/g; s/"$//' >"$T/rows"
	[ "$(grep -c . "$T/rows")" = "$(grep -c '^METRIC(' "$ROOT/shm/metrics.def")" ]
	[ "$(grep -c . "$T/rows")" -ge 19 ]
}
teardown() { clean_up; }

@test "keys: the grammar, no key twice, the unit is known" {
	cut -d'|' -f3 "$T/rows" >"$T/keys"
	run -1 grep -vE '^/[^:]+:[^:*/]+([*/][^:*/]+)*$' "$T/keys"
	run -1 grep -vE '^/[a-z][a-z/-]*:(bytes|objects|threads|calls|seconds|cpu-seconds|slices|switches|faults|fds|cpus|events|waits|gc-cycles)$' "$T/keys"
	[ -z "$(sort "$T/keys" | uniq -d)" ]
	[ -z "$(awk 'length > 39' "$T/keys")" ] # fits the segment's table
}

@test "ids: never twice, never 0, and the old ones are as they were" {
	cut -d'|' -f1 "$T/rows" >"$T/ids"
	[ -z "$(sort "$T/ids" | uniq -d)" ]
	run -1 grep -vE '^[1-9][0-9]*$' "$T/ids"
	# abi 1 is frozen: these numbers are in segments out there
	grep -q '^1|HEAP_LIVE_BYTES|/heap/live:bytes|' "$T/rows"
	grep -q '^6|HEAP_ALLOCS_OBJECTS|/heap/allocs:objects|' "$T/rows"
	grep -q '^14|THREADS_STARTED_THREADS|/threads/started:threads|' "$T/rows"
	grep -q '^19|PROCESS_UPTIME_SECONDS|/process/uptime:seconds|' "$T/rows"
}

@test "texts: briefs that fit, one full sentence of help" {
	while IFS='|' read -r _ _ key _ brief help _; do
		[ "${#brief}" -ge 5 ] && [ "${#brief}" -le 63 ] || fail "$key: $brief"
		[[ $help =~ ^[A-Z].*\.$ ]] || fail "$key: $help"
	done <"$T/rows"
}

@test "the metrics that this version promises are all there" {
	for key in /heap/live:bytes /heap/live:objects /heap/peak:bytes \
		/heap/peak/slack:bytes /heap/allocs:bytes /heap/allocs:objects \
		/heap/frees:bytes /heap/frees:objects /heap/reallocs:calls \
		/heap/alloc-failures:calls /heap/foreign-frees:objects \
		/threads/live:threads /threads/peak:threads \
		/threads/started:threads /process/resident:bytes \
		/process/virtual:bytes /process/anonymous:bytes \
		/process/uptime:seconds /process/open-fds:fds \
		/threads/kernel:threads /cpu/user:cpu-seconds \
		/cpu/system:cpu-seconds /sched/run-delay:seconds \
		/sched/timeslices:slices /memory/limit:bytes \
		/memory/faults/major:faults /memory/faults/minor:faults; do
		cut -d'|' -f3 "$T/rows" | grep -qxF "$key" || fail "$key"
	done
}

@test "metrics: a table with every row, in that order" {
	run -0 --separate-stderr "$HT" metrics
	[ -z "$stderr" ]
	[[ ${lines[0]} == KEY* ]]
	i=0
	while IFS='|' read -r _ _ key kind brief _; do
		i=$((i + 1))
		[[ ${lines[i]} =~ ^"$key"\ +"${kind,,}"\ +"${key##*:}"\ +.*\ "$brief"$ ]] ||
			fail "row $i: ${lines[i]}, want $key $kind $brief"
	done <"$T/rows"
	[ "${#lines[@]}" = $((i + 1)) ]
}

@test "metrics --json: the same rows, and the schema" {
	run -0 --separate-stderr "$HT" metrics --json
	[ -z "$stderr" ]
	printf '%s\n' "$output" >"$T/json"
	jq -e '.schema == 1 and (.heaptally | type) == "string"' "$T/json"
	jq -r '.metrics[] | [.key, .kind, .unit, .description] | join("|")' \
		"$T/json" >"$T/got"
	awk -F'|' '{ unit = $3; sub(/.*:/, "", unit)
		     print $3 "|" tolower($4) "|" unit "|" $6 }' "$T/rows" >"$T/want"
	diff "$T/want" "$T/got"
	run -0 jq -r '[.metrics[] | .availability | type] | unique | join(" ")' "$T/json"
	[ "$output" = string ]
}

@test "metrics --markdown: a table with the same rows" {
	run -0 --separate-stderr "$HT" metrics --markdown
	[ -z "$stderr" ]
	printf '%s\n' "$output" >"$T/table"
	# as many columns everywhere, a ruler second
	[ "$(tr -dc '|\n' <"$T/table" | sort -u | grep -c .)" = 1 ]
	sed -n 2p "$T/table" | grep -qE '^\|( ?:?-+:? ?\|)+$'
	sed 1,2d "$T/table" | grep -oE '`/[^`]+`' | tr -d '`' >"$T/got"
	cut -d'|' -f3 "$T/rows" | diff - "$T/got"
	while IFS='|' read -r _ _ key _ _ help _; do
		grep -F "\`$key\`" "$T/table" | grep -qF "$help" || fail "$key"
	done <"$T/rows"
}

@test "a segment describes itself by the same rows" {
	LD_PRELOAD=$LIB HEAPTALLY_KEEP=1 "$P/nothing" >/dev/null
	strings -n 5 "$D"/heaptally.* >"$T/strings" 2>/dev/null ||
		tr -c '[:print:]' '\n' <"$(echo "$D"/heaptally.*)" >"$T/strings"
	while IFS='|' read -r _ _ key _ brief _ source; do
		case $source in KERNEL*) continue ;; esac
		grep -qF -- "$key" "$T/strings" || fail "$key"
		grep -qF -- "$brief" "$T/strings" || fail "$brief"
	done <"$T/rows"
}

@test "metrics takes no operand and no two forms at once" {
	run -2 --separate-stderr "$HT" metrics /heap/live:bytes
	[ -z "$output" ]
	error_matches "'/heap/live:bytes'"
	run -2 --separate-stderr "$HT" metrics --json --markdown
	[ -z "$output" ]
	error_matches "json.*markdown|markdown.*json"
}
