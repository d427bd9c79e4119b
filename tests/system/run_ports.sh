# -p, --add-host: what of the host's network leads into an enclave and out of it, and what does not.
. "$TOP/tests/system/lib.sh"
run() { "$CASEMATE" run "$@"; }

PYTHON=$(readlink -f /usr/bin/python3)
tree=$(dirname "$(python3 -c 'import os; print(os.__file__)' 2>/dev/null)")
cat >serve.py <<'PY'
import socket, sys
kind, port, bind = sys.argv[1], int(sys.argv[2]), sys.argv[3]
s = socket.socket(socket.AF_INET, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM)
s.bind((bind, port))
if kind == "tcp":
    s.listen(5)
    c, peer = s.accept()
    c.sendall(b"from inside to " + peer[0].encode() + b": " + c.recv(100))
    c.close()
else:
    data, peer = s.recvfrom(100)
    s.sendto(b"from inside to " + peer[0].encode() + b": " + data, peer)
PY
cat >ask.py <<'PY'
import socket, sys, time
kind, host, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
for _ in range(600):
    try:
        s = socket.socket(socket.AF_INET, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM)
        s.settimeout(60)
        s.connect((host, port))
        s.send(b"hello")
        print(s.recv(200).decode())
        break
    except ConnectionRefusedError:
        time.sleep(0.1)
PY
cat >free.py <<'PY'
import socket
s = socket.socket()
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])
PY
build()
{
	"$CASEMATE" build --copy "$PYTHON" --add "$tree:$tree" --add "$PWD/serve.py:/serve.py" \
		--add "$PWD/ask.py:/ask.py" "$@" >build.log 2>&1 || cat build.log
}
echo '{"AllowPorts":["80","53/udp"],"AllowNetwork":false}' >some.json
build -o open.enclave
build -o some.enclave -c some.json
P=$PYTHON

# serve KIND PORT ADDRESS INSIDE BIND [OPTION...]: a server in the background, a question from here.
exchange()
{
	local kind=$1 host_port reply server suffix=
	shift
	host_port=$(python3 free.py)
	[ "$kind" = tcp ] || suffix=/udp
	run -p "127.0.0.1:$host_port:$1$suffix" "$2" "$P" /serve.py "$kind" "$1" "$3" >server.log 2>&1 &
	server=$!
	reply=$(python3 ask.py "$kind" 127.0.0.1 "$host_port" 2>&1)
	wait "$server"
	is "from inside to 10.0.2.2: hello" "$reply" && return
	cat server.log
	return 1
}

# The host's port leads in only where the program listens for the outside.
loopback_is_private()
{
	local port server
	port=$(python3 free.py)
	run -p "127.0.0.1:$port:80" open.enclave "$P" -c '
import socket, select
s = socket.socket(); s.bind(("127.0.0.1", 80)); s.listen(5)
print("ready", flush=True)
print("came in" if select.select([s], [], [], 3)[0] else "nobody")' >server.log 2>&1 &
	server=$!
	for _ in $(seq 100); do grep -q ready server.log && break; sleep 0.1; done
	python3 -c "import socket; s = socket.create_connection(('127.0.0.1', $port)); s.settimeout(5); s.send(b'x')" 2>/dev/null
	wait "$server"
	grep -q nobody server.log || { cat server.log; return 1; }
}

taken()
{
	python3 -c '
import socket, subprocess, sys
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen()
r = subprocess.run(sys.argv[1:] + ["run", "-p", "127.0.0.1:%d:80" % s.getsockname()[1], "open.enclave", "/nothing"], capture_output=True, text=True)
print(r.stderr, end="")
sys.exit(r.returncode)' "$CASEMATE"
}

# A server of the host's, reached by the name that --add-host gives the host.
outward()
{
	local reply
	python3 -c '
import socket
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen()
print(s.getsockname()[1], flush=True)
s.settimeout(60)
c = s.accept()[0]
c.sendall(b"the host heard " + c.recv(100))' >host.port &
	local server=$!
	for _ in $(seq 100); do [ -s host.port ] && break; sleep 0.1; done
	reply=$(run --add-host box:host-gateway open.enclave "$P" /ask.py tcp box "$(cat host.port)" 2>&1)
	[ "$reply" = "the host heard hello" ] || kill "$server"
	wait "$server"
	is "the host heard hello" "$reply"
}

# A connected socket hears the one that it is connected to, not who else sends to its port.
strangers_are_not_heard()
{
	local reply server
	python3 -c '
import socket
s, stranger = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
s.bind(("127.0.0.1", 0)); s.settimeout(60)
print(s.getsockname()[1], flush=True)
data, peer = s.recvfrom(100)
stranger.sendto(b"forged", peer)
s.sendto(b"answer to " + data, peer)' >host.port &
	server=$!
	for _ in $(seq 100); do [ -s host.port ] && break; sleep 0.1; done
	reply=$(run --add-host box:host-gateway open.enclave "$P" -c '
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(60)
s.connect(("box", int(sys.argv[1])))
s.send(b"hello")
print(s.recv(100, socket.MSG_PEEK).decode(), s.recv(100).decode())' "$(cat host.port)" 2>&1)
	wait "$server"
	is "answer to hello answer to hello" "$reply"
}

# connect(2) did not wait; poll(2) did.
late_connection()
{
	local reply server
	python3 -c '
import socket
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(); s.settimeout(60)
print(s.getsockname()[1], flush=True)
s.accept()[0].recv(1)' >late.port &
	server=$!
	for _ in $(seq 100); do [ -s late.port ] && break; sleep 0.1; done
	reply=$(run --add-host box:host-gateway open.enclave "$P" -c '
import os, select, socket, sys
s = socket.socket(); s.setblocking(False)
to = ("10.0.2.2", int(sys.argv[1]))
s.connect_ex(to)
print(bool(select.select([], [s], [], 60)[1]), s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), s.getpeername() == to,
    s.connect_ex(to), os.strerror(s.connect_ex(to)))' "$(cat late.port)" 2>&1)
	wait "$server"
	is "True 0 True 0 Transport endpoint is already connected" "$reply"
}

inside_only()
{
	is "refused" "$(run open.enclave "$P" -c '
import socket
try:
    socket.create_connection(("127.0.0.1", '"$(python3 free.py)"'))
except ConnectionRefusedError:
    print("refused")' 2>&1)"
}

no_way_out()
{
	is "unreachable" "$(run some.enclave "$P" -c '
import errno, socket
try:
    socket.create_connection(("192.0.2.1", 80), 5)
except OSError as e:
    print("unreachable" if e.errno == errno.ENETUNREACH else e)' 2>&1)"
}

etc_files() { is "127.0.0.1 casemate 10.0.2.100" "$(run open.enclave "$P" -c '
import socket
print(socket.gethostbyname("localhost"), open("/etc/hostname").read().strip(),
	socket.gethostbyname(socket.gethostname()))' 2>&1)"; }

point "TCP from the host" exchange tcp 80 open.enclave 0.0.0.0
point "UDP from the host" exchange udp 53 open.enclave 0.0.0.0
point "a port that the configuration allows" exchange tcp 80 some.enclave 0.0.0.0
point "a UDP port that the configuration allows" exchange udp 53 some.enclave 10.0.2.100
point "who listens on 127.0.0.1 inside is not reached from outside" loopback_is_private
point "a port that it does not allow" exits 125 run -p 127.0.0.1::8080 some.enclave "$P" -V
point "the refusal names AllowPorts" says AllowPorts run -p 127.0.0.1::8080 some.enclave "$P" -V
point "TCP does not allow UDP" says AllowPorts run -p 127.0.0.1::80/udp some.enclave "$P" -V
point "a taken port" exits 125 taken
point "the error says that it is taken" says 'taken' taken
point "a port that we chose is told" says 'port 80 is published as [0-9]+' run -p 127.0.0.1::80 open.enclave "$P" -V
for bad in 0 x 80/sctp 127.0.0.1:80; do
	point "-p $bad is refused" exits 125 run -p "$bad" open.enclave "$P" -V
done
point "the host's 127.0.0.1 is not the enclave's" inside_only
point "outward, by the host's name" outward
point "a connection that came about has a peer" late_connection
point "a connected datagram socket hears its peer alone" strangers_are_not_heard
point "outward is refused without AllowNetwork" no_way_out
point "--add-host is refused without AllowNetwork" says AllowNetwork run --add-host a:host-gateway some.enclave "$P" -V
point "--add-host of nonsense" exits 125 run --add-host a=b open.enclave "$P" -V
point "/etc/hosts and /etc/hostname" etc_files
point "inspect shows what may come in" says '"AllowPorts"' "$CASEMATE" inspect some.enclave
point "inspect warns of it" says 'publish ports' "$CASEMATE" inspect some.enclave
system_done
