# covers: curl (HTTP and HTTPS to a server outside by its name, many connections, upload, resumed download, DNS failure)
. "$TOP/tests/applications/lib.sh"
need /usr/bin/curl /usr/bin/openssl
expect "a certificate" openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN=box \
	-addext subjectAltName=DNS:box -keyout "$SCRATCH/key.pem" -out "$SCRATCH/certificate.pem"
cat "$SCRATCH/key.pem" "$SCRATCH/certificate.pem" >"$SCRATCH/both.pem"
cat >"$SCRATCH/server.py" <<'END'
import http.server, ssl, sys, threading
PAGE = b"".join(b"%d\n" % n for n in range(300000))
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def answer(self, body, status=200, **headers):
        self.send_response(status)
        for name, value in headers.items(): self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body))); self.end_headers(); self.wfile.write(body)
    def do_GET(self):
        if self.path == "/moved": return self.answer(b"", 302, Location="/page")
        start = int(self.headers.get("Range", "bytes=0-")[6:].rstrip("-"))
        self.answer(PAGE[start:], 206 if start else 200, Content_Range=f"bytes {start}-{len(PAGE) - 1}/{len(PAGE)}")
    def do_PUT(self): self.answer(b"%d bytes\n" % len(self.rfile.read(int(self.headers["Content-Length"]))))
    def log_message(self, *words): pass
class Server(http.server.ThreadingHTTPServer): request_queue_size = 100
plain, secret = (Server(("127.0.0.1", 0), Handler) for _ in range(2))
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER); context.load_cert_chain(sys.argv[1])
secret.socket = context.wrap_socket(secret.socket, server_side=True, do_handshake_on_connect=False)
threading.Thread(target=plain.serve_forever, daemon=True).start()
print(plain.server_port, secret.server_port, flush=True); secret.serve_forever()
END
/usr/bin/python3 "$SCRATCH/server.py" "$SCRATCH/both.pem" >"$SCRATCH/ports" 2>"$SCRATCH/server.log" &
server=$!
trap 'kill $server' EXIT
until [ -s "$SCRATCH/ports" ]; do sleep 0.05; done
read -r plain secret <"$SCRATCH/ports"

app_run_options=(--add-host box:host-gateway)
. "$TOP/demos/curl/image.sh"
app_image "${image[@]}"
# The server's name is in the enclave's /etc/hosts; natively curl itself must know it.
curl_compare()
{
	compare "$1" bash -c "plain=$plain secret=$secret"'
		grep() { while read -r line; do [[ $line != *"$1"* ]] || return 0; done; return 1; }
		known=(); grep box </etc/hosts || known=(--resolve "box:$plain:127.0.0.1" --resolve "box:$secret:127.0.0.1" --resolve box:1:127.0.0.1)
		get() { curl -sS --max-time 120 "${known[@]}" "$@"; }
		cat >commands; . ./commands'
}

curl_compare "HTTP to a server outside" <<'END'
get http://box:$plain/page | sha256sum; get -L -o /dev/null -w '%{http_code} %{num_redirects}\n' http://box:$plain/moved
seq 200000 | get -T - -H 'Transfer-Encoding:' -H 'Content-Length: 1288895' http://box:$plain/up
get http://box:$plain/page | head -c 700000 >part; get -C - -o part http://box:$plain/page; sha256sum <part
get -o 'all-#1' "http://box:$plain/page?[1-10]"; sha256sum all-* | while read -r sum name; do echo "$sum"; done | uniq -c
get -Z --parallel-max 30 -o 'each-#1' "http://box:$plain/page?[1-60]" 2>/dev/null; sha256sum each-* | while read -r sum name; do echo "$sum"; done | uniq -c
get --limit-rate 4M http://box:$plain/page | sha256sum
get --max-time 20 http://box:1/; echo "status $?"
END
{
	printf 'cat >ca.pem <<PEM\n%s\nPEM\n' "$(cat "$SCRATCH/certificate.pem")"
	cat <<'END'
get --cacert ca.pem https://box:$secret/page | sha256sum; get --cacert ca.pem --tls-max 1.2 https://box:$secret/page | sha256sum
get --cacert ca.pem --pinnedpubkey sha256//AAAA https://box:$secret/; echo "status $?"
get -Z --parallel-max 10 --cacert ca.pem -o 'each-#1' "https://box:$secret/page?[1-10]" 2>/dev/null; sha256sum each-* | while read -r sum name; do echo "$sum"; done | uniq -c
get -o /dev/null http://no-such-name.invalid/; echo "status $?"
END
} >"$SCRATCH/tls"
curl_compare "HTTPS to a server outside" <"$SCRATCH/tls"
app_done
