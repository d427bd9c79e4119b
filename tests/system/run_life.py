"""Enclaves with a name: start, exec, ps, logs, stop, kill, wait and rm, and what is left of killed ones."""
import ctypes
import fcntl
import json
import os
import pty
import random
import re
import select
import shutil
import signal
import socket
import stat
import struct
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path

CASEMATE = os.environ["CASEMATE"]
PR_SET_CHILD_SUBREAPER = 36
WAIT_S = 60
PROGRAMS = ["bash", "sh", "cat", "sleep", "env", "id", "true", "head"]
LOOP = "echo ready; while :; do sleep 0.05; done"
points, failures = 0, 0


def point(name, *checks):
    """Passes if each check is (wanted, got) with the same values."""
    global points, failures
    points += 1
    wrong = [(wanted, got) for wanted, got in checks if wanted != got]
    failures += bool(wrong)
    print(f"{'not ' if wrong else ''}ok {points} - {name}", flush=True)
    for wanted, got in wrong:
        print(f"# expected: {wanted!r}\n# got:      {got!r}")


class Done:
    def __init__(self, process):
        self.status, self.out, self.err = process.returncode, process.stdout, process.stderr


def casemate(*arguments, **options):
    options.setdefault("stdin", subprocess.DEVNULL)
    if "input" in options:
        del options["stdin"]
    return Done(subprocess.run([CASEMATE, *arguments], capture_output=True, text=True,
                               timeout=WAIT_S, **options))


def begin(*arguments, **options):
    return subprocess.Popen([CASEMATE, *arguments], text=True, **{
        "stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE,
        **options})


def start(name, script, *options, image="sh.enclave"):
    return casemate("start", "--name", name, *options, image, "/bin/bash", "-c", script)


def until(condition):
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return False


def entries():
    return {e["Name"]: e for e in json.loads(casemate("ps", "-a", "--json").out)}


def logged(name, text):
    return until(lambda: text in casemate("logs", name).out)


def logged_as_error(name, text):
    return until(lambda: text in casemate("logs", name).err)


def names(*options):
    return casemate("ps", "-q", *options).out.split()


def forget_all():
    casemate("rm", "-f", *names("-a"))


def test_life():
    began = start("one", 'echo out; echo err >&2; printf "%s" "$0 $1"; sleep 300', "-e", "A=1")
    point("start prints the name", ("one\n", began.out), (0, began.status))
    point("ps shows it", (["one"], names()))
    point("what it prints is kept, each stream by itself",
          (True, logged("one", "out\n")), (True, logged_as_error("one", "err\n")))
    point("part of a line is kept too", (True, logged("one", "/bin/bash ")))
    clash = start("one", "true")
    point("a name is given once", (125, clash.status), (True, "in use" in clash.err))
    point("rm refuses what runs", (1, casemate("rm", "one").status), (["one"], names()))
    point("stop ends it", ("one\n", casemate("stop", "one").out))
    point("ps -a shows how it ended", (143, entries()["one"]["ExitCode"]), ([], names()))
    point("its log stays", (True, "out\n" in casemate("logs", "one").out))
    point("wait tells its exit status, also later", ("143\n", casemate("wait", "one").out))
    point("rm forgets it", ("one\n", casemate("rm", "one").out), ([], names("-a")))
    for command in ["exec", "logs", "stop", "kill", "wait", "rm"]:
        extra = ["true"] if command == "exec" else []
        answer = casemate(command, "nobody", *extra)
        point(f"{command} of one that does not exist",
              (125 if command == "exec" else 1, answer.status),
              (True, "there is no enclave" in answer.err))


def test_statuses():
    for script, status in [("exit 0", 0), ("exit 9", 9), ("kill -KILL $$", 137)]:
        start("s", script)
        point(f"`{script}`: wait", (f"{status}\n", casemate("wait", "s").out))
        casemate("rm", "s")
    answer = casemate("start", "--name", "s", "sh.enclave", "/bin/nothing")
    point("a program that is not there", (127, answer.status), (True, "not found" in answer.err),
          ([], names("-a")))
    answer = casemate("run", "--name", "two words", "sh.enclave", "/bin/true")
    point("a name that is none", (125, answer.status), (True, "--name" in answer.err))
    answer = casemate("run", "--name", "here", "sh.enclave", "/bin/sh", "-c", "echo a; exit 4")
    point("run with a name is forgotten at its end", ("a\n", answer.out), (4, answer.status),
          ([], names("-a")))
    answer = casemate("run", "-d", "sh.enclave", "/bin/sleep", "300")
    point("run -d chooses a name", (True, bool(re.fullmatch("[0-9a-f]{12}\n", answer.out))))
    forget_all()
    start("gone", "exit 3", "--rm")
    point("start --rm: forgotten at the end", (True, until(lambda: "gone" not in names("-a"))))


def test_exec():
    start("e", LOOP)
    def run(*arguments, **options):
        return casemate("exec", *arguments, **options)
    point("exec: output and status", (("hi\n", 6), (lambda d: (d.out, d.status))(
        run("e", "sh", "-c", "echo hi; exit 6"))))
    point("exec: standard error is its own", ("no\n", run("e", "sh", "-c", "echo no >&2").err))
    point("exec: killed by a signal", (128 + 15, run("e", "sh", "-c", "kill $$").status))
    point("exec: not found", (127, run("e", "nothing").status))
    point("exec: a directory", (126, run("e", "/usr").status))
    point("exec: arguments are not split", ("a b|c|\n", run(
        "e", "sh", "-c", 'echo "$0|$1|"', "a b", "c").out))
    point("exec -i gives it standard input", ("text", run("-i", "e", "cat", input="text").out))
    point("exec without -i gives it none", ("", run("e", "cat", input="text").out))
    point("exec -w", ("/usr\n", run("-w", "/usr", "e", "sh", "-c", "pwd").out))
    point("exec -w: not there", (125, run("-w", "/no", "e", "true").status))
    point("exec -u", ("12 34\n", run("-u", "12:34", "e", "sh", "-c", "echo `id -u` `id -g`").out))
    point("exec -u: not a number", (125, run("-u", "x", "e", "true").status))
    point("exec: a session of its own", ("0", run("e", "sh", "-c", "echo $PPID").out.strip()))
    many = [begin("exec", "e", "sh", "-c", f"sleep 0.2; exit {n}") for n in range(20)]
    codes = []
    for process in many:
        process.communicate(timeout=WAIT_S)
        codes.append(process.returncode)
    point("twenty at a time", (list(range(20)), codes))
    one = begin("exec", "e", "bash", "-c", "trap 'exit 8' TERM; echo ready; while :; do sleep 0.05; done")
    one.stdout.readline()
    one.terminate()
    one.communicate(timeout=WAIT_S)
    point("exec passes signals on", (8, one.returncode))
    def cats():
        return len(re.findall(r" cat$", casemate("ps", "--processes", "e").out, re.M))
    one = begin("exec", "-i", "e", "cat", stdin=subprocess.PIPE)
    point("ps --processes lists them", (True, until(lambda: cats() == 1)))
    one.kill()
    one.wait(timeout=WAIT_S)
    point("an exec that is killed leaves the enclave and its program", (0, run("e", "true").status),
          (1, cats()))
    for stream in [one.stdin, one.stdout, one.stderr]:
        stream.close()
    one = begin("exec", "e", "sleep", "300")
    until(lambda: "sleep" in casemate("ps", "--processes", "e").out)
    casemate("kill", "e")
    one.communicate(timeout=WAIT_S)
    point("with the enclave its programs are killed", (137, one.returncode))
    until(lambda: "e" not in names())
    answer = run("e", "true")
    point("exec where nothing runs", (125, answer.status), (True, "does not run" in answer.err))
    forget_all()


class Typist:
    """`casemate exec -it`, at a pseudo-terminal of this test's."""

    def __init__(self, *arguments):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execv(CASEMATE, [CASEMATE, "exec", "-it", *arguments])
        self.shown = ""

    def type(self, text):
        os.write(self.fd, text.encode())

    def sees(self, text):
        deadline = time.monotonic() + WAIT_S
        while text not in self.shown and time.monotonic() < deadline:
            if select.select([self.fd], [], [], 0.1)[0]:
                try:
                    self.shown += os.read(self.fd, 4096).decode(errors="replace")
                except OSError:
                    break
        return text in self.shown

    def end(self):
        self.sees("\0")  # until it closes
        status = os.waitpid(self.pid, 0)[1]
        os.close(self.fd)
        return os.waitstatus_to_exitcode(status)


def test_terminal():
    start("t", LOOP)
    typist = Typist("t", "bash", "--norc", "-c", "echo begun; read x; "
                    "trap 'echo resized; exit 9' WINCH; echo T=$TERM; sleep 300 & wait")
    point("exec -it: a terminal", (True, typist.sees("begun")))
    typist.type("x\r")
    point("exec -it: what is typed reaches it, and TERM is set", (True, typist.sees("T=xterm")))
    fcntl.ioctl(typist.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 77, 0, 0))
    point("exec -it: a new window size is told", (True, typist.sees("resized")), (9, typist.end()))
    typist = Typist("t", "bash", "--norc", "-c", "trap 'echo caught; exit 5' INT; echo begun; "
                    "while :; do sleep 0.05; done")
    typist.sees("begun")
    typist.type("\x03")
    point("exec -it: ^C is a signal to its foreground", (True, typist.sees("caught")), (5, typist.end()))
    answer = casemate("exec", "-it", "t", "true")
    point("exec -it without a terminal", (125, answer.status), (True, "-it" in answer.err))
    states = casemate("exec", "t", "bash", "-c", "cd /proc; for p in [0-9]*; do "
                      "read -r line <$p/stat && echo \"$line\"; done").out
    point("what was executed leaves no process behind", (True, "(bash) R" in states), (False, ") Z " in states))
    forget_all()


def test_configuration():
    """What the image does not allow is refused, by the name of the field."""
    Path("closed.json").write_text(json.dumps({"Entrypoint": ["/bin/sleep", "300"], "User": "7:7"}))
    Path("open.json").write_text(json.dumps({"Entrypoint": ["/bin/sleep", "300"], "User": "7:7",
                                             "AllowPrograms": True, "Env": ["A=1", "B=2"],
                                             "AllowEnv": ["B"]}))
    # Not --copy, which allows programs and arguments.
    files = [word for path in ["/lib64/ld-linux-x86-64.so.2", "/lib/x86_64-linux-gnu/libc.so.6"]
             for word in ("--add", f"{os.path.realpath(path)}:{path}")]
    for name in ["closed", "open"]:
        subprocess.run([CASEMATE, "build", *files, "--add", "/usr/bin/sleep:/bin/sleep", "--add",
                        "/usr/bin/env:/bin/env", "-c", f"{name}.json", "-o", f"{name}.enclave"],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    casemate("start", "--name", "closed", "closed.enclave")
    answer = casemate("exec", "closed", "env")
    point("AllowPrograms", (125, answer.status), (True, '"AllowPrograms"' in answer.err))
    casemate("start", "--name", "open", "open.enclave")
    answer = casemate("exec", "open", "env")
    point("the image's environment", (True, "A=1\n" in answer.out and "B=2\n" in answer.out))
    answer = casemate("exec", "-e", "B=3", "open", "env")
    point("AllowEnv lets it be replaced", (True, "B=3\n" in answer.out), (False, "B=2" in answer.out))
    answer = casemate("exec", "-e", "A=3", "open", "env")
    point("AllowEnv", (125, answer.status), (True, '"AllowEnv"' in answer.err))
    answer = casemate("exec", "open", "env", "X=1")
    point("AllowArgs", (125, answer.status), (True, '"AllowArgs"' in answer.err))
    answer = casemate("exec", "-u", "0", "open", "env")
    point("who is not root can't become another", (125, answer.status), (True, '"User"' in answer.err))
    forget_all()


def test_signals():
    start("k", "trap 'echo got' USR1; trap 'echo TERM' TERM; " + LOOP)
    logged("k", "ready")
    point("kill -s sends a signal", ("k\n", casemate("kill", "-s", "USR1", "k").out),
          (True, logged("k", "got")))
    point("kill: no such signal", (2, casemate("kill", "-s", "NONE", "k").status))
    began = time.monotonic()
    casemate("stop", "-t", "1", "k")
    point("stop -t: one that ignores SIGTERM is killed", (137, entries()["k"]["ExitCode"]),
          (True, time.monotonic() - began >= 1), (True, "TERM\n" in casemate("logs", "k").out))
    point("kill of one that has ended", (1, casemate("kill", "k").status))
    casemate("rm", "k")
    start("k", LOOP)
    casemate("kill", "k")
    point("kill ends it with SIGKILL", ("137\n", casemate("wait", "k").out))
    casemate("rm", "k")
    start("k", LOOP)
    point("rm -f", ("k\n", casemate("rm", "-f", "k").out), ([], names("-a")))


def test_logs():
    start("l", "for i in 1 2 3 4 5; do echo line $i; done; while [ ! -e /go ]; do sleep 0.05; done; "
               "echo last")
    logged("l", "line 5")
    point("logs --tail", ("line 4\nline 5\n", casemate("logs", "--tail", "2", "l").out))
    point("logs -t", (True, bool(re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z line 1\n",
                                          casemate("logs", "-t", "l").out))))
    point("logs --since", ("", casemate("logs", "--since", "2999", "l").out))
    follower = begin("logs", "-f", "--tail", "1", "l")
    point("logs -f begins with what is there", ("line 5\n", follower.stdout.readline()))
    casemate("exec", "l", "sh", "-c", ">/go")
    point("logs -f goes on to the end", ("last\n", follower.stdout.readline()),
          ("", follower.communicate(timeout=WAIT_S)[0]), (0, follower.returncode))
    casemate("rm", "l")
    start("l", "head -c 30000000 /dev/zero; echo; echo end")
    casemate("wait", "l")
    sizes = [f.stat().st_size for f in (state_directory() / "l").glob("log*")]
    point("a log is limited, and its end is kept", (True, max(sizes) <= 8 << 20), (2, len(sizes)),
          (True, casemate("logs", "--tail", "1", "l").out == "end\n"))
    forget_all()


def state_directory():
    return Path(os.environ["XDG_RUNTIME_DIR"]) / "casemate"


def refuses_others(path):
    """Does the socket let another user in?"""
    pid = os.fork()
    if pid == 0:
        os.setuid(65534)
        try:
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            connection.connect(os.path.relpath(path))
        except PermissionError:
            os._exit(0)
        os._exit(1)
    return os.waitpid(pid, 0)[1] == 0


def ps_as_another():
    """The program is copied: the build may lie where that user can't reach it."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        program = shutil.copy(CASEMATE, folder)
        return Done(subprocess.run([program, "ps"], capture_output=True, text=True, timeout=WAIT_S,
                                   stdin=subprocess.DEVNULL, user=65534))


def test_state():
    place = state_directory()
    start("p", LOOP)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode)
             for path in [place, place / "p", place / "p" / "control", place / "p" / "info"]}
    point("nobody else may enter", ({"casemate": 0o700, "p": 0o700, "control": 0o600, "info": 0o600},
                                    modes))
    place.chmod(0o755)
    answer = casemate("ps")
    point("a directory open to others is refused", (1, answer.status), (True, "0700" in answer.err))
    place.chmod(0o700)
    if os.getuid() == 0:
        answer = ps_as_another()
        point("another user is refused", (1, answer.status), (True, "Permission denied" in answer.err))
        point("another user can't connect", (True, refuses_others(place / "p" / "control")))
    else:
        for name in ["another user is refused", "another user can't connect"]:
            point(f"{name} # SKIP needs root")
    several = [f"several{n}" for n in range(4)]
    for name in several:
        start(name, f"echo I am {name}; " + LOOP)
    point("several at once", (sorted([*several, "p"]), sorted(names())),
          *[(True, logged(name, f"I am {name}\n")) for name in several])
    forget_all()


def left_behind():
    """Processes below this one, once there should be none."""
    def reap():
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return True
        return False
    return not until(reap)


def test_killed():
    start("victim", LOOP)
    logged("victim", "ready")
    launcher = entries()["victim"]["Pid"]
    os.kill(launcher, signal.SIGKILL)
    point("a launcher killed: no process stays", (False, left_behind()))
    point("… and ps shows it", (137, entries()["victim"]["ExitCode"]), ([], names()))
    point("… wait and logs know it", ("137\n", casemate("wait", "victim").out),
          (True, "ready" in casemate("logs", "victim").out))
    point("… exec says it does not run", (125, casemate("exec", "victim", "true").status))
    point("… and rm forgets it", (0, casemate("rm", "victim").status), ([], names("-a")))
    start("brief", LOOP, "--rm")
    os.kill(entries()["brief"]["Pid"], signal.SIGKILL)
    left_behind()
    point("a launcher of --rm killed: forgotten at the next look", ([], names("-a")))
    generator = random.Random(3)
    for number in range(8):
        begun = begin("start", "--name", "r", "sh.enclave", "/bin/sh", "-c", LOOP)
        time.sleep(generator.uniform(0, 0.1))
        for child in Path(f"/proc/{begun.pid}/task/{begun.pid}/children").read_text().split():
            os.kill(int(child), signal.SIGKILL)
        begun.communicate(timeout=WAIT_S)
        shown = entries()
        for entry in shown.values():
            if entry["Running"]:
                os.kill(entry["Pid"], signal.SIGKILL)
        stays = left_behind()
        shown = entries()
        casemate("rm", *shown)
        point(f"killed at moment {number}: nothing runs, and rm cleans up", (False, stays),
              (True, not any(e["Running"] for e in shown.values())), ([], names("-a")))
    point("no file stays", ([".lock"], [p.name for p in state_directory().iterdir()]))


def main():
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    runtime = Path("runtime").resolve()
    runtime.mkdir(exist_ok=True)
    os.environ["XDG_RUNTIME_DIR"] = str(runtime)
    copies = [word for name in PROGRAMS for word in ("--copy", f"/usr/bin/{name}:/bin/{name}")]
    subprocess.run([CASEMATE, "build", *copies, "-o", "sh.enclave", "-c", "/dev/stdin"], check=True,
                   input=b'{"AllowEnv": ["*"], "AllowPrograms": true, "AllowArgs": true}',
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        test_life()
        test_statuses()
        test_exec()
        test_terminal()
        test_configuration()
        test_signals()
        test_logs()
        test_state()
        test_killed()
    finally:
        forget_all()
    print(f"1..{points}")
    return failures != 0


if __name__ == "__main__":
    sys.exit(main())
