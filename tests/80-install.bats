#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Installation, documents, completion, and the two set-up commands.

load helpers

setup() { private_directory; }
teardown() { clean_up; }

@test "install puts everything below DESTDIR and PREFIX, uninstall takes it away" {
	make -s -C "$ROOT" install DESTDIR="$T/image" PREFIX=/opt/ht
	(cd "$T/image" && find . -type f | sort) >"$T/files"
	diff "$T/files" - <<-FILES
		./opt/ht/bin/heaptally
		./opt/ht/include/heaptally.h
		./opt/ht/lib/heaptally/libheaptally-cxx.so
		./opt/ht/lib/heaptally/libheaptally.so
		./opt/ht/lib/libheaptally-reader.a
		./opt/ht/lib/libheaptally-reader.so.1
		./opt/ht/lib/pkgconfig/heaptally.pc
		./opt/ht/share/bash-completion/completions/heaptally
		./opt/ht/share/man/man1/heaptally.1
		./opt/ht/share/man/man3/heaptally.3
	FILES
	make -s -C "$ROOT" uninstall DESTDIR="$T/image" PREFIX=/opt/ht
	[ "$(find "$T/image" ! -type d | wc -l)" = 0 ]
}

@test "an installed heaptally finds the installed library" {
	make -s -C "$ROOT" install DESTDIR="$T/image" PREFIX=/usr
	run -0 --separate-stderr "$T/image/usr/bin/heaptally" run -- sh -c 'grep -o "/.*libheaptally.so" /proc/$$/maps | sort -u'
	[ "$output" = "$T/image/usr/lib/heaptally/libheaptally.so" ]
	[[ "$stderr" == *"coverage  full"* ]]
}

@test "without its library it says so, and the command runs all the same" {
	cp "$HT" "$T/heaptally"
	run -3 --separate-stderr "$T/heaptally" run -- echo ran
	[ "$output" = ran ]
	[[ "$stderr" == *libheaptally.so* ]]
}

@test "the manual is clean and knows every command, metric and variable" {
	run -0 groff -man -Tutf8 -ww -z "$ROOT/reader/heaptally.1"
	[ -z "$output" ]
	man=$(groff -man -Tascii -P-cbou "$ROOT/reader/heaptally.1")
	for word in run list stat watch metrics doctor env sweep help LD_PRELOAD HEAPTALLY_{DIR,FORK,ONLY,KEEP,MODE,SLOTS,VERBOSE} \
		$("$HT" metrics --json | jq -r '.metrics[].key'); do
		[[ "$man" == *"$word"* ]] || fail "not in the manual: $word"
	done
}

@test "README and manual have the metrics of the registry" {
	run -0 "$ROOT/scripts/update-docs" --check
	cp -r "$ROOT/README.md" "$T/README.md"
	grep -q '/heap/live:bytes' "$T/README.md"
}

@test "update-docs --check sees a document that is out of date" {
	mkdir -p "$T/tree/reader" "$T/tree/scripts" "$T/tree/build"
	cp "$ROOT/scripts/update-docs" "$T/tree/scripts/"
	cp "$ROOT/reader/heaptally.1" "$T/tree/reader/"
	ln -s "$HT" "$T/tree/build/heaptally"
	sed 's/usable bytes/useful bytes/I' "$ROOT/README.md" >"$T/tree/README.md"
	run -1 --separate-stderr "$T/tree/scripts/update-docs" --check
	[[ "$stderr" == *"README.md are out of date"* ]]
	"$T/tree/scripts/update-docs"
	run -0 "$T/tree/scripts/update-docs" --check
}

@test "completion offers the commands and their options" {
	complete_line() {
		PATH=$ROOT/build:$PATH bash -c '
			. "$0"
			read -ra COMP_WORDS <<<"$1"
			[ "${1% }" = "$1" ] || COMP_WORDS+=("")
			COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMP_LINE=$1 COMP_POINT=${#1}
			f=$(complete -p heaptally | sed "s/.*-F \([^ ]*\).*/\1/")
			"$f" heaptally "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
			printf "%s\n" "${COMPREPLY[@]}"' "$ROOT/scripts/completion/heaptally.bash" "$1"
	}
	[[ $'\n'"$(complete_line 'heaptally s')" == *$'\n'stat* ]]
	[[ "$(complete_line 'heaptally s')" != *watch* ]]
	[[ "$(complete_line 'heaptally run --j')" == --json* ]]
}

# The commands of the README in a copy of the tree without build products.
clean_copy() {
	mkdir "$T/copy"
	(cd "$ROOT" && tar -c --exclude=./build --exclude=./.git .) | tar -x -C "$T/copy"
}

@test "scripts/demo in a clean copy" {
	clean_copy
	run -0 --separate-stderr "$T/copy/scripts/demo"
	[[ "$output" == *"coverage full"* ]]
	[[ "$output" == *"/heap/live:bytes"* ]]
	[[ "$stderr" == *"heaptally: sqlite3 (pid "*" exited 0"* ]]
	[[ "$stderr" == *"processes tallied"* ]]
	# the server grew while it was watched
	live() { printf '%s\n' "$output" | sed -n 's/^[0-9:]\{8\} *\([0-9.]*\) MiB .*/\1/p'; }
	[ "$(live | wc -l)" -ge 5 ]
	awk -v from="$(live | head -n 1)" -v to="$(live | tail -n 1)" 'BEGIN { exit !(to > from + 5) }'
	[[ "$output$stderr" != *Traceback* ]]
}

@test "scripts/test in a clean copy" {
	clean_copy
	cd "$T/copy"
	env -u BATS_RUN_TMPDIR -u BATS_TMPDIR scripts/test tests/10-metrics.bats >"$T/out" 2>&1 || fail "$(tail -n 20 "$T/out")"
	tail -n 1 "$T/out" | grep -qE '^[1-9][0-9]* passed, 0 failed, [0-9]+ skipped$'
}

@test "setup: a wrong option, a system that is not Debian, no root" {
	run -2 --separate-stderr "$ROOT/scripts/setup" --wrong
	[[ "$stderr" == usage:* ]]
	mkdir "$T/bin"
	for tool in bash env id dirname mktemp rm tail; do ln -s "$(command -v $tool)" "$T/bin/$tool"; done
	PATH=$T/bin run -1 --separate-stderr "$ROOT/scripts/setup"
	[[ "$stderr" == *"not a Debian system"* ]]
	printf '#!/bin/sh\nexit 1\n' >"$T/bin/dpkg-query"
	cp "$T/bin/dpkg-query" "$T/bin/apt-get"
	printf '#!/bin/sh\necho 1000\n' >"$T/bin/fake-id"
	chmod +x "$T/bin/dpkg-query" "$T/bin/apt-get" "$T/bin/fake-id"
	ln -sf fake-id "$T/bin/id"
	PATH=$T/bin run -1 --separate-stderr "$ROOT/scripts/setup"
	[[ "$stderr" == *"neither root nor sudo"*gcc* ]]
}
