#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016,SC2030,SC2031,SC2153,SC2154 # each test is its own shell, on purpose
# Unmodified programs: same output, same status as without us, and a tally
# that is sane; where valgrind can count the same run, the same counts.

load helpers
setup() {
	private_directory
	cd "$T" || return 1
	export HOME=$T GIT_CONFIG_NOSYSTEM=1 PYTHONDONTWRITEBYTECODE=1
}
teardown() {
	cd /
	clean_up
}

# Prints what cannot be in a document about processes that all have ended.
insane() { # FILE
	jq -r '
		if (.processes | length) == 0 then "nothing was seen" else
		.processes[] | . as $p | .metrics as $m
		| def wrong($what): "\($p.pid) \($p.command): \($what): \($m)";
		  ($m["/heap/live:objects"] - $m["/heap/allocs:objects"] +
		   $m["/heap/frees:objects"]) as $inherited
		| ($m["/heap/live:bytes"] - $m["/heap/allocs:bytes"] +
		   $m["/heap/frees:bytes"]) as $inherited_bytes
		| (select($inherited < 0 or $inherited_bytes < 0 or
			  ($inherited == 0) != ($inherited_bytes == 0))
		   | wrong("inherited \($inherited), \($inherited_bytes) bytes")),
		  (select($m["/heap/live:objects"] == 0 and $m["/heap/live:bytes"] != 0)
		   | wrong("bytes without blocks")),
		  (select($m["/heap/peak:bytes"] + $m["/heap/peak/slack:bytes"] <
			  $m["/heap/live:bytes"]) | wrong("peak below live")),
		  (select($m["/heap/reallocs:calls"] > $m["/heap/frees:objects"] or
			  $m["/heap/reallocs:calls"] > $m["/heap/allocs:objects"])
		   | wrong("reallocs")),
		  (select($m["/heap/foreign-frees:objects"] != 0) | wrong("foreign frees")),
		  (select($m["/threads/live:threads"] !=
			  1 + $m["/threads/started:threads"] - $m["/threads/exited:threads"] or
			  $m["/threads/peak:threads"] < 1) | wrong("threads")),
		  (select(.approximate) | wrong("approximate")),
		  (select(.coverage != "full" or (.provider | test("^glibc 2\\.[0-9]+$") | not))
		   | wrong("coverage \(.coverage), \(.coverage_reason), \(.provider)")),
		  (select(.state == "live" or .state == "replaced") | wrong(.state))
		end' "$1"
}

# same NAMES STATUS REGEX COMMAND...: the command says and does the same
# without us, with a bare LD_PRELOAD and under `run`; its output matches
# REGEX (so that three equal failures do not pass), its status is STATUS, a
# process of each of NAMES was tallied, and no tally is absurd. What it
# leaves in ./made is thrown away in between.
same() {
	local names=$1 want=$2 regex=$3 way status name

	shift 3
	for way in plain preload run; do
		rm -rf made
		mkdir made
		status=0
		case $way in
		plain) "$@" >"$way.out" 2>"$way.err" </dev/null ;;
		preload) LD_PRELOAD=$LIB HEAPTALLY_KEEP=1 "$@" >"$way.out" \
			2>"$way.err" </dev/null ;;
		run) "$HT" run --quiet --json run.json -- "$@" >"$way.out" \
			2>"$way.err" </dev/null ;;
		esac || status=$?
		[ "$status" = "$want" ] ||
			fail "$way: status $status: $(tail -n 5 "$way.err")" || return 1
		cmp plain.out "$way.out" || return 1
		cmp plain.err "$way.err" || return 1
	done
	grep -qE -- "$regex" plain.out || fail "output: $(head plain.out)" || return 1
	"$HT" list --json >preload.json || return 1
	"$HT" sweep --min-age 0 >/dev/null || return 1
	for way in preload run; do
		for name in $names; do
			jq -e --arg name "$name" '[.processes[] | select(.command == $name and
				.metrics["/heap/allocs:objects"] > 0)] | length > 0' \
				"$way.json" >/dev/null ||
				fail "$way: no $name among $(jq -c '[.processes[].command]' "$way.json")" ||
				return 1
		done
		insane "$way.json" >"$way.insane"
		[ ! -s "$way.insane" ] || fail "$way: $(head -n 5 "$way.insane")" || return 1
	done
}

@test "the check of sanity sees an absurd tally" {
	"$HT" run --quiet --json good.json -- /bin/ls / >/dev/null
	run -0 insane good.json
	[ -z "$output" ]
	for change in '.processes = []' \
		'.processes[0].metrics["/heap/live:objects"] -= 1' \
		'.processes[0].metrics["/heap/live:bytes"] += 1' \
		'.processes[0].metrics["/heap/peak:bytes"] = 1' \
		'.processes[0].metrics["/heap/reallocs:calls"] = 1e9' \
		'.processes[0].metrics["/heap/foreign-frees:objects"] = 1' \
		'.processes[0].metrics["/threads/live:threads"] = 3' \
		'.processes[0].coverage = "partial"' \
		'.processes[0].provider = "unknown"' \
		'.processes[0].approximate = true' \
		'.processes[0].state = "live"'; do
		jq "$change" good.json >bad.json
		run -0 insane bad.json
		[ -n "$output" ] || fail "$change"
	done
}

@test "the check of sameness sees another output, status, and a missing process" {
	run -1 same ls 0 . sh -c 'env | grep -c HEAPTALLY_KEEP; ls / >/dev/null'
	run -1 same ls 0 . sh -c 'ls /; exit ${HEAPTALLY_KEEP:-0}'
	run -1 same cat 0 . ls /
	run -1 same ls 0 'no such line' ls /
}

@test "ls, cat, sort, grep, find" {
	same ls 0 passwd ls -laR /etc/apt /etc/passwd
	same cat 0 root cat /etc/passwd
	same sort 0 root sort -t: -k3n /etc/passwd
	same grep 0 nobody grep -rn nobody /etc/passwd /etc/group
	same "find" 0 libc.so find /usr/lib/x86_64-linux-gnu -maxdepth 1 -name 'libc*'
	same ls 2 'No such file' sh -c 'ls /no/such/file 2>&1'
}

@test "bash: pipes, subshells, arrays, functions" {
	cat >script <<-'END'
		declare -A seen
		count() { local i; for i in $(seq "$1"); do seen[k$i]=$((i * i)); done; }
		count 500
		echo "${#seen[@]} ${seen[k77]}"
		(cd /; pwd; exit 4) | tr / x
		echo "status ${PIPESTATUS[*]}"
		for i in 1 2 3; do (echo "$i" | sed 's/^/n/') & wait; done
		cat <(echo from) <(echo process) <(echo substitution)
		x=$(printf '%s\n' a b c | sort -r | tail -n 1); echo "$x"
		read -r line <<<"here"; echo "$line"
		exit 7
	END
	same "bash sed sort" 7 'status 4 0' bash script
}

@test "perl: hashes and fork" {
	need perl
	export PERL_HASH_SEED=0
	same perl 0 '^2000 child 3$' perl -e '
		my %h = map { $_ => [1 .. $_ % 10] } 1 .. 2000;
		my $pid = fork // die;
		if (!$pid) { delete $h{$_} for 1 .. 1000; exit(keys(%h) == 1000 ? 3 : 4) }
		waitpid $pid, 0;
		print scalar(keys %h), " child ", $? >> 8, "\n"'
}

python='import json, re, subprocess, threading, hashlib, sys
done = []
def work(n):
    done.append(sum(len(json.dumps({"k": list(range(i))})) for i in range(n)))
threads = [threading.Thread(target=work, args=(200,)) for _ in range(8)]
[t.start() for t in threads]; [t.join() for t in threads]
print(len(done), len(set(done)))
print(subprocess.run(["echo", "child"], capture_output=True).stdout)
print(hashlib.sha256(b"x" * 100000).hexdigest()[:8], bool(re.match("a+b", "aaab")))
sys.exit(5)'

@test "python3: json, threads, subprocess" {
	[ -x /usr/bin/python3 ] || skip "python3 is not installed"
	same "python3 echo" 5 '^8 1$' /usr/bin/python3 -c "$python"
	run -0 jq '[.processes[] | select(.command == "python3") | .metrics["/threads/started:threads"]] | max' run.json
	[ "$output" = 8 ]
}

@test "python3 with PYTHONMALLOC=malloc" {
	[ -x /usr/bin/python3 ] || skip "python3 is not installed"
	export PYTHONMALLOC=malloc
	same "python3 echo" 5 '^8 1$' /usr/bin/python3 -c "$python"
	run -0 jq '[.processes[] | select(.command == "python3") | .metrics["/heap/allocs:objects"]] | max > 50000' run.json
	[ "$output" = true ]
}

queries() {
	cat <<-'END'
		create table t(id integer primary key, name text, n real);
		with recursive c(x) as (select 1 union all select x + 1 from c where x < 5000)
		insert into t select x, 'name' || x, x * 1.5 from c;
		create index i on t(name);
		select count(*), sum(n), max(name) from t where name like 'name1%';
		select group_concat(name) from (select name from t order by n desc limit 20);
		delete from t where id % 3 = 0;
		vacuum;
		select count(*) from t;
	END
}

@test "sqlite3" {
	need sqlite3
	queries >script.sql
	same sqlite3 0 '^3334$' sqlite3 -batch -init /dev/null :memory: '.read script.sql'
	same sqlite3 0 '^3334$' sqlite3 -batch -init /dev/null made/file.db '.read script.sql'
}

@test "gcc and g++: compile, link and run" {
	need gcc g++
	cat >hello.c <<-'END'
		#include <stdio.h>
		int main(void) { return printf("hello %d\n", __LINE__) < 0; }
	END
	same "gcc cc1 as ld" 0 '^hello 2$' bash -c 'gcc -O2 -o made/hello hello.c && made/hello'
	cat >words.cc <<-'END'
		#include <iostream>
		#include <map>
		#include <regex>
		#include <string>
		int main()
		{
			std::map<std::string, int> seen;
			std::string text("one two one three two one");
			std::regex word("[a-z]+");
			for (std::sregex_iterator i(text.begin(), text.end(), word), e; i != e; ++i)
				seen[i->str()]++;
			for (auto &s : seen)
				std::cout << s.first << s.second << "\n";
		}
	END
	same "g++ cc1plus words" 0 '^one3$' bash -c 'g++ -O1 -o made/words words.cc && made/words'
}

@test "git: init, commits, gc, fsck" {
	need git
	export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a
	export GIT_COMMITTER_EMAIL=a@b GIT_AUTHOR_DATE='2026-01-01T00:00:00Z'
	export GIT_COMMITTER_DATE='2026-01-01T00:00:00Z'
	cat >script <<-'END'
		set -e
		cd made
		git init -q -b main .
		for i in 1 2 3 4 5; do
			seq $((i * 100)) >"file$i"
			git add .
			git commit -q -m "commit $i"
		done
		git log --format='%H %s'
		git -c gc.autoDetach=false -c pack.threads=2 gc -q
		git fsck --no-progress
		git diff --stat HEAD~2
	END
	same git 0 'commit 5' bash script
}

@test "tar | xz | tar" {
	need tar xz
	same "tar xz sha256sum" 0 '^[0-9a-f]{64}' bash -o pipefail -c '
		tar -C /usr/share -cf - --sort=name common-licenses |
			xz -1 -T2 | xz -d | sha256sum'
	same "tar gzip" 0 GPL bash -o pipefail -c '
		tar -C /usr/share -czf made/x.tgz common-licenses && tar -tzf made/x.tgz'
}

@test "openssl: digests and keys" {
	need openssl
	head -c 3000000 /dev/zero >zeros
	same openssl 0 'SHA(2-)?256.*= [0-9a-f]{64}' openssl dgst -sha256 zeros
	# a key is another one each time: only its kind is the same
	same openssl 0 '^(RSA key ok|Key is valid)' bash -o pipefail -c '
		openssl genrsa 1024 2>/dev/null | openssl rsa -check -noout 2>/dev/null'
}

@test "make -j2: a small project" {
	need make gcc
	for i in $(seq 20); do
		echo "int f$i(int x) { return x + $i; }" >"f$i.c"
	done
	{
		for i in $(seq 20); do echo "int f$i(int);"; done
		echo '#include <stdio.h>'
		echo 'int main(void) { int x = 0;'
		for i in $(seq 20); do echo "x = f$i(x);"; done
		printf '%s\n' 'return printf("%d\n", x) < 0; }'
	} >main.c
	cat >Makefile <<-'END'
		.RECIPEPREFIX = >
		made/program: $(patsubst %.c,made/%.o,$(wildcard *.c))
		> @gcc -o $@ $^
		made/%.o: %.c
		> @gcc -c -o $@ $<
	END
	same "make cc1 as ld program" 0 '^210$' bash -c 'make -j2 && made/program'
	# 21 compilations: not one process lost
	run -0 jq '[.processes[] | select(.command == "cc1")] | length' run.json
	[ "$output" = 21 ]
	[ -z "$(ls -A "$D")" ]
}

# ---- valgrind as the judge ----

# like_valgrind EXTRA COMMAND...: the numbers of allocs and frees equal
# valgrind's, which may see EXTRA more of both.
#
# Both start the command with the same number of variables, as perl and
# others copy them. libc's and libstdc++'s clean-up at exit, which only
# valgrind would cause, is off.
like_valgrind() {
	local extra=$1 theirs ours allocs frees pad=() i
	local -a clean=(env -i "PATH=$PATH" "HEAPTALLY_DIR=$D" PERL_HASH_SEED=0
		PERL_PERTURB_KEYS=0 PYTHONHASHSEED=0)

	shift
	need valgrind
	theirs=$("${clean[@]}" valgrind -q env | wc -l)
	ours=$("${clean[@]}" "$HT" run --quiet -- env | wc -l)
	for ((i = ours; i < theirs; i++)); do
		pad+=("PAD_$i=x")
	done
	[ "$ours" -le "$theirs" ]
	"${clean[@]}" valgrind --run-libc-freeres=no --run-cxx-freeres=no \
		--log-file=valgrind.log "$@" >valgrind.out 2>/dev/null </dev/null
	"${clean[@]}" "${pad[@]}" "$HT" run --quiet --json ours.json -- "$@" \
		>ours.out </dev/null
	read -r allocs frees < <(sed -n \
		's/.*total heap usage: \([0-9,]*\) allocs, \([0-9,]*\) frees.*/\1 \2/p' \
		valgrind.log | tr -d ,)
	[ "$allocs" -ge 10 ] || fail "$(cat valgrind.log)" || return 1
	run -0 jq -r '.processes | select(length == 1)[0].metrics |
		"\(.["/heap/allocs:objects"]) \(.["/heap/frees:objects"])"' ours.json
	[ "$output" = "$((allocs - extra)) $((frees - extra))" ] ||
		fail "ours $output, valgrind $allocs $frees, extra $extra"
}

@test "valgrind counts the same: sqlite3" {
	need sqlite3
	queries >script.sql
	like_valgrind 0 sqlite3 -batch -init /dev/null :memory: '.read script.sql'
}
@test "valgrind counts the same: xz" {
	seq 20000 >numbers
	like_valgrind 0 xz -k -c -T1 numbers
}
@test "valgrind counts the same: perl" {
	need perl
	like_valgrind 0 perl -e 'my %h; $h{$_} = [$_] for 1 .. 2000; print scalar keys %h'
}
@test "valgrind counts the same: python3" {
	[ -x /usr/bin/python3 ] || skip "python3 is not installed"
	like_valgrind 0 /usr/bin/python3 -S -E -c 'print(sum(range(1000)))'
}
@test "valgrind counts the same: C programs, with realloc and threads" {
	like_valgrind 0 "$P/family" realloc
	like_valgrind 0 "$P/family" posix_memalign
	like_valgrind 0 "$P/threads_keys"
}
@test "valgrind counts the same: C++, with exceptions and thread_local" {
	like_valgrind 0 "$P/after_main_cxx"
}
@test "valgrind counts more: a realloc that fails is an alloc and a free to it" {
	# 50 failed reallocs of a block, and 50 plain ones which it does not count
	local theirs

	need valgrind
	valgrind --run-libc-freeres=no --log-file=valgrind.log \
		"$P/failures" realloc >/dev/null
	exactly "$P/failures" realloc
	theirs=$(sed -n 's/.*total heap usage: \(.*\) frees.*/\1/p' valgrind.log)
	[ "$theirs" = "51 allocs, 50" ] || fail "$theirs"
	grep -qx '/heap/allocs:objects 1' "$T/out"
	grep -qx '/heap/frees:objects 0' "$T/out"
}
