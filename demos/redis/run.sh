#!/bin/bash
# Redis in an enclave: clients and redis-benchmark outside, a snapshot, and a log that outlives a kill.
# shellcheck source=demos/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
needs /usr/bin/redis-server /usr/bin/redis-cli /usr/bin/redis-benchmark
build "${image[@]}"

port=$(free_port)
cli() { redis-cli -p "$port" "$@"; }
state_is() { cli info persistence | tr -d '\r' | grep -qx "$1:$2"; }
answers() { [ "$(cli ping)" = PONG ]; }

step "a server inside, its port 6379 published as $port; the clients are outside"
server="redis-server --bind 0.0.0.0 --protected-mode no --dir /tmp --appendonly yes --appendfsync always"
start -p "127.0.0.1:$port:6379" -- sh -c "$server; exec $server"
patiently answers
expect OK cli set greeting "hello from inside"
expect "hello from inside" cli get greeting
expect 1000 cli eval 'for i = 1, 1000 do redis.call("rpush", "list", i) end return redis.call("llen", "list")' 0

step "redis-benchmark outside: 50 clients, 20,000 requests of each kind"
matches '^LPUSH: [0-9.]+ requests' redis-benchmark -p "$port" -q -c 50 -n 20000 -t set,get,lpush

step "BGSAVE: a child, forked inside, writes the snapshot while the server goes on"
expect "Background saving started" cli bgsave
patiently state_is rdb_bgsave_in_progress 0
patiently state_is rdb_last_bgsave_status ok
expect REDIS inside head -c 5 /tmp/dump.rdb

step "the server is killed; the next one reads what it had promised from its append-only file"
cli set promised kept >"$work/set"
inside kill -KILL "$(cli info server | tr -d '\r' | sed -n 's/^process_id://p')"
patiently answers
expect kept cli get promised
expect 1000 cli llen list

stop
worked
