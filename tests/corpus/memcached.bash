# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# shellcheck source=tests/corpus/server.bash
. "$CORPUS/server.bash"
port=$(free_port)
serve memcached -l 127.0.0.1 -p "$port" -t 4 -m 16
until_works accepts "$port"
exec {connection}<>"/dev/tcp/127.0.0.1/$port"
for i in {1..500}; do
	printf 'set key%d 0 0 5 noreply\r\nvalue\r\n' "$i"
done >&"$connection"
printf 'get key77 key500\r\nstats\r\nquit\r\n' >&"$connection"
tr -d '\r' <&"$connection" | grep -E '^(VALUE|value|END|STAT (cmd_set|curr_items|threads) )'
stop TERM
