#!/bin/bash
# OpenJDK in an enclave: a server with 32 threads that javac compiles inside, a small heap, and other processes.
# shellcheck source=demos/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
needs "${jdk:?}/bin/javac" /usr/bin/curl
sources=$top/tests/applications/sources/java
build "${image[@]}" --add "$sources:/sources"

step "ProcessBuilder: a shell, its exit status, and a pipe of 300,000 bytes to cat and back"
run -w /tmp -- sh -c "$jdk/bin/javac -d /tmp /sources/Processes.java && $jdk/bin/java -Xmx64m Processes" >"$work/processes" ||
	fail "$(cat "$work/processes")"
matches "^child 3$" cat "$work/processes"
grep -qx "300000 0" "$work/processes" || fail "the pipe"

port=$(free_port)
base=http://127.0.0.1:$port
step "a server of 96 MB, compiled inside; its port 8000 is published as $port"
start -p "127.0.0.1:$port:8000" -- sh -c \
	"$jdk/bin/javac -d /tmp /sources/Server.java && exec $jdk/bin/java -Xmx96m -cp /tmp Server 8000"
patiently get $base/
expect hello get $base/
expect "$(seq 100000 | sha256sum | cut -d' ' -f1)" get --data-binary "@-" $base/digest < <(seq 100000)

step "400 requests from outside, 50 at a time"
get -Z --parallel-max 50 -o "$work/#1.out" "$base/slow?[1-400]" 2>"$work/progress"
expect 400 sh -c "cat $work/*.out | grep -cx slow"
matches "^[0-9]+ by (1[0-9]|[23][0-9])$" get $base/count
say "(so many requests by so many threads)"

stop 143
worked
