"""Asks a memcached server, by its text protocol: client.py PORT version|many|large|fill."""
import socket
import sys
import threading


class Client:
    def __init__(self):
        self.socket = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 60)
        self.file = self.socket.makefile("rb")

    def ask(self, command, body=b""):
        self.socket.sendall(command.encode() + b"\r\n" + (body + b"\r\n" if body else b""))
        answer = self.file.readline().decode().strip()
        if not answer:
            raise ConnectionError("no answer")
        return answer

    def put(self, key, value):
        return self.ask(f"set {key} 0 0 {len(value)}", value) == "STORED"

    def get(self, key):
        answer = self.ask(f"get {key}").split()
        if answer[0] == "END":
            return None
        value = self.file.read(int(answer[3]) + 2)[:-2]
        self.file.readline()
        return value


def many():
    right = []

    def work(number):
        client = Client()
        for n in range(100):
            key, value = f"{number}-{n}", b"%d" % (number * n)
            right.append(client.put(key, value) and client.get(key) == value)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(f"{sum(right)} values kept and found")


def large():
    client = Client()
    client.put("large", b"x" * 900000)
    print(len(client.get("large")), "bytes")


def fill():
    client = Client()
    kept = [client.put(f"fill-{n}", bytes(500000)) for n in range(100)]
    if all(kept) and client.get("fill-0") is None and client.get("fill-99"):
        print("old values were forgotten, the last one is there")


actions = {"version": lambda: print(Client().ask("version")), "many": many, "large": large, "fill": fill}
actions[sys.argv[2]]()
