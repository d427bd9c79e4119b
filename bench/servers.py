"""Servers under a load from outside: how many requests a second each answers.

A server is started anew for each measurement, wherever it is to run; who asks is always a native program
of this machine, over TCP on the loopback interface.
"""
import contextlib
import re
import socket
import subprocess
import time
from pathlib import Path

SECONDS = 3
START_S = 120 # a server that does not answer by then never will
REDIS_PORT, NGINX_PORT = 16379, 18080

NGINX_CONFIGURATION = f"""daemon off;
user root;
worker_processes 2;
pid nginx.pid;
error_log errors;
events {{ worker_connections 512; }}
http {{
	access_log off;
	sendfile on;
	tcp_nopush on;
	keepalive_requests 1000000;
	client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
	uwsgi_temp_path uwsgi; scgi_temp_path scgi;
	server {{ listen 0.0.0.0:{NGINX_PORT}; root @files@; }}
}}
"""


class Load:
    """A server's @command, the @files it reads, and @ask: the command of who asks, whose output has the
    requests per second behind @answer, a regular expression."""

    def __init__(self, what, command, port, ask, answer, files=()):
        self.what, self.command, self.port = what, command, port
        self.ask, self.answer, self.files = ask, answer, list(files)


def redis_load(what, *options):
    return Load(f"redis {what}",
                ["/usr/bin/redis-server", "--port", str(REDIS_PORT), "--bind", "0.0.0.0",
                 "--protected-mode", "no", "--save", "", "--loglevel", "warning"],
                REDIS_PORT,
                ["redis-benchmark", "-p", str(REDIS_PORT), "--csv", *options],
                r'"(?:SET|GET)","([0-9.]+)"')


def nginx_load(what, name, files):
    return Load(f"nginx, {what}",
                ["/usr/sbin/nginx", "-p", "./", "-e", "errors", "-c", str(files / "nginx.conf")],
                NGINX_PORT,
                ["wrk", "-t1", "-c50", f"-d{SECONDS}", f"http://127.0.0.1:{NGINX_PORT}/{name}"],
                r"Requests/sec:\s+([0-9.]+)", [files])


def loads(files):
    """@files: the directory that make_files() fills."""
    return {
        "redis_get": redis_load("GET, 50 clients", "-t", "get", "-n", "60000", "-c", "50"),
        "redis_set": redis_load("SET, 50 clients", "-t", "set", "-n", "60000", "-c", "50"),
        "redis_pipelined": redis_load("GET, 16 in flight each", "-t", "get", "-n", "400000",
                                      "-c", "50", "-P", "16"),
        "nginx_small": nginx_load("pages of 1 KiB, 50 clients", "small", files),
        "nginx_large": nginx_load("pages of 256 KiB, 50 clients", "large", files),
    }


def make_files(files):
    files.mkdir(parents=True, exist_ok=True)
    (files / "nginx.conf").write_text(NGINX_CONFIGURATION.replace("@files@", str(files)))
    (files / "small").write_bytes(b"x" * 1024)
    (files / "large").write_bytes(b"x" * (256 << 10))


def is_up(port):
    """Whether the server itself answers: a published port takes connections before it does."""
    with contextlib.suppress(OSError):
        with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
            client.sendall(b"PING\r\n" if port == REDIS_PORT else b"HEAD /small HTTP/1.0\r\n\r\n")
            return bool(client.recv(64))
    return False


@contextlib.contextmanager
def serving(command, load, cwd):
    if is_up(load.port):
        raise OSError(f"port {load.port} is taken: end what uses it")
    with open(Path(cwd) / "server.log", "w") as log:
        process = subprocess.Popen(command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        end = time.monotonic() + START_S
        while not is_up(load.port):
            if process.poll() is not None or time.monotonic() > end:
                raise OSError("the server did not start: " + (Path(cwd) / "server.log").read_text())
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(timeout=START_S)


def measure(load, command, cwd):
    """Requests per second of @load on the server that @command starts."""
    with serving(command, load, cwd):
        output = subprocess.run(load.ask, cwd=cwd, check=True, timeout=START_S, text=True,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE).stdout
    return float(re.search(load.answer, output)[1])
