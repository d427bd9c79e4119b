#!/usr/bin/python3
"""Processes killed at any moment leave nothing behind, and the user is told. usage: CASEMATE LIBOS

Orphans come to this process (PR_SET_CHILD_SUBREAPER), so that all that belongs to an enclave, and
nothing else, is below it; only such processes are ever killed.
"""
import ctypes
import os
import pty
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CASEMATE, LIBOS = (str(Path(p).resolve()) for p in sys.argv[1:3])
PR_SET_CHILD_SUBREAPER = 36
WAIT_S = 30
LAUNCHER_KILLS = 40
INNER_KILLS = 15
# A tree that changes all the time: forks, execs, pipes, and processes that wait.
SCRIPT = ("(while :; do /bin/true | /bin/cat; done) & (while :; do (:) & wait; done) & "
          "/bin/sleep 300 | /bin/cat & echo ready; /bin/sleep 300")
generator = random.Random()
points, failures = 0, 0


def skip(name, why):
    global points
    points += 1
    print(f"ok {points} - {name} # SKIP {why}")


def point(name, problems):
    global points, failures
    points += 1
    failures += bool(problems)
    print(f"{'not ' if problems else ''}ok {points} - {name}", flush=True)
    for problem in problems:
        print("#", problem)


def children(pid):
    try:
        return [int(c) for c in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def memory_of(launcher):
    """The inode of the enclave's shared memory."""
    try:
        for line in Path(f"/proc/{launcher}/maps").read_text().splitlines():
            if "/memfd:casemate-enclave" in line:
                return line.split()[4]
    except OSError:
        pass
    return None


def holders(inode):
    """Processes that still map that memory."""
    found = []
    for maps in Path("/proc").glob("[0-9]*/maps"):
        try:
            if any(line.split()[4] == inode and "memfd:casemate" in line
                   for line in maps.read_text().splitlines()):
                found.append(maps.parent.name)
        except OSError:
            continue
    return found


def reap():
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def left_behind(inode=None):
    """What is there though nothing should be, after a while of grace; it is removed."""
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        reap()
        if not any(map(is_alive, children(os.getpid()))):
            break
        time.sleep(0.02)
    problems = []
    for pid in filter(is_alive, children(os.getpid())):
        problems.append(f"process {pid} is still there")
        os.kill(pid, signal.SIGKILL)
    reap()
    if inode and holders(inode):
        problems.append(f"memory of the enclave is held by {holders(inode)}")
    return problems


def start(script=SCRIPT, **options):
    return subprocess.Popen([CASEMATE, "run", "sh.enclave", "/bin/bash", "-c", script],
                            **{"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE,
                               "stderr": subprocess.PIPE, "text": True, **options})


def finish(process):
    """(output, errors, exit status), or an exit status of None if it never ends."""
    try:
        output, errors = process.communicate(timeout=WAIT_S)
        return output, errors, process.returncode
    except subprocess.TimeoutExpired:
        process.kill()
        output, errors = process.communicate()
        return output, errors, None


def launcher_killed():
    problems = []
    for _ in range(LAUNCHER_KILLS):
        process = start()
        delay = generator.uniform(0, 0.15)
        time.sleep(delay)
        inode = memory_of(process.pid)
        process.kill()
        process.wait()
        process.stdout.close()
        process.stderr.close()
        problems += [f"{problem} (killed after {delay * 1000:.1f} ms)"
                     for problem in left_behind(inode)]
    return problems


def inner_killed():
    problems = []
    for _ in range(INNER_KILLS):
        process = start()
        process.stdout.readline()
        time.sleep(generator.uniform(0, 0.1))
        inode = memory_of(process.pid)
        while True:
            victims = children(process.pid)
            try:
                os.kill(generator.choice(victims), signal.SIGKILL)
            except ProcessLookupError:
                continue  # it ended by itself
            break
        # It may have ended by itself just then: another is always there.
        deadline = time.monotonic() + 1
        while process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        if process.poll() is None:
            for victim in children(process.pid)[:1]:
                os.kill(victim, signal.SIGKILL)
        _, errors, status = finish(process)
        if status != 125 or "ended from outside" not in errors:
            problems.append(f"exit status {status}, saying: {errors}")
        problems += left_behind(inode)
    return problems


def stopped():
    process = start("echo ready; for i in 1 2 3 4 5; do /bin/sleep 0.1; done; echo done; exit 6")
    process.stdout.readline()
    process.send_signal(signal.SIGSTOP)
    time.sleep(1)
    process.send_signal(signal.SIGCONT)
    answer = finish(process)
    return ([] if answer[0] == "done\n" and answer[2] == 6 else [str(answer)]) + left_behind()


def parent_died():
    command = f"{CASEMATE} run sh.enclave /bin/bash -c 'sleep 0.5; echo done' >out & sleep 300"
    parent = subprocess.Popen(["/bin/sh", "-c", command], stdin=subprocess.DEVNULL)
    time.sleep(0.3)
    sleeper = [pid for pid in children(parent.pid)
               if b"sleep" in Path(f"/proc/{pid}/comm").read_bytes()]
    parent.kill()
    parent.wait()
    for pid in sleeper:
        os.kill(pid, signal.SIGKILL)
    problems = left_behind()
    return problems + ([] if Path("out").read_text() == "done\n" else ["no output"])


def hung_up():
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(CASEMATE, [CASEMATE, "run", "sh.enclave", "/bin/bash", "-c", SCRIPT])
    text = b""
    while b"ready" not in text:
        text += os.read(terminal, 100)
    os.close(terminal)
    return left_behind()


def main():
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    with tempfile.TemporaryDirectory() as scratch:
        os.chdir(scratch)
        os.environ["TMPDIR"] = os.environ["HOME"] = scratch
        subprocess.run([CASEMATE, "build", "--copy", "/bin/bash", "--copy", "/bin/sleep", "--copy",
                        "/bin/cat", "--copy", "/bin/true", "--libos", LIBOS, "-o", "sh.enclave"],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        before = set(Path(scratch).rglob("*"))
        point(f"the launcher killed at {LAUNCHER_KILLS} moments leaves nothing", launcher_killed())
        point(f"a process inside killed {INNER_KILLS} times ends the enclave, and that is said",
              inner_killed())
        point("no file stays", sorted(set(Path(scratch).rglob("*")) - before))
        point("a launcher that was stopped goes on", stopped())
        point("a launcher whose parent dies goes on", parent_died())
        if Path("/dev/pts/ptmx").exists():
            point("a terminal that goes away ends the program", hung_up())
        else:
            skip("a terminal that goes away ends the program", "no pseudo-terminals here")
        os.chdir("/")
    print(f"1..{points}")
    return failures != 0


if __name__ == "__main__":
    sys.exit(main())
