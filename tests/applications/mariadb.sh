# covers: MariaDB (InnoDB with asynchronous requests, Aria; 8 clients at once over Unix and TCP sockets, a crash)
. "$TOP/tests/applications/lib.sh"
need /usr/sbin/mariadbd /usr/bin/mariadb
image=(--add /usr/share/mysql:/usr/share/mysql --add /etc/passwd:/etc/passwd --add /etc/group:/etc/group)
for name in bash cat cut grep kill md5sum mkdir mariadb mariadbd my_print_defaults rm sed seq sleep sort; do
	image+=(--copy "$(PATH=/usr/sbin:/usr/bin type -P "$name")")
done
app_image "${image[@]}"

compare "a new database, transactions, clients at once, a crash and recovery" bash -u <<'END'
where=$PWD
server=(mariadbd --no-defaults --user=root --datadir="$where/data" --tmpdir="$where" --socket="$where/socket" --port=$((20000 + $$ % 10000))
	--bind-address=127.0.0.1 --innodb-buffer-pool-size=32M --innodb-log-file-size=8M --innodb-flush-log-at-trx-commit=2 --skip-networking=0)
sql() { mariadb --no-defaults --socket="$where/socket" --user=root -BN -e "$1" "${2-d}"; }
start() {
	"${server[@]}" --log-error="$where/log.err" & pid=$!
	until sql "select 1" mysql >ping 2>&1; do
		kill -0 $pid || { cat log.err >&2; exit 124; }
		sleep 0.05
	done
}
mkdir data
{ echo "create database mysql;"; echo "use mysql;"; cat /usr/share/mysql/{mysql_system_tables,mysql_performance_tables,mysql_system_tables_data}.sql; } |
	sed "s/@auth_root_socket/''/" |
	"${server[@]}" --bootstrap --skip-grant-tables --max_allowed_packet=8M >bootstrap 2>&1; echo "bootstrap $?"
start
sql "create database d" mysql
sql "create table t (k int primary key auto_increment, v varchar(40), key (v)) engine=innodb; insert into t (v) select md5(seq) from seq_1_to_20000;
	start transaction; delete from t; rollback; select count(*), min(v), max(v) from t; create table a engine=aria select * from t; checksum table a, t"
sql "select v from t where k = 12345; select 1/0; select * from none" 2>&1 | sed 's/at line.*//'
sql "create table account (balance int) engine=innodb; insert into account values (0); create user u@'127.0.0.1' identified by 'p'; grant all on d.* to u@'127.0.0.1'"
for n in $(seq 8); do
	for _ in $(seq 5); do echo "start transaction; update account set balance = balance + $n; commit;"; done |
		mariadb --no-defaults -h 127.0.0.1 -P $((20000 + $$ % 10000)) -u u -pp d & clients="${clients-} $!"
done
wait $clients
sql "select balance from account"
sql "select * from t order by v" | md5sum
sql "insert into account values (7)"
kill -KILL $pid; wait $pid 2>/dev/null; echo "killed $?"
start
sql "select * from account order by balance; select count(*) from t; check table t, a"
sql shutdown mysql; wait $pid; echo "stopped $?"
grep -c "Starting crash recovery" log.err; grep -i "assertion\|signal 11" log.err
END
app_done
