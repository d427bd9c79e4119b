"""`casemate run -t`: the user's terminal goes in, and comes back as it was."""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

CASEMATE = os.environ["CASEMATE"]
PATIENCE_S = 60
IMAGE = "terminal.enclave"
PROGRAMS = ["/bin/bash", "/bin/sh", "/bin/cat", "/bin/sleep", "/usr/bin/stty", "/usr/bin/tty",
            "/usr/bin/env", "/usr/bin/seq"]

points = 0
failures = 0


def point(name, problem):
    """One TAP line; @problem says what is wrong, or is empty."""
    global points, failures
    points += 1
    failures += bool(problem)
    print(f"{'not ok' if problem else 'ok'} {points} - {name}", flush=True)
    for line in str(problem or "").splitlines():
        print("#", line)


class Terminal:
    """A user's: `casemate run ARGUMENTS` in the foreground of a session of its own."""

    def __init__(self, *arguments, rows=24, columns=80, redirect=None):
        self.far, self.near = os.openpty()
        self.resize(rows, columns)
        self.before = termios.tcgetattr(self.near)
        self.shown = b""
        streams = {"stdin": self.near, "stdout": self.near, "stderr": self.near, **(redirect or {})}
        self.process = subprocess.Popen(
            [CASEMATE, "run", *arguments], start_new_session=True, **streams,
            preexec_fn=self.prepare)

    def prepare(self):
        """In the child: the terminal is its session's, and no signal is ignored."""
        fcntl.ioctl(self.near, termios.TIOCSCTTY, 0)
        for signo in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
            signal.signal(signo, signal.SIG_DFL)

    def resize(self, rows, columns):
        fcntl.ioctl(self.far, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, keys):
        os.write(self.far, keys.encode())

    def read(self, patience_s):
        if not select.select([self.far], [], [], patience_s)[0]:
            return False
        self.shown += os.read(self.far, 65536)
        return True

    def wait(self, pattern):
        """Until the pattern has been shown; what is wrong, or nothing."""
        deadline = time.monotonic() + PATIENCE_S
        while not re.search(pattern.encode(), self.shown, re.M):
            if time.monotonic() > deadline:
                return f"never shown: {pattern}\nshown: {self.shown!r}"
            self.read(0.1)
        return ""

    def wait_raw(self):
        deadline = time.monotonic() + PATIENCE_S
        while termios.tcgetattr(self.near)[3] & termios.ICANON:
            if time.monotonic() > deadline:
                return "the terminal is not raw"
            time.sleep(0.01)
        return ""

    def end(self):
        """The exit status, once the process has ended."""
        deadline = time.monotonic() + PATIENCE_S
        while self.process.poll() is None and time.monotonic() < deadline:
            self.read(0.05)
        while self.read(0):
            continue
        if self.process.poll() is None:
            self.process.kill()
            return f"still running; shown: {self.shown!r}"
        return self.process.wait()

    def is_restored(self):
        now = termios.tcgetattr(self.near)
        return "" if now == self.before else f"before: {self.before}\nafter: {now}"

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.near)
        os.close(self.far)


def is_equal(wanted, got):
    return "" if wanted == got else f"expected {wanted!r}, got {got!r}"


def session_processes(session):
    """Processes whose session is of @session's children: those of the enclave."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if session in (int(fields[1]), int(fields[3])):
            found.append(int(stat.parent.name))
    return found


def run_plainly():
    t = Terminal("-it", IMAGE, "/bin/sh", "-c", "tty; stty size; echo $TERM; exit 7", rows=33)
    point("the exit status is the program's", is_equal(7, t.end()))
    point("there is a terminal of the window's size", is_equal(
        b"/dev/pts/0\r\n33 80\r\nxterm\r\n", t.shown))
    point("the terminal is given back", t.is_restored())
    t.close()


def end_all_output():
    t = Terminal("-it", IMAGE, "/usr/bin/seq", "20000")
    point("a long output ends well", is_equal(0, t.end()))
    wanted = "".join(f"{i}\r\n" for i in range(1, 20001)).encode()
    point("nothing of it is lost", "" if t.shown == wanted else f"{len(t.shown)} bytes")
    t.close()


def interrupt():
    t = Terminal("-it", IMAGE, "/bin/bash", "-c", "echo ready; while :; do :; done")
    point("a program that reads nothing", t.wait("ready"))
    point("its user's terminal is raw meanwhile", t.wait_raw())
    t.type("\003")
    point("Ctrl-C ends it", is_equal(130, t.end()))
    point("and is echoed inside", t.wait(r"\^C"))
    point("the terminal is given back after a signal", t.is_restored())
    t.close()


def follow_window():
    t = Terminal("-it", IMAGE, "/bin/bash", "-c",
                 "trap 'stty size; exit 3' WINCH; echo ready; while :; do sleep 0.05; done")
    t.wait("ready")
    t.resize(40, 132)
    point("the window's change is told inside", is_equal(3, t.end()))
    point("with its size", t.wait("^40 132"))
    t.close()


def end_by_signal(signo):
    t = Terminal("-it", IMAGE, "/bin/sleep", "1000")
    t.wait_raw()
    time.sleep(0.2)
    t.process.send_signal(signo)
    t.end()
    point(f"{signo.name} to the launcher: the terminal is given back", t.is_restored())
    t.close()


def stop_and_continue():
    t = Terminal("-it", IMAGE, "/bin/cat")
    t.wait_raw()
    t.process.send_signal(signal.SIGTSTP)
    os.waitid(os.P_PID, t.process.pid, os.WSTOPPED | os.WNOWAIT)
    point("while it is stopped the terminal is as it was", t.is_restored())
    t.process.send_signal(signal.SIGCONT)
    point("then raw again", t.wait_raw())
    t.type("line\r\004")
    point("and the program goes on", is_equal(0, t.end()))
    point("with what is typed", is_equal(b"line\r\nline\r\n", t.shown))
    t.close()


def hang_up():
    t = Terminal("-it", IMAGE, "/bin/bash", "-c",
                 "trap 'exit 9' HUP; echo ready; while :; do sleep 0.05; done")
    t.wait("ready")
    os.close(t.near)
    os.close(t.far)
    t.near, t.far = os.openpty()
    try:
        status = t.process.wait(PATIENCE_S)
    except subprocess.TimeoutExpired:
        status = "still running"
    point("a closed terminal hangs up the program", is_equal(9, status))
    t.close()


def kill_launcher():
    t = Terminal("-it", IMAGE, "/bin/bash", "-c", "sleep 1000 & echo ready; cat")
    t.wait("ready")
    inside = session_processes(t.process.pid)
    t.process.kill()
    t.process.wait()
    deadline = time.monotonic() + PATIENCE_S
    alive = inside
    while alive and time.monotonic() < deadline:
        alive = [pid for pid in inside if Path(f"/proc/{pid}").exists()]
        time.sleep(0.05)
    point("a killed launcher leaves no process",
          "" if inside and not alive else f"{len(inside)} before, now {alive}")
    t.close()


def refuse_no_terminal():
    for option in ("-it", "-ti", "--interactive --tty"):
        run = subprocess.run([CASEMATE, "run", *option.split(), IMAGE, "/bin/tty"],
                             stdin=subprocess.DEVNULL, capture_output=True, text=True)
        point(f"{option} without a terminal is refused", "" if run.returncode == 125 and
              "the input device is not a TTY" in run.stderr else run)
    run = subprocess.run([CASEMATE, "run", "-t", IMAGE, "/bin/sh", "-c", "tty; echo x"],
                         stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE_S)
    point("-t alone needs none", is_equal(b"/dev/pts/0\r\nx\r\n", run.stdout))
    run = subprocess.run([CASEMATE, "run", "-i", IMAGE, "/bin/sh", "-c", "tty -s; echo $?; cat"],
                         input=b"piped", capture_output=True, timeout=PATIENCE_S)
    point("-i alone is no terminal", is_equal(b"1\npiped", run.stdout))


def report_errors():
    t = Terminal("-it", IMAGE, "/bin/nothing")
    point("a program that is not there", is_equal(127, t.end()))
    point("its message ends its line", is_equal(True, t.shown.endswith(b"\r\n")))
    point("the terminal is given back after an error", t.is_restored())
    t.close()


def main():
    build = [CASEMATE, "build", "-o", IMAGE]
    for program in PROGRAMS:
        build += ["--copy", program]
    subprocess.run(build, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    run_plainly()
    end_all_output()
    interrupt()
    follow_window()
    for signo in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGXCPU, signal.SIGUSR1):
        end_by_signal(signo)
    stop_and_continue()
    hang_up()
    kill_launcher()
    refuse_no_terminal()
    report_errors()
    print(f"1..{points}")
    return failures != 0


sys.exit(main())
