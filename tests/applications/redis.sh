# covers: redis-server 7 (BGSAVE by fork, append-only file, replication, I/O threads, redis-benchmark over a published port)
. "$TOP/tests/applications/lib.sh"
need /usr/bin/redis-server /usr/bin/redis-cli /usr/bin/redis-benchmark
. "$TOP/demos/redis/image.sh"
app_image "${image[@]}"
server="redis-server --port @port@ --bind 0.0.0.0 --protected-mode no --loglevel warning"

# The client's own words.
cat >"$SCRATCH/words" <<'END'
cli() { redis-cli -p "$port" "$@"; }
state() { cli info persistence | tr -d '\r' | sed -n "s/^$1://p"; }
until_is() { until [ "$(state "$1")" = "$2" ]; do sleep 0.05; done; }
until_up() { until [ "$(cli ping 2>&1)" = PONG ]; do sleep 0.05; done; }
END

cat "$SCRATCH/words" - >"$SCRATCH/steps" <<'END'
cli mset a 1 b two; cli incr a; cli get b; cli rpush l x y z; cli lrange l 0 -1
cli eval 'for i = 1, 10000 do redis.call("hset", "h", i, i * i) end return redis.call("hlen", "h")' 0
cli set gone soon px 30; sleep 0.2; cli exists gone
cli --raw blpop queue 60 >popped & until [ "$(cli client list | grep -c blpop)" = 1 ]; do sleep 0.02; done
cli lpush queue job >pushed; wait $!; cat popped pushed
cli subscribe news >heard 2>&1 & until [ "$(cli pubsub numsub news | tail -n 1)" = 1 ]; do sleep 0.02; done
cli publish news paper; cli client kill type pubsub; wait $!; head -n 6 heard
printf 'multi\nset t 1\nincr t\nexec\n' | cli
for options in "-c 50" "-c 20 -P 16" "-c 50 -d 20000 -n 500"; do
	redis-benchmark -h 127.0.0.1 -p "$port" -q --csv -n 2000 $options -t set,get,lpush,lpop,zadd >benchmark
	echo "benchmark $?: $(cut -d, -f1 benchmark | tr '\n' ' ')"
done
cli llen mylist; cli zcard myzset
cli bgsave; until_is rdb_bgsave_in_progress 0; state rdb_last_bgsave_status
cli set after the-save; cli shutdown nosave
until_up; cli get after; cli hget h 77; cli dbsize; cli strlen key:__rand_int__
beside redis-server --port 0 --unixsocket replica.sock --replicaof 127.0.0.1 "$inner" --daemonize yes --dbfilename replica.rdb >/dev/null
replica() { beside redis-cli -s replica.sock "$@"; }
until replica info replication 2>/dev/null | grep -q link_status:up; do sleep 0.05; done
printf "set live news\nwait 1 0\n" | cli; until [ "$(replica get live)" = news ]; do sleep 0.05; done; replica hget h 99; replica set no way; replica shutdown nosave
END
serve "a server, its clients, a snapshot and a replica" sh -c \
	"$server --save ''; exec $server --save '' --io-threads 2 --repl-diskless-sync-delay 0" <"$SCRATCH/steps"

cat "$SCRATCH/words" - >"$SCRATCH/steps" <<'END'
cli set first 1; for i in 1 2 3; do cli rpush list "$i"; done
until_is aof_rewrite_in_progress 0; cli bgrewriteaof; until_is aof_rewrite_in_progress 0; state aof_last_bgrewrite_status
cli set second 2
beside kill -KILL "$(cli info server | tr -d '\r' | sed -n s/^process_id://p)"
until_up; cli mget first second; cli lrange list 0 -1; state aof_enabled
END
serve "an append-only file survives a kill" sh -c \
	"$server --appendonly yes --appendfsync always; exec $server --appendonly yes" <"$SCRATCH/steps"
app_done
