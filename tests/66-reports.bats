#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016,SC2030,SC2031,SC2153,SC2154 # each test is its own shell, on purpose
# What heaptally check writes: for a person, for programs, for CI services.

load helpers
load recordings
setup() {
	private_directory
	unset GITHUB_ACTIONS GITHUB_STEP_SUMMARY GITLAB_CI COLUMNS
	cd "$T" || return 1
}
teardown() { clean_up; }

# A name that means something in every language it is written in.
HOSTILE=']]><b>&\\"\\u001b[31m\\n::error::x|`'

# xpath EXPRESSION FILE: what it selects.
xpath() { xmllint --xpath "$1" "$2"; }

# Lines of a file that are wider than COLUMNS characters.
wider() { awk -v most="$2" 'length($0) > most' "$1"; }

# ---- for a person ----

@test "text: the verdict first, then why, the slope, what is ahead and what to do" {
	recording leak >"$T/rec"
	run -1 --separate-stderr "$HT" check "$T/rec"
	[ -z "$stderr" ]
	[[ ${lines[0]} =~ ^"GROWTH: live bytes of srv (pid 4242) grow by "[0-9.]+" MiB/hour, 99 % sure of at least "[0-9.]+" MiB/hour; and 1 more like it"$ ]]
	[[ $output == *"coverage        full (glibc 2.36)"* ]]
	[[ $output =~ "per hour"\ +\+[0-9.]+\ MiB\ +\+[0-9.]+\ MiB\ +\+[0-9.]+\ MiB ]]
	[[ $output =~ ahead\ +\+[0-9.]+\ MiB\ in\ an\ hour,\ \+[0-9.]+\ GiB\ in\ a\ day ]]
	[[ $output == *"weakest rise "* ]]
	[[ $output == *"threads         PASS"* ]]
	[[ $output == *$'\nnext\n  heaptally check --html report.html '"$T/rec"$'\n'* ]]
}

@test "text: warnings say what they mean, and what --strict does" {
	recording step >"$T/step"
	recording plateau >"$T/plateau"
	run -0 "$HT" check "$T/step"
	[[ ${lines[0]} == "STEP: live bytes of srv (pid 4242) rose by 16.0 MiB: "* ]]
	[[ $output == *"a warning only; --strict makes it a failure"* ]]
	# where it leads cannot be told from a step
	[[ $output != *ahead* ]]
	run -1 "$HT" check --strict "$T/plateau"
	[[ ${lines[0]} == "PLATEAU: "* ]]
	[[ $output == *"a failure, as --strict was given"* ]]
}

@test "text: too little to tell, and how much it takes" {
	recording leak seconds=30 iterations=9 >"$T/rec"
	run -4 "$HT" check "$T/rec"
	[[ ${lines[0]} == "INCONCLUSIVE: live bytes of srv (pid 4242) cannot be judged: "* ]]
	[[ $output == *"by default      it takes 84 s, "* ]]
	run -4 "$HT" check --iterations "$T/rec"
	[[ $output == *"it takes 16 iterations"* ]]
	# and that is true
	recording leak seconds=85 interval=0.5 iterations=17 >"$T/rec"
	run -1 "$HT" check --quiet "$T/rec"
	run -1 "$HT" check --quiet --iterations "$T/rec"
}

@test "text: limits, kept and broken" {
	recording flat >"$T/rec"
	run -1 "$HT" check --max-live 1M --max-threads 5 "$T/rec"
	[[ ${lines[0]} == "LIMIT BROKEN: --max-live of srv (pid 4242) is broken: "*"64.0 MiB, at most 1.0 MiB allowed" ]]
	[[ $output =~ --max-live\ +broken ]]
	[[ $output =~ --max-threads\ +kept ]]
	# nothing leads anywhere, so nothing is said of it
	[[ $output != *ahead* ]]
}

@test "text: the chart fits the width, in braille or in ASCII" {
	recording leak >"$T/rec"
	local columns
	for columns in 60 80 120; do
		COLUMNS=$columns LC_ALL=C.UTF-8 run -1 "$HT" check "$T/rec"
		grep -e '[│└]' <<<"$output" >"$T/chart"
		[ "$(wc -l <"$T/chart")" -ge 14 ]
		[ -z "$(wider "$T/chart" "$columns")" ]
	done
	COLUMNS=80 LC_ALL=C run -1 "$HT" check "$T/rec"
	! LC_ALL=C grep -q '[^ -~]' <<<"$output" || fail "not ASCII: $output"
	grep -c ' |' <<<"$output"
}

@test "text: colour on a terminal only, and never with NO_COLOR" {
	recording leak >"$T/rec"
	TERM=xterm run -1 script -qec "'$HT' check '$T/rec'" /dev/null
	[[ $output == *$'\e[1;31mGROWTH\e[0m: live bytes'* ]]
	TERM=xterm NO_COLOR=1 run -1 script -qec "'$HT' check '$T/rec'" /dev/null
	[[ $output != *$'\e'* ]]
	run -1 "$HT" check "$T/rec"
	[[ $output != *$'\e'* ]]
}

@test "text: of many processes the worst, and how many more there are" {
	recording flat >"$T/rec"
	local pid
	for pid in 11 12 13 14 15 16 17; do
		recording flat pid=$pid command=worker | grep -v '"head"' >>"$T/rec"
	done
	recording leak pid=99 command=bad | grep -v '"head"' >>"$T/rec"
	recording flat pid=100 seconds=10 command=cc1 end=exited | grep -v -e '"head"' -e finish >>"$T/rec"
	run -1 "$HT" check "$T/rec"
	[[ ${lines[0]} == "GROWTH: live bytes of bad (pid 99) grow"* ]]
	[ "$(grep -c '^PASS  ' <<<"$output")" = 4 ]
	[[ $output == *"and 4 more processes, none worse"* ]]
	[[ $output == *"1 process ended before it could be judged"* ]]
}

# ---- JSON ----

@test "json: all of it, and no number where there is none" {
	recording leak interval=0.5 >"$T/rec"
	run -1 --separate-stderr "$HT" check --json "$T/json" --max-live 1M \
		--max-unfreed-at-exit 1M "$T/rec"
	jq -e '.schema == 1 and (.heaptally | type) == "string"' "$T/json"
	jq -e '.check | .verdict == "GROWTH" and .status == 1 and .live == false and
		.x == "seconds" and .confidence == 0.99 and (.runs | length) == 1' "$T/json"
	jq -e '.check.runs[0].processes[0] | .command == "srv" and .pid == 4242 and
		.coverage == "full" and .verdict == "GROWTH"' "$T/json"
	jq -e '.check.runs[0].processes[0].series["/heap/live:bytes"] |
		.verdict == "GROWTH" and (.judged.floors | length) == 20 and
		.slope.hour.lower <= .slope.hour.median and
		.slope.hour.median <= .slope.hour.upper and
		(.slope.second.median * 3600 / .slope.hour.median - 1 | fabs) < 1e-9 and
		.projected_growth.day == .slope.day.median and
		.lowest <= .first and .highest >= .last and
		(.columns | length) <= 100 and
		(.columns | map(.lowest) | min) >= .lowest and
		(.columns | map(.highest) | max) == .highest' "$T/json"
	jq -e '.check.runs[0].processes[0].series["/process/resident:bytes"] |
		has("verdict") | not' "$T/json"
	jq -e '.check.runs[0].processes[0].limits | map({ (.name): .state }) | add ==
		{ "max-live": "broken", "max-unfreed-at-exit": "unknown" }' "$T/json"
	jq -e '.check.runs[0].processes[0].limits[1] | has("value") | not' "$T/json"
}

@test "json: on standard output it is alone there" {
	recording flat >"$T/rec"
	run -0 --separate-stderr "$HT" check --json - "$T/rec"
	jq -e '.check.verdict == "PASS"' <<<"$output"
	[[ $stderr == "PASS: "* ]]
}

# ---- JUnit ----

@test "junit: a test case for each series and limit" {
	recording leak >"$T/rec"
	run -1 "$HT" check --junit "$T/xml" --max-threads 5 "$T/rec"
	xmllint --noout "$T/xml"
	[ "$(xpath 'string(/testsuites/@tests)' "$T/xml")" = 4 ]
	[ "$(xpath 'count(//testcase)' "$T/xml")" = 4 ]
	[ "$(xpath 'string(/testsuites/@failures)' "$T/xml")" = 2 ]
	[ "$(xpath 'count(//failure[@type="GROWTH"])' "$T/xml")" = 2 ]
	[ "$(xpath 'string(//testcase[failure][1]/@name)' "$T/xml")" = "live bytes" ]
	[ "$(xpath 'string(//testcase[failure][1]/@classname)' "$T/xml")" = srv ]
	[[ $(xpath 'string(//failure[1]/@message)' "$T/xml") == "live bytes of srv (pid 4242) grow by "* ]]
	[[ $(xpath 'string(//testcase[@name="--max-threads"]/system-out)' "$T/xml") == *"is kept"* ]]
	[[ $(xpath 'string(//testsuite/system-out)' "$T/xml") == "GROWTH: "* ]]
}

# junit_counts STATUS RECORDING [OPTION...]: tests, failures, errors, skipped.
junit_counts() {
	run "-$1" "$HT" check --quiet --junit "$T/xml" "${@:2}"
	xmllint --noout "$T/xml" || return 1
	xpath 'concat(/testsuites/@tests, " ", /testsuites/@failures, " ",
		/testsuites/@errors, " ", /testsuites/@skipped)' "$T/xml"
}

@test "junit: failures are the check's, errors are what was not observed" {
	recording flat >"$T/flat"
	recording step >"$T/step"
	recording leak seconds=30 >"$T/short"
	recording flat | grep -v sample >"$T/none"
	recording flat foreign=50 >"$T/foreign"
	[ "$(junit_counts 0 "$T/flat")" = "3 0 0 0" ]
	[ "$(junit_counts 0 "$T/step")" = "3 0 0 0" ]
	[ "$(junit_counts 1 --strict "$T/step")" = "3 2 0 0" ]
	[ "$(junit_counts 4 "$T/short")" = "3 0 0 3" ]
	[ "$(junit_counts 3 "$T/none")" = "1 0 1 0" ]
	[ "$(junit_counts 4 "$T/foreign")" = "4 0 0 1" ]
	[ "$(junit_counts 3 "$T/flat" "$T/none")" = "4 0 1 0" ]
	[ "$(xpath 'count(//testsuite)' "$T/xml")" = 2 ]
}

@test "junit: no two test cases alike" {
	recording flat >"$T/a"
	recording flat pid=77 | grep -v '"head"' >>"$T/a"
	recording flat >"$T/b"
	run -0 "$HT" check --quiet --save-baseline "$T/base" "$T/b"
	run -0 "$HT" check --quiet --baseline "$T/base" --junit "$T/xml" \
		--max-growth 1M/h --max-growth 5objects/s "$T/a" "$T/b"
	xpath '//testcase/@*[name()="name" or name()="classname"]' "$T/xml" |
		paste -d ' ' - - >"$T/names"
	[ "$(wc -l <"$T/names")" -ge 30 ]
	[ -z "$(sort "$T/names" | uniq -d)" ]
	# and they are the same in the next build
	! grep -e 4242 -e 77 "$T/names" || fail "a process id in a name"
}

# ---- HTML ----

@test "html: well-formed, by itself, with a chart of each series" {
	recording leak interval=0.5 iterations=7 >"$T/rec"
	run -1 "$HT" check --html "$T/html" --max-live 1G "$T/rec"
	[ "$(head -n 1 "$T/html")" = '<!DOCTYPE html>' ]
	xmllint --noout "$T/html"
	[ "$(xpath 'count(//*[local-name()="svg"])' "$T/html")" = 4 ]
	[ "$(xpath 'count(//*[local-name()="svg"][@role="img"][*[local-name()="title"]])' "$T/html")" = 4 ]
	[ "$(xpath 'count(//*[@class="floor"])' "$T/html")" = 60 ]
	[ "$(xpath 'count(//*[@class="mark"])' "$T/html")" = 28 ]
	[ "$(xpath 'count(//script | //link | //img | //iframe | //@src)' "$T/html")" = 0 ]
	! grep -q '://' "$T/html" || fail "an address"
	! grep -q -i -w -e nan -e inf "$T/html" || fail "no number"
	# ids are unique, and every reference leads somewhere
	xpath '//@id' "$T/html" | sort | uniq -d | { ! grep .; }
}

@test "html: the page of a day is no larger" {
	recording leak seconds=86400 interval=10 >"$T/day"
	run -1 "$HT" check --quiet --html "$T/html" "$T/day"
	xmllint --noout "$T/html"
	(($(stat -c %s "$T/html") < 200000))
}

# ---- GitHub Actions ----

@test "github: annotations and a job summary, only there" {
	recording leak >"$T/rec"
	recording flat >"$T/flat"
	run -1 "$HT" check "$T/rec"
	[[ $output != *::error* ]]
	export GITHUB_STEP_SUMMARY=$T/summary GITHUB_ACTIONS=true
	run -1 "$HT" check --quiet "$T/rec"
	[ "$(grep -c '^::error title=heaptally check%3A GROWTH::live ' <<<"$output")" = 2 ]
	[[ $output == *"99 %25 sure"* ]]
	run -0 "$HT" check --quiet "$T/flat"
	[[ $output == *$'\n::notice title=heaptally check%3A PASS::'* ]]
	# one after the other
	[ "$(grep -c '^### .* heaptally check: ' "$T/summary")" = 2 ]
	grep -q '^| .* GROWTH | srv &#40;pid 4242&#41; | live bytes | ' "$T/summary"
	[ "$(grep -c '^<details>' "$T/summary")" = 2 ]
	unset GITHUB_STEP_SUMMARY
	run -1 "$HT" check --quiet "$T/rec"
	[[ $output == *::error* ]]
}

@test "github: a summary that cannot be written" {
	recording flat >"$T/rec"
	GITHUB_ACTIONS=true GITHUB_STEP_SUMMARY=$T/none/summary \
		run -1 --separate-stderr "$HT" check --quiet "$T/rec"
	error_matches "cannot write '$T/none/summary'"
}

# ---- GitLab ----

@test "gitlab: an issue for each failure and warning" {
	recording leak >"$T/rec"
	recording step pid=77 command=other | grep -v '"head"' >>"$T/rec"
	run -1 "$HT" check --gitlab "$T/json" "$T/rec"
	jq -e 'length == 4 and all(
		(.description | length > 20) and (.check_name | startswith("heaptally ")) and
		(.fingerprint | test("^[0-9a-f]{16}$")) and
		(.severity | IN("info", "minor", "major", "critical", "blocker")) and
		(.location.path | startswith("usr/bin/")) and .location.lines.begin == 1)' "$T/json"
	jq -e 'map(.severity) == ["critical", "critical", "minor", "minor"]' "$T/json"
	jq -e '(map(.fingerprint) | unique | length) == 4' "$T/json"
	# the same in another process, at another rate
	recording leak pid=5 seconds=200 >"$T/again"
	run -1 "$HT" check --gitlab "$T/json2" "$T/again"
	run -1 "$HT" check --gitlab "$T/json3" "$T/again"
	[ "$(jq -c 'map(.fingerprint)' "$T/json2")" = "$(jq -c 'map(.fingerprint)' "$T/json3")" ]
	recording flat >"$T/flat"
	run -0 "$HT" check --gitlab "$T/none" "$T/flat"
	[ "$(jq -c . "$T/none")" = '[]' ]
}

@test "gitlab: by itself in a job there, but never over another file" {
	recording leak >"$T/rec"
	run -1 "$HT" check --quiet "$T/rec"
	[ ! -e gl-code-quality-report.json ]
	GITLAB_CI=true run -1 "$HT" check --quiet "$T/rec"
	[ "$(jq length gl-code-quality-report.json)" = 2 ]
	echo theirs >gl-code-quality-report.json
	GITLAB_CI=true run -1 --separate-stderr "$HT" check --quiet "$T/rec"
	error_matches "'gl-code-quality-report.json' is there already.*--gitlab"
	[ "$(cat gl-code-quality-report.json)" = theirs ]
	GITLAB_CI=true run -1 --separate-stderr "$HT" check --quiet --gitlab "$T/mine" "$T/rec"
	[ -z "$stderr" ]
	[ "$(jq length "$T/mine")" = 2 ]
}

# ---- bad input, bad output ----

@test "reports: a hostile name is text in each of them" {
	recording leak command="$HOSTILE" iterations=3 |
		sed 's/"count":1/"count":1,"name":"]]><script>\\u0007\\u001b"/' >"$T/rec"
	export GITHUB_ACTIONS=true GITHUB_STEP_SUMMARY=$T/summary
	run -1 --separate-stderr "$HT" check --json "$T/json" --junit "$T/xml" \
		--html "$T/html" --gitlab "$T/gitlab" "$T/rec"
	[ -z "$stderr" ]
	echo "$output" >"$T/text"
	xmllint --noout "$T/xml"
	xmllint --noout "$T/html"
	jq -e . "$T/json" "$T/gitlab" >/dev/null
	! grep -l '<b>' "$T/xml" "$T/html" "$T/summary" || fail "an element from outside"
	! grep -l $'\e' "$T"/{text,xml,html,summary,json,gitlab} || fail "ESC"
	! grep '^::error::x' "$T/text" || fail "a command from outside"
	[ "$(grep -c '^::' "$T/text")" = 2 ]
	# and yet it can be read
	[[ $(xpath 'string(//testcase[1]/@classname)' "$T/xml") == ']]><b>&"\x1b[31m\x0a::'* ]]
	[[ $(jq -r '.check.runs[0].processes[0].command' "$T/json") == ']]><b>&"'* ]]
}

@test "reports: files that cannot be written, before anything is judged" {
	recording flat >"$T/rec"
	local option
	for option in json junit html gitlab; do
		run -1 --separate-stderr "$HT" check "--$option" "$T/none/file" "$T/rec"
		error_matches "cannot write '$T/none/file': no such file"
		[ -z "$output" ]
	done
	# a report that could not be written is no success
	run -1 --separate-stderr "$HT" check --quiet --html /dev/full "$T/rec"
	error_matches "cannot write '/dev/full': no space left"
	# and what there was before stays, if the check itself cannot be made
	echo before >"$T/file"
	run -2 "$HT" check --html "$T/file" "$T/none"
	[ "$(cat "$T/file")" = before ]
}
