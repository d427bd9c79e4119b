# covers: memcached (4 threads, 50 clients over a published port, large values, evictions)
. "$TOP/tests/applications/lib.sh"
need /usr/bin/memcached
. "$TOP/demos/memcached/image.sh"
app_image "${image[@]}"

serve "a server and 50 clients" memcached -u nobody -l 0.0.0.0 -p @port@ -t 4 -m 16 -c 200 <<'END'
/usr/bin/python3 - "$port" <<'PY'
import socket, sys, threading

class Client:
    def __init__(self):
        self.socket = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 120)
        self.file = self.socket.makefile("rb")
    def ask(self, text, body=None):
        self.socket.sendall(text.encode() + b"\r\n" + (body + b"\r\n" if body is not None else b""))
        return self.file.readline().decode().strip()
    def put(self, key, value): return self.ask(f"set {key} 0 0 {len(value)}", value)
    def get(self, key):
        words = self.ask(f"get {key}").split()
        if words[0] == "END": return None
        value = self.file.read(int(words[3]) + 2)[:-2]
        self.file.readline()
        return value

one = Client()
print(one.ask("version"), one.put("a", b"1"), one.get("a"), one.ask("incr a 41"), one.get("nothing"))
print(one.put("big", b"x" * 900000), len(one.get("big")), one.put("huge", b"x" * 2000000))
def work(number):
    client = Client()
    for n in range(40):
        assert client.put(f"key-{number}-{n}", b"%d" % (number * n)) == "STORED"
        assert client.get(f"key-{number}-{n}") == b"%d" % (number * n)
        client.ask("incr a 1")
threads = [threading.Thread(target=work, args=(n,)) for n in range(50)]
for t in threads: t.start()
for t in threads: t.join()
one = Client()
print(one.get("a"), one.ask("touch a 100"), one.ask("delete a"), one.get("a"))
for n in range(100): one.put(f"fill-{n}", bytes(500000))
one.socket.sendall(b"stats\r\n")
stats = dict(line.split()[1:3] for line in iter(lambda: one.file.readline().decode(), "END\r\n"))
print(stats["threads"], int(stats["evictions"]) > 0, int(stats["total_connections"]) >= 52, one.ask("flush_all"), one.get("fill-99"))
PY
END
app_done
