"""10,000 connections at once on one server, nginx, through a published port: all are open together, each
is answered twice, and what the enclave takes for one is bounded."""
import os
import resource
import select
import socket
import subprocess
import sys
import time
from pathlib import Path

from host_memory import family, pss_kib

CASEMATE = os.environ["CASEMATE"]
NGINX = "/usr/sbin/nginx"
COUNT = 10000
DESCRIPTORS = COUNT + 500  # of a process on the host: what a user would raise `ulimit -Hn` to
STALLED_S = 120  # without any answer
MOST_KIB = 32  # for one connection, nginx's part included
REQUEST = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"
# nginx closes connections that are kept alive once fewer than a sixteenth of its own limit are free.
CONFIG = f"""
daemon off; worker_processes 1; user root root; pid nginx.pid; error_log errors error;
worker_rlimit_nofile {2 * COUNT};
events {{ worker_connections {2 * COUNT}; }}
http {{
	access_log off; keepalive_timeout 1200s; keepalive_requests 10;
	client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
	server {{ listen 0.0.0.0:80 backlog=4096; location / {{ return 200 "answered\\n"; }} }}
}}
"""


def skip(why):
    print(f"ok 1 - 10,000 connections # SKIP {why}\n1..1")
    sys.exit(0)


def connect(port):
    """Refused until the launcher listens."""
    deadline = time.monotonic() + STALLED_S
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), STALLED_S)
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def enclave_kib(enclave):
    return sum(pss_kib(pid) for pid in family(enclave.pid))


class Clients:
    """Connections to one port, driven by one epoll."""

    def __init__(self, port):
        self.port, self.sockets, self.epoll = port, {}, select.epoll()

    def open(self, count):
        for _ in range(count):
            one = connect(self.port)
            one.setblocking(False)
            self.sockets[one.fileno()] = one
            self.epoll.register(one.fileno(), select.EPOLLIN)

    def ask(self):
        """A request on every connection; returns how many got a whole answer before any stalled."""
        answers = {number: b"" for number in self.sockets}
        for one in self.sockets.values():
            one.sendall(REQUEST)
        done = 0
        while done < len(answers):
            events = self.epoll.poll(STALLED_S)
            if not events:
                break
            for number, _ in events:
                data = self.sockets[number].recv(4096)
                if not data:
                    return done
                answers[number] += data
                done += answers[number].endswith(b"answered\n")
        return done


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def measure(enclave, port):
    """Returns (how often all were answered, KiB for each connection)."""
    clients = Clients(port)
    clients.open(1)
    first = clients.ask()
    before = enclave_kib(enclave)
    while len(clients.sockets) < COUNT:
        clients.open(min(500, COUNT - len(clients.sockets)))
    answered = [first + COUNT - 1, clients.ask(), clients.ask()]
    return answered, (enclave_kib(enclave) - before) / COUNT


def main():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < DESCRIPTORS:
        skip(f"a process may have {hard} descriptors here")
    if not os.access(NGINX, os.X_OK):
        skip(f"{NGINX} is not installed (make deps)")
    resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, hard))
    Path("nginx.conf").write_text(CONFIG)
    subprocess.run([CASEMATE, "build", "--copy", NGINX, "--add", f"{os.getcwd()}/nginx.conf:/nginx.conf",
                    "-o", "nginx.enclave"], check=True, capture_output=True)
    port = free_port()
    with open("log", "wb") as log, \
            subprocess.Popen([CASEMATE, "run", "-w", "/tmp", "-p", f"127.0.0.1:{port}:80", "nginx.enclave",
                              NGINX, "-p", "/tmp", "-e", "stderr", "-c", "/nginx.conf"],
                             stdin=subprocess.DEVNULL, stdout=log, stderr=log) as enclave:
        start = time.monotonic()
        try:
            answered, kib = measure(enclave, port)
        finally:
            enclave.kill()
    taken = time.monotonic() - start
    ok = answered == [COUNT] * 3
    print(f"{'ok' if ok else 'not ok'} 1 - 10,000 connections at once, each answered")
    print(f"# {answered} answers, {taken:.1f} s")
    if not ok:
        print("# " + Path("log").read_text(errors="replace").replace("\n", "\n# "))
    bounded = kib <= MOST_KIB
    print(f"{'ok' if bounded else 'not ok'} 2 - at most {MOST_KIB} KiB for a connection")
    print(f"# {kib:.1f} KiB")
    print("1..2")
    return not (ok and bounded)


if __name__ == "__main__":
    sys.exit(main())
