#!/bin/bash
# A Go web server in an enclave, under load from outside.
# shellcheck source=demos/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
needs /usr/bin/go /usr/bin/curl /usr/bin/wrk

step "a static program, compiled outside"
GO111MODULE=off CGO_ENABLED=0 GOCACHE=$work/cache go build -o "$work/goserver" \
	"$top/tests/applications/sources/server.go" || fail "go build"
build --copy "$work/goserver:/bin/goserver" --copy /bin/cat

step "its own clients inside: 5,000 questions from 50, 200 connections open at once, os/exec"
run -- goserver >"$work/own"
matches "^right answers 5000$" cat "$work/own"
grep -q "^echoed 200$" "$work/own" || fail "200 connections at once"

port=$(free_port)
base=http://127.0.0.1:$port
step "the server inside, its port 8000 published as $port; the clients are outside"
start -p "127.0.0.1:$port:8000" -- goserver :8000
patiently get "$base/square?n=2"
expect 144 get "$base/square?n=12"
expect "through cat, a process inside" get -d "through cat, a process inside" "$base/command"
wrk -t 2 -c 100 -d 3 --timeout 60 "$base/square?n=12" >"$work/wrk"
grep -qE 'Non-2xx|Socket errors' "$work/wrk" && fail "$(cat "$work/wrk")"
matches '^Requests/sec' grep -E 'requests in|Requests/sec' "$work/wrk"

stop
worked
