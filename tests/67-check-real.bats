#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016,SC2030,SC2031,SC2034,SC2153,SC2154 # each test is its own shell, on purpose
# Real services under load: those that leak are found, healthy ones pass.
# Here in short, judged by work alone; `make check-real` gives each a minute
# and a half, judges by time as well, and does it all ten times.

load helpers
setup() {
	private_directory
	export TMPDIR=$T READY LOAD
	export PYTHONDONTWRITEBYTECODE=1 ITERATIONS=120 PAUSE=0.01
	if [ -n "${CHECK_REAL_SECONDS-}" ]; then
		PAUSE=0.2
		ITERATIONS=$((CHECK_REAL_SECONDS * 10))
	fi
	PORT=$((20000 + RANDOM % 20000))
	cd "$T" || return 1
}
teardown() {
	cd /
	clean_up
}

# Starts a service, and marks each unit of LOAD. To its end or, in the long
# form, for as long as is to be judged.
DRIVER='
"$@" >server.log 2>&1 &
server=$!
until eval "$READY" >/dev/null 2>&1; do
	kill -0 "$server" || exit 1
	sleep 0.05
done
for i in $(seq "$ITERATIONS"); do
	eval "$LOAD" >/dev/null 2>&1 || exit 1
	echo >>"$HEAPTALLY_MARK"
	sleep "$PAUSE"
	[ "$SECONDS" -lt "${CHECK_REAL_SECONDS:-1000}" ] || break
done
kill "$server"
wait "$server"
true'

# verdict STATUS VERDICT NAME COMMAND...: of processes of that name.
verdict() {
	local want=$1 verdict=$2 name=$3

	shift 3
	run --separate-stderr timeout --foreground -k 5 300 "$HT" check --iterations --only "$name" \
		-o samples --force -- bash -c "$DRIVER" driver "$@"
	[[ $status == "$want" && $stderr == "$verdict:"* ]] ||
		fail "not $verdict: $stderr $(cat server.log)"
	[ -n "${CHECK_REAL_SECONDS-}" ] || return 0
	run "$HT" check samples
	[[ $status == "$want" && $output == "$verdict:"* ]] ||
		fail "by time not $verdict: $output"
}

leak_server() { # STATUS VERDICT HOW REQUESTS
	READY='[ -S socket ]'
	LOAD="$P/leak_server ask socket $4"
	rm -f socket
	verdict "$1" "$2" leak_server "$P/leak_server" serve socket "$3"
}

@test "a server in C that is healthy" { leak_server 0 PASS none 20; }
@test "a server in C that leaves a block each request" {
	leak_server 1 GROWTH block 20
	[[ $stderr == *"live objects"*"+20"* ]]
}
@test "a server in C that leaves a thread each request" {
	leak_server 1 GROWTH thread 1
	[[ $stderr =~ threads\ +GROWTH ]]
}
@test "a server in C that leaves a thread with a descriptor each request" {
	leak_server 1 GROWTH holder 1
	[[ $stderr =~ threads\ +GROWTH ]]
}

redis() { # STATUS VERDICT KEY
	need redis-server redis-cli
	READY='redis-cli -s socket ping'
	LOAD="redis-cli -s socket eval \"for i = 1, 100 do redis.call('set', '$3' .. i, 'value') end\" 0"
	verdict "$1" "$2" redis-server redis-server --port 0 --unixsocket "$T/socket" --save '' --dir "$T"
}

@test "redis-server with the same keys again and again" { redis 0 PASS key; }
@test "redis-server with a growing set of keys" { redis 1 GROWTH 'key.$i.'; }

python() { # STATUS VERDICT keep|drop
	need python3 ab
	READY="ab -n 1 http://127.0.0.1:$PORT/"
	LOAD="ab -n 20 http://127.0.0.1:$PORT/"
	verdict "$1" "$2" 'python3*' python3 "$ROOT/tests/programs/list_server.py" "$PORT" "$3"
}

@test "a python3 server that remembers nothing" { python 0 PASS drop; }
@test "a python3 server with a list that grows" { python 1 GROWTH keep; }

@test "nginx" {
	need nginx ab
	mkdir root
	chmod 755 . root
	seq 2000 >root/index.html
	cat >nginx.conf <<CONF
daemon off; worker_processes 2; pid $T/pid; error_log $T/log crit;
events { worker_connections 256; }
http {
	access_log off; gzip on; gzip_types *;
	client_body_temp_path $T/t1; proxy_temp_path $T/t2; fastcgi_temp_path $T/t3;
	uwsgi_temp_path $T/t4; scgi_temp_path $T/t5;
	server { listen 127.0.0.1:$PORT; root $T/root; }
}
CONF
	READY="ab -n 1 http://127.0.0.1:$PORT/"
	LOAD="ab -n 100 -c 8 -H 'Accept-Encoding: gzip' http://127.0.0.1:$PORT/"
	verdict 0 PASS nginx nginx -c "$T/nginx.conf" -e "$T/log"
}
