# SPDX-License-Identifier: MIT
# shellcheck shell=bash
sqlite3 -batch -init /dev/null file.db <<'END'
create table t(id integer primary key, name text, n real);
with recursive c(x) as (select 1 union all select x + 1 from c where x < 5000)
insert into t select x, 'name' || x, x * 1.5 from c;
create index i on t(name);
select count(*), sum(n), max(name) from t where name like 'name1%';
delete from t where id % 3 = 0;
vacuum;
select count(*) from t;
pragma integrity_check;
END
