# covers: python3 as a server (http.server, ssl, asyncio streams, a Flask application), over loopback
. "$TOP/tests/applications/lib.sh"
python=/usr/bin/python3
need $python /usr/bin/openssl
$python -c "import flask" 2>/dev/null || need /usr/lib/python3/dist-packages/flask/flask
expect "a certificate" openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN=localhost \
	-addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout "$SCRATCH/key.pem" -out "$SCRATCH/certificate.pem"
cat "$SCRATCH/key.pem" "$SCRATCH/certificate.pem" >"$SCRATCH/both.pem"
. "$TOP/demos/python-flask/image.sh"
app_image "${image[@]}"

compare "http.server and urllib" $python - <<'END'
import functools, http.server, os, pathlib, threading, urllib.error, urllib.request
pathlib.Path("site").mkdir(); pathlib.Path("site/page.txt").write_text("a page\n" * 50000)
class Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *words): pass
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200); self.end_headers(); self.wfile.write(body[::-1])
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory="site"))
thread = threading.Thread(target=server.serve_forever); thread.start()
base = f"http://127.0.0.1:{server.server_port}/"
print(len(urllib.request.urlopen(base + "page.txt").read()), b"page.txt" in urllib.request.urlopen(base).read())
print(urllib.request.urlopen(base, data=b"backwards").read())
try: urllib.request.urlopen(base + "nosuch")
except urllib.error.HTTPError as error: print(error.code)
answers = []
def fetch(): answers.extend(len(urllib.request.urlopen(base + "page.txt").read()) for _ in range(5))
threads = [threading.Thread(target=fetch) for _ in range(10)]
for t in threads: t.start()
for t in threads: t.join()
print(len(answers), set(answers)); server.shutdown(); thread.join(); server.server_close()
try: urllib.request.urlopen(base)
except urllib.error.URLError as error: print(type(error.reason).__name__)
END

# The program reads the key and the certificate from its standard input, below its own text.
{
	cat <<'END'
import socket, ssl, sys, threading
pem = '''
END
	cat "$SCRATCH/both.pem"
	cat <<'END'
'''
open("both.pem", "w").write(pem); authority = pem[pem.index("-----BEGIN CERTIFICATE"):]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER); context.load_cert_chain("both.pem")
listener = socket.create_server(("127.0.0.1", 0))
def serve():
    for _ in range(6):
        peer, _ = listener.accept()
        try:
            with context.wrap_socket(peer, server_side=True) as tls:
                while data := tls.recv(65536): tls.sendall(data.upper())
        except (ssl.SSLError, OSError): pass
thread = threading.Thread(target=serve); thread.start()
for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
    client = ssl.create_default_context(cadata=authority); client.maximum_version = client.minimum_version = version
    for size in (5, 300000):
        with socket.create_connection(listener.getsockname()) as plain, client.wrap_socket(plain, server_hostname="localhost") as tls:
            sender = threading.Thread(target=tls.sendall, args=(b"x" * size,)); sender.start()
            got = b""
            while len(got) < size: got += tls.recv(65536)
            sender.join(); print(tls.version(), len(got), got == b"X" * size)
for name, context_of in (("elsewhere", lambda: ssl.create_default_context(cadata=authority)), ("localhost", ssl.create_default_context)):
    try:
        with socket.create_connection(listener.getsockname()) as plain: context_of().wrap_socket(plain, server_hostname=name)
    except ssl.SSLCertVerificationError as error: print(error.verify_message)
thread.join()
END
} >"$SCRATCH/tls.py"
compare "a TLS server and its clients" $python - <"$SCRATCH/tls.py"

compare "asyncio streams, 200 connections at a time" $python - <<'END'
import asyncio
async def echo(reader, writer):
    while line := await reader.readline():
        writer.write(line[::-1]); await writer.drain()
    writer.close()
async def main():
    server = await asyncio.start_server(echo, "127.0.0.1", 0, backlog=200)
    address = server.sockets[0].getsockname(); opened = 0; all_open = asyncio.Event()
    async def client(n):
        nonlocal opened
        reader, writer = await asyncio.open_connection(*address)
        opened += 1
        if opened == 200: all_open.set()
        await all_open.wait(); answers = 0
        for i in range(5):
            text = b"%d:%d" % (n, i)
            writer.write(text + b"\n"); answer = await reader.readexactly(len(text) + 1); answers += answer == b"\n" + text[::-1]
        writer.close(); await writer.wait_closed(); return answers
    print(sum(await asyncio.wait_for(asyncio.gather(*(client(n) for n in range(200))), 200)))
    lines = open("/proc/net/tcp").read().splitlines()
    port = "%04X" % address[1]; print(any(l.split()[1] == "0100007F:" + port and l.split()[3] == "0A" for l in lines[1:]))
    server.close(); await server.wait_closed()
    unix = await asyncio.start_unix_server(echo, "socket"); reader, writer = await asyncio.open_unix_connection("socket")
    writer.write(b"unix\n"); print(await reader.readexactly(5)); writer.close(); unix.close()
asyncio.run(main())
END

compare "a Flask application" $python - <<'END'
import json, logging, threading, urllib.request
from flask import Flask, jsonify, render_template_string, request
from werkzeug.serving import make_server
logging.getLogger("werkzeug").disabled = True
app = Flask("demo"); notes = {}; lock = threading.Lock()
@app.get("/")
def page(): return render_template_string("<ul>{% for n in notes %}<li>{{ n }}</li>{% endfor %}</ul>", notes=sorted(notes.values()))
@app.put("/notes/<int:number>")
def put(number):
    with lock: notes[number] = request.get_json()["text"]
    return jsonify(number=number, count=len(notes) > 0), 201
server = make_server("127.0.0.1", 0, app, threaded=True)
thread = threading.Thread(target=server.serve_forever); thread.start()
base = f"http://127.0.0.1:{server.server_port}"
def put_note(n):
    r = urllib.request.Request(f"{base}/notes/{n}", json.dumps({"text": f"<note {n:02}>"}).encode(), {"Content-Type": "application/json"}, method="PUT")
    with urllib.request.urlopen(r) as answer: assert answer.status == 201 and json.load(answer) == {"number": n, "count": True}
threads = [threading.Thread(target=put_note, args=(n,)) for n in range(20)]
for t in threads: t.start()
for t in threads: t.join()
print(urllib.request.urlopen(base).read().decode()); server.shutdown(); thread.join()
END
app_done
