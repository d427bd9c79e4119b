#!/bin/bash
# curl in one enclave talks to a server in another: TLS between the two, of which the host sees what a network sees.
# shellcheck source=demos/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
needs /usr/bin/curl /usr/sbin/nginx /usr/bin/openssl
client=("${image[@]}")
. "$here/../nginx/image.sh"

step "a certificate for the name \"server\""
openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=server -addext subjectAltName=DNS:server \
	-keyout "$work/server.key" -out "$work/server.pem" 2>"$work/openssl" || fail "$(cat "$work/openssl")"
mkdir -m 755 "$work/site"
seq 400000 >"$work/site/numbers"

build "${image[@]}" --add "$here/nginx.conf:/nginx.conf" --add "$work/server.key:/server.key" \
	--add "$work/server.pem:/server.pem" --add "$work/site:/site"
port=$(free_port)
step "the first enclave: nginx, its port 443 published as $port"
start -p "127.0.0.1:$port:443" -- nginx -c /nginx.conf -e /tmp/errors
answers() { curl -sk --max-time 20 "https://127.0.0.1:$port/who"; }
patiently answers

build "${client[@]}" --add "$work/server.pem:/server.pem"
step "the second enclave: curl; \"server\" is its name for this host"
get() { run --add-host server:host-gateway -- curl -sS --max-time 60 --cacert /server.pem "$@"; }
expect "GET by HTTP/2.0" get "https://server:$port/who"
expect "PUT by HTTP/1.1" get --http1.1 -T /server.pem "https://server:$port/who"
expect "$(sha256sum <"$work/site/numbers")" \
	run --add-host server:host-gateway -- bash -c "curl -sS --cacert /server.pem https://server:$port/numbers | sha256sum"
expect "20 $(sha256sum <"$work/site/numbers")" run --add-host server:host-gateway -w /tmp -- bash -c \
	"curl -sSZ --cacert /server.pem -o '#1' 'https://server:$port/numbers?[1-20]' 2>progress
	for n in {1..20}; do sha256sum <\$n; done | sort | uniq -c | { read -r count rest; echo \$count \"\$rest\"; }"

step "a server that can't show the certificate, and a name that isn't known"
fails() { "$@" 2>&1 && echo "it worked" || echo "curl's exit status is $?"; }
matches "status is 60$" fails run --add-host other:host-gateway -- curl -sS --cacert /server.pem "https://other:$port/who"
matches "status is 6$" fails get https://nosuch.invalid/

stop
worked
