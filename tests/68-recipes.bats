#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016,SC2030,SC2031,SC2094,SC2153,SC2154 # each test is its own shell, on purpose
# The recipes of README, taken from there and tried.

load helpers
setup() {
	private_directory
	cd "$T" || return 1
	export PATH=$ROOT/build:$PATH TMPDIR=$T PYTHONDONTWRITEBYTECODE=1
	PORT=$((20000 + RANDOM % 20000))
}
teardown() {
	cd /
	clean_up
}

# The block behind the mark of that name.
recipe() {
	awk -v mark="<!-- recipe: $1 -->" '
		$0 == mark { found = 1; next }
		found && /^    / { print substr($0, 5); any = 1; next }
		found && /^$/ { if (any) print; next }
		found { exit }' "$ROOT/README.md"
}

# server and soak-test.sh, on a port of our own: soak_test keep|drop
soak_test() {
	need ab curl python3
	printf '#!/bin/sh\nexec python3 %s "$1" %s\n' "$ROOT/tests/programs/list_server.py" "$1" >server
	chmod +x server
	recipe soak-test.sh | sed "s/8080/$PORT/; s/-n 50/-n 15/" >soak-test.sh
	grep -q HEAPTALLY_MARK soak-test.sh
}

# The heaptally line of a recipe, for a server that is a script.
command_of() {
	recipe "$1" | sed -n 's/.*\(heaptally check.*\)/\1/p' | sed "s/--only server/--only 'python3*'/"
}

@test "recipe: GitHub Actions" {
	export GITHUB_ACTIONS=true GITHUB_STEP_SUMMARY=$T/summary.md
	soak_test keep
	run -1 bounded bash -c "$(command_of github.yml)"
	[[ $output == *"::error title="*GROWTH* ]]
	grep -q GROWTH summary.md
	grep -q '<svg' heap.html
	soak_test drop
	run -0 bounded bash -c "$(command_of github.yml)"
	[[ $output != *::error* ]]
}

@test "recipe: GitLab CI" {
	export GITLAB_CI=true
	soak_test keep
	run -1 bounded bash -c "$(command_of gitlab.yml)"
	xmllint --noout heap.xml
	grep -q '<failure' heap.xml
	jq -e 'length > 0 and all(.fingerprint and .location.path and .severity)' gl-code-quality-report.json
}

@test "recipe: ctest" {
	need cmake ctest
	cp "$P/iterate" .
	{
		echo 'cmake_minimum_required(VERSION 3.10)'
		echo 'project(soak C)'
		echo 'enable_testing()'
		echo 'add_executable(soak_test soak.c)'
		recipe CMakeLists.txt
	} >CMakeLists.txt
	printf '#include <unistd.h>\nint main(int c, char **v) { (void)c; (void)v; return execl("%s", "iterate", HOW, COUNT, (char *)0); }\n' \
		"$P/iterate" >soak.c
	cmake -DCMAKE_C_FLAGS='-DHOW=\"flat\" -DCOUNT=\"120\"' . >cmake.log
	make >>cmake.log
	run -0 bounded ctest
	[[ $output == *Passed* ]]
	sed -i 's/HOW,/"blocks",/' soak.c
	make >>cmake.log
	run ! bounded ctest
	[[ $output == *"***Failed"* ]]
	sed -i 's/COUNT,/"5",/' soak.c
	make >>cmake.log
	run -0 bounded ctest
	[[ $output == *Skipped* ]]
}

@test "recipe: pytest" {
	/usr/bin/python3 -m pytest --version >/dev/null 2>&1 || skip "pytest is not installed"
	recipe test_growth.py >test_growth.py
	run -0 bounded /usr/bin/python3 -m pytest -q -p no:cacheprovider test_growth.py
	sed -i 's/^import os, time/&\nkept = []/; s/list(range(10000)) .*/kept.append(bytes(20000))/' test_growth.py
	run -1 bounded /usr/bin/python3 -m pytest -q -p no:cacheprovider test_growth.py
	[[ $output == *GROWTH* ]]
}

@test "recipe: a running service by its number" {
	start "$P/iterate" flat 0
	recipe soak-by-pid.sh | sed "s/8h/0.5s/; s/server\*/iterate/; s/\"\$(pidof server)\"/$PID/" >soak.sh
	grep -q "check --duration 0.5s .*$PID" soak.sh
	run -4 bounded bash soak.sh
	[[ $output == *"the run is too short"* ]]
	[ -s soak.html ]
}
