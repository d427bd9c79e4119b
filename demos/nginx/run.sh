#!/bin/bash
# nginx in an enclave: a master and two workers, curl outside, and a new configuration while a download goes on.
# shellcheck source=demos/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
needs /usr/sbin/nginx /usr/bin/curl
build "${image[@]}" --add "$here/nginx.conf:/nginx.conf"

port=$(free_port)
base=http://127.0.0.1:$port
version_is() { [ "$(get "$base/version")" = "version $1" ]; }
workers() { inside sh -c 'cat /proc/$(cat /tmp/nginx.pid)/task/*/children'; }
# shellcheck disable=SC2046 # two numbers
others_work() { set -- $(workers) "$@" && [ $# -eq 4 ] && [ "$1 $2" != "$3 $4" ]; }

step "the server inside, its port 80 published as $port"
start -p "127.0.0.1:$port:80" -- sh -c 'umask 022; mkdir /tmp/site; seq 300000 >/tmp/site/numbers
	echo "a page from inside" >/tmp/site/index.html; cp /nginx.conf /tmp; exec nginx -c /tmp/nginx.conf -e /tmp/errors'
patiently version_is 1
old=$(workers)
matches '^[0-9]+ [0-9]+ *$' echo "$old"
say "(the two workers' process numbers)"

step "curl outside: a page, 200 requests at once, and 2 MB by sendfile"
expect "a page from inside" get $base/
get -Z --parallel-max 50 -o "$work/#1.out" "$base/index.html?[1-200]" 2>"$work/progress"
expect "200" sh -c "cat $work/*.out | grep -c 'a page from inside'"
get "$base/numbers" >"$work/numbers"
seq 300000 | cmp - "$work/numbers" || fail "the download is not what was served"
say "$(wc -c <"$work/numbers") bytes came as they are"

step "a new configuration, while a slow download goes on"
get "$base/slow/numbers" >"$work/slow" &
slow=$!
patiently test -s "$work/slow"
inside sed -i 's/version 1/version 2/' /tmp/nginx.conf
inside nginx -c /tmp/nginx.conf -e /tmp/errors -s reload
patiently version_is 2
wait $slow || fail "the download was broken off"
seq 300000 | cmp - "$work/slow" || fail "the slow download is not what was served"
say "new requests get version 2; the download that the old workers had begun is complete"
# shellcheck disable=SC2086 # two numbers
patiently others_work $old

stop
worked
