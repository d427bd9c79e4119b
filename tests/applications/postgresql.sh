# covers: PostgreSQL 15 (initdb, server, psql, pgbench; fork per connection, shared memory, Unix and TCP sockets, crash)
. "$TOP/tests/applications/lib.sh"
. "$TOP/demos/postgresql/image.sh"
need $programs/bin/postgres /usr/bin/setpriv
if [ "$(id -u)" -ne 0 ]; then
	echo "ok 1 - $app_name # SKIP natively, only root can become the user that owns the database"
	echo "1..1"
	exit 0
fi
for name in bash cat chown head kill mktemp rm sed seq setpriv sleep sort; do
	image+=(--copy "$(type -P "$name")")
done
app_image "${image[@]}"

# with_database: the commands on standard input are run beside a new server, by who isn't root.
with_database()
{
	compare "$1" bash -c "$(sed "s#@programs@#$programs#" <<-'OUTER'
		set -u
		cd /
		where=$(mktemp -d /tmp/pg.XXXXXX)
		chown nobody:nogroup "$where"
		trap 'rm -rf "$where"' EXIT
		cat >"$where/commands"
		export where PATH=@programs@/bin:$PATH PGHOST=$where PGPORT=$((20000 + $$ % 10000)) PGUSER=nobody
		export PGDATABASE=postgres HOME=$where PGOPTIONS="-c client_min_messages=warning"
		setpriv --reuid=nobody --regid=nogroup --clear-groups bash -u -c '
			cd "$where"
			start() { pg_ctl -D data -l log -t 60 -w start >/dev/null || cat log; }
			initdb -D data -A trust --no-locale -E UTF8 --no-sync >init 2>&1 || { cat init; exit 1; }
			printf "%s\n" "unix_socket_directories = '"'\$where'"'" "listen_addresses = '"'127.0.0.1'"'" \
				"port = $PGPORT" "max_connections = 40" "shared_buffers = 16MB" >>data/postgresql.conf
			start
			. ./commands
			pg_ctl -D data -t 60 -w -m fast stop >/dev/null; echo "stopped $?"
			sed -n "/\(PANIC\|TRAP\)/p" log'
	OUTER
	)"
}

with_database "psql over Unix and TCP sockets, a restart, 20 connections at once, pgbench" <<'END'
psql -qAt <<SQL
create table t (k int primary key, v text);
insert into t select n, md5(n::text) from generate_series(1, 20000) n;
create index on t (v);
begin; delete from t; rollback;
select count(*), min(v), max(v) from t;
select v from t where k = 12345;
do \$\$ begin raise exception 'an error'; exception when others then raise warning 'caught'; end \$\$;
select now() > '2020-01-01', '2024-02-29 12:00 Europe/Paris'::timestamptz at time zone 'UTC';
select inet_client_addr() is null;
SQL
psql -h 127.0.0.1 -qAt -c "select inet_client_addr(), inet_server_port() = $PGPORT, count(*) from t"
psql -qAt -c "select 1/0" 2>&1; echo "status $?"
pg_dump -t t | sed -n '/^COPY/,/^\\\./p' | sort | head -n 3
pg_ctl -D data -t 60 -w -m fast stop >/dev/null; start
psql -qAt -c "select count(*) from t"
psql -qAt -c "set max_parallel_workers_per_gather = 2; set min_parallel_table_scan_size = 0; set parallel_setup_cost = 0;
	set parallel_tuple_cost = 0; select sum(length(v)) from t"
psql -qAt -c "create table account (balance int); insert into account values (0)"
for n in $(seq 20); do
	psql -qAt -c "begin; update account set balance = balance + $n; select pg_sleep(0.01); commit" >/dev/null &
	clients="${clients-} $!"
done
wait $clients
psql -qAt -c "select balance from account"
psql -qAt -c "listen news; notify news, 'paper'" | sed 's/PID [0-9]*/PID/'
psql -qAt -c "set statement_timeout = 50; select pg_sleep(20)" 2>&1
pgbench -i -q -s 1 >init.out 2>&1; echo "init $?"
pgbench -h 127.0.0.1 -n -c 4 -j 2 -t 50 2>&1 | sed -n '/transactions actually\|failed/p'
psql -qAt -c "select count(*) from pgbench_history; select sum(abalance) = (select sum(tbalance) from pgbench_tellers) from pgbench_accounts"
END

with_database "a server process killed, and recovery from the log" <<'END'
psql -qAt -c "create table kept (n int); insert into kept select generate_series(1, 1000)"
psql -qAt -c "select pg_sleep(60)" >/dev/null 2>&1 &
client=$!
until psql -qAt -c "select pid from pg_stat_activity where query like '%pg_sleep(60)' and pid <> pg_backend_pid()" >pid && [ -s pid ]; do sleep 0.05; done
kill -9 $(cat pid); wait $client; echo "client $?"
until psql -qAt -c "select 1" >/dev/null 2>&1; do sleep 0.05; done
psql -qAt -c "select count(*), sum(n) from kept"
pg_ctl -D data -m immediate -w stop >/dev/null; start
psql -qAt -c "select count(*), sum(n) from kept"
END
app_done
