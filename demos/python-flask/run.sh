#!/bin/bash
# A Flask application in an enclave, with python3 as Debian ships it; curl is outside.
# shellcheck source=demos/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
needs /usr/bin/python3 /usr/lib/python3/dist-packages/flask /usr/bin/curl
build "${image[@]}" --add "$here/app.py:/app.py"

port=$(free_port)
base=http://127.0.0.1:$port
step "the application inside, its port 8000 published as $port"
start -p "127.0.0.1:$port:8000" -- /usr/bin/python3 /app.py
patiently get $base/

step "30 notes, ten at a time, and the page that shows them"
seq 30 | xargs -P 10 -I '{}' curl -sS --max-time 60 -X PUT -d 'note {} & more' "$base/notes/{}" >"$work/kept"
expect 30 grep -c kept "$work/kept"
get $base/ >"$work/page"
matches '^<p>note 30 &amp; more</p>$' tail -n 3 "$work/page"
expect 30 grep -c '^<p>note .* more</p>$' "$work/page"

stop
worked
