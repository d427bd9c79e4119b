#!/bin/bash
# Node.js in an enclave: an HTTP server that computes in worker threads; curl is outside.
# shellcheck source=demos/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
needs /usr/bin/node /usr/bin/curl
build "${image[@]}" --add "$here/server.js:/server.js"

port=$(free_port)
base=http://127.0.0.1:$port
step "the server inside, with three worker threads; its port 8000 is published as $port"
start -p "127.0.0.1:$port:8000" -- node /server.js
patiently get $base/alive
expect 25 get $base/primes/100
expect 78498 get $base/primes/1000000

step "60 questions at once, and one that is answered while the workers compute"
get -Z --parallel-max 60 -o "$work/#1.out" "$base/primes/300000?[1-60]" 2>"$work/progress" &
questions=$!
patiently test -e "$work/1.out"
expect alive get $base/alive
wait $questions || fail "$(cat "$work/progress")"
expect 60 sh -c "cat $work/*.out | grep -cx 25997"

step "another program of the image, beside the server: child_process"
expect "from a child: 3" inside node -e \
	'console.log("from a child:", require("child_process").execSync("sort -n | { read a; echo $a; }", {input: "20\n3\n"}).toString().trim())'

stop
worked
