"""A host process killed with SIGKILL, at any moment, leaves no process and no file behind."""
import ctypes
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

CASEMATE = os.environ["CASEMATE"]
PR_SET_CHILD_SUBREAPER = 36
WAIT_S = 60
SCRIPT = "(while :; do sleep 0.01; done) & sleep 300 | cat & echo ready; sleep 300"


def descendants():
    """Every process below this one, as /proc has them."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue
            state, parent = stat.rpartition(")")[2].split()[:2]
            parents[int(entry.name)] = int(parent), state
    found, todo = set(), [os.getpid()]
    while todo:
        parent = todo.pop()
        children = [pid for pid, (its, state) in parents.items() if its == parent and state != "Z"]
        todo += [pid for pid in children if pid not in found]
        found.update(children)
    return found


def reap():
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def left_behind():
    """What is still there when there should be nothing; orphans come to this process."""
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        reap()
        if not descendants():
            return []
        time.sleep(0.05)
    remaining = descendants()
    for pid in remaining:
        kill_one(pid)
    return [f"process {pid} is still there" for pid in sorted(remaining)]


def files():
    places = Path(os.environ["TMPDIR"]), Path("/dev/shm")
    return {str(p) for place in places for p in place.rglob("*") if "casemate" in p.name.lower()
            or place == places[0]}


def start():
    return subprocess.Popen([CASEMATE, "run", "sh.enclave", "/bin/sh", "-c", SCRIPT],
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)


def kill_one(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def main():
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    Path("tmp").mkdir(exist_ok=True)
    os.environ["TMPDIR"] = str(Path("tmp").resolve())
    subprocess.run([CASEMATE, "build", "--copy", "/bin/sh", "--copy", "/bin/sleep",
                    "--copy", "/bin/cat", "-o", "sh.enclave"], check=True)
    before, points, failures = files(), 0, 0

    def point(name, problems):
        nonlocal points, failures
        points += 1
        failures += bool(problems)
        print(f"{'not ' if problems else ''}ok {points} - {name}")
        for problem in problems:
            print("#", problem)

    for delay_ms in [0, 1, 2, 5, 10, 15, 20, 30, 50, 100]:
        process = start()
        time.sleep(delay_ms / 1000)
        process.kill()
        process.wait()
        process.stdout.close()
        point(f"killed {delay_ms} ms after its start", left_behind())

    generator = random.Random(1)
    for number in range(6):
        process = start()
        process.stdout.readline()
        victim = generator.choice(sorted(descendants()))
        kill_one(victim)
        time.sleep(0.2)
        process.kill()
        process.wait()
        process.stdout.close()
        point(f"process {number} of the enclave killed, then the first one", left_behind())

    process = start()
    process.stdout.readline()
    process.terminate()
    process.wait()
    process.stdout.close()
    point("ended by SIGTERM", left_behind())
    point("no file stays", sorted(files() - before))
    print(f"1..{points}")
    return failures != 0


if __name__ == "__main__":
    sys.exit(main())
