#!/bin/bash
# PostgreSQL in an enclave: a new database, psql and pgbench outside, and a crash that loses nothing.
# shellcheck source=demos/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
needs "${programs:?}/bin/postgres"
build "${image[@]}"

export PGHOST=127.0.0.1 PGDATABASE=postgres PGUSER=postgres PGCONNECT_TIMEOUT=30
PGPORT=$(free_port)
export PGPORT
sql() { "$programs/bin/psql" -qAtX -c "$*"; }

step "a new database inside; the server's port 5432 is published as $PGPORT"
start -p "127.0.0.1:$PGPORT:5432" -- sh -ec 'initdb -D data -A trust --no-locale -E UTF8 -U postgres
	echo "host all all 10.0.2.2/32 trust" >>data/pg_hba.conf
	exec postgres -D data -k /tmp -h 0.0.0.0'
patiently sql "select 1"
matches "^PostgreSQL 15" sql "select version()"

step "a table with an index, and a query that two workers share"
sql "create table t (k int primary key, v text); insert into t select n, md5(n::text) from generate_series(1, 50000) n"
expect 827ccb0eea8a706c4c34a16891f84e7b sql "select v from t where k = 12345"
expect 1600000 sql "set min_parallel_table_scan_size = 0; set parallel_setup_cost = 0; set parallel_tuple_cost = 0;
	select sum(length(v)) from t"

step "pgbench outside: four clients, each with a server process of its own"
"$programs/bin/pgbench" -i -q >"$work/init" 2>&1 || fail "$(cat "$work/init")"
matches "number of failed transactions: 0 " "$programs/bin/pgbench" -n -c 4 -j 2 -T 5
expect t sql "select (select sum(abalance) from pgbench_accounts) = (select sum(delta) from pgbench_history)"

step "a server process is killed; the others start anew and recover from the log"
sql "insert into t values (0, 'kept')"
sql "select pg_sleep(60)" >"$work/sleeper" 2>&1 &
sleeper=$!
pid_of_sleeper() { pid=$(sql "select pid from pg_stat_activity where query like '%pg_sl%(60)'") && [ -n "$pid" ]; }
patiently pid_of_sleeper
inside sh -c "kill -KILL $pid"
wait $sleeper && fail "its client noticed nothing"
patiently sql "select 1"
expect kept sql "select v from t where k = 0"

stop
worked
