# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# shellcheck source=tests/corpus/server.bash
. "$CORPUS/server.bash"
cli() { redis-cli -s "$PWD/socket" "$@"; }
saved() { cli info persistence | grep -q rdb_bgsave_in_progress:0; }

serve redis-server --port 0 --unixsocket "$PWD/socket" --save '' --io-threads 2 \
	--dir "$PWD" --logfile redis.log
until_works cli ping
redis-benchmark -s "$PWD/socket" -q -n 3000 -c 20 -r 500 -t set,get,lpush,mset >/dev/null
cli set key value
cli get key
cli bgsave
until_works saved
cli info persistence | grep rdb_last_bgsave_status
[ -s dump.rdb ]
cli eval 'local t = {} for i = 1, 1000 do t[i] = i end return #t' 0
cli shutdown nosave
ended
