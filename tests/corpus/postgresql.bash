# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# A cluster made, started, loaded and stopped.
# shellcheck source=tests/corpus/server.bash
. "$CORPUS/server.bash"
PATH=$(echo /usr/lib/postgresql/*/bin | tr ' ' '\n' | tail -n 1):$PATH
export PGHOST=$PWD PGUSER=tester PGDATABASE=postgres

initdb -N -A trust -U tester -D data >/dev/null
serve postgres -D data -k "$PWD" -F -c listen_addresses= -c max_parallel_workers_per_gather=2 \
	-c shared_buffers=16MB -c logging_collector=off 2>log
until_works psql -c 'select 1'
pgbench -q -i -s 1 2>/dev/null
pgbench -n -c 4 -j 2 -t 50 2>/dev/null | grep 'actually processed'
psql -At -c 'select count(*), sum(aid) from pgbench_accounts'
psql -At -c "select count(distinct md5(aid::text)) from pgbench_accounts"
stop INT
grep -c 'database system is shut down' log
