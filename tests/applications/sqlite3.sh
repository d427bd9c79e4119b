# covers: sqlite3 (transactions, indices, journal and WAL, .dump, backup, several processes)
. "$TOP/tests/applications/lib.sh"
need /usr/bin/sqlite3
app_image --copy /usr/bin/sqlite3 --copy /bin/bash --copy /bin/sh --copy /usr/bin/sha256sum --copy /usr/bin/seq \
	--copy /bin/rm

rows="with recursive n(i) as (select 1 union all select i + 1 from n where i < 20000)"

compare "a table, an index, queries" sqlite3 f.db <<END
create table t (k integer primary key, v text, w real);
begin; $rows insert into t select i, 'value ' || i, i * 1.5 from n; commit;
create index v on t (v); explain query plan select * from t where v = 'value 77';
select * from t where v = 'value 77'; select count(*), sum(k), avg(w) from t; select upper(v) from t order by v limit 3;
update t set w = w + 1 where k % 2; delete from t where k > 19990; vacuum; pragma integrity_check; pragma page_count;
begin; delete from t; rollback; select count(*) from t;
select json_extract('{"a":[1,2]}', '\$.a[1]'), printf('%08.3f', 3.14159), date('2024-02-29', '+1 year');
create virtual table words using fts5(w); insert into words values ('the quick fox'), ('lazy dog'); select * from words where words match 'quick';
END

for mode in delete truncate persist wal memory off; do
	compare "journal mode $mode" sqlite3 f.db <<END
pragma journal_mode = $mode; pragma synchronous = full;
create table t (k integer primary key, v);
insert into t values (1, 'a'); insert into t values (2, 'b'); begin; insert into t values (3, 'c'); commit; select * from t;
pragma wal_checkpoint;
.backup copy.db
.open copy.db
select count(*) from t;
END
done

compare "dump and restore" bash <<END
sqlite3 a.db "create table t (k, v); $rows insert into t select i, hex(i) from n; create view w as select count(*) from t"
sqlite3 a.db .dump | sha256sum; sqlite3 a.db .dump | sqlite3 b.db; sqlite3 b.db 'select * from w' .schema
sqlite3 -csv -header a.db 'select * from t limit 2'; sqlite3 -json a.db 'select * from t limit 1'; sqlite3 a.db 'select nonsense' 2>/dev/null; echo \$?
END

compare "four writers at once" bash <<'END'
sqlite3 f.db 'create table t (p, n)'
for p in 1 2 3 4; do
	for n in $(seq 25); do echo ".timeout 60000"; echo "insert into t values ($p, $n);"; done | sqlite3 f.db &
done
wait
sqlite3 f.db 'select p, count(*), sum(n) from t group by p order by p; pragma integrity_check'
END
app_done
