# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Two web servers in a row: haproxy in front of lighttpd.
# shellcheck source=tests/corpus/server.bash
. "$CORPUS/server.bash"
front=$(free_port)
back=$(free_port)
mkdir root
seq 1000 >root/index.html
cat >lighttpd.conf <<CONF
server.document-root = "$PWD/root"
server.bind = "127.0.0.1"
server.port = $back
index-file.names = ( "index.html" )
CONF
cat >haproxy.conf <<CONF
global
	nbthread 2
defaults
	mode http
	timeout connect 5s
	timeout client 5s
	timeout server 5s
listen front
	bind 127.0.0.1:$front
	server back 127.0.0.1:$back
CONF
lighttpd -D -f lighttpd.conf 2>log &
back_pid=$!
until_serves() { until curl -sf "http://127.0.0.1:$1/" >/dev/null; do sleep 0.05; done; }
serve haproxy -q -f haproxy.conf
until_serves "$back"
until_serves "$front"
ab -q -n 500 -c 8 "http://127.0.0.1:$front/" | grep -E '^(Complete|Failed) requests'
curl -s "http://127.0.0.1:$front/" | sha256sum
kill -TERM "$back_pid"
wait "$back_pid" && echo "lighttpd ended"
stop USR1
