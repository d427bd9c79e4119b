#!/bin/bash
# memcached in an enclave: four threads, and clients outside that fill it until it forgets.
# shellcheck source=demos/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
needs /usr/bin/memcached /usr/bin/python3
build "${image[@]}"

port=$(free_port)
client() { /usr/bin/python3 "$here/client.py" "$port" "$@"; }

step "a server inside, as nobody, with four threads; its port 11211 is published as $port"
start -p "127.0.0.1:$port:11211" -- memcached -u nobody -l 0.0.0.0 -t 4 -m 16
patiently client version
matches '^VERSION' client version

step "20 clients outside, 100 values each"
expect "2000 values kept and found" client many
step "one value of 900,000 bytes, and values for 50 MB in a server of 16 MB"
expect "900000 bytes" client large
expect "old values were forgotten, the last one is there" client fill

stop
worked
