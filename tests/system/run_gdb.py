"""`casemate gdb` shows a program's frames, symbols and registers, wherever its threads stand."""
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

CASEMATE = os.environ["CASEMATE"]
TOP = os.environ["TOP"]
WAIT_S = 90
points, failures = 0, 0


def point(name, *problems):
    global points, failures
    points += 1
    wrong = [p for p in problems if p]
    failures += bool(wrong)
    print(f"{'not ' if wrong else ''}ok {points} - {name}", flush=True)
    for problem in wrong:
        print("\n".join(f"# {line}" for line in str(problem).splitlines()))


def casemate(*arguments):
    done = subprocess.run([CASEMATE, *arguments], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=WAIT_S)
    return done.stdout + done.stderr


def gdb(name, pid, *commands):
    words = [word for command in commands for word in ("-ex", command)]
    return casemate("gdb", name, str(pid), "-nx", "--batch", *words)


def frames(text):
    """The functions of a backtrace, innermost first."""
    return re.findall(r"^#\d+ +(?:0x[0-9a-f]+ in )?([\w?]+) \(", text, re.M)


def lacks(text, *patterns):
    missing = [p for p in patterns if not re.search(p, text, re.M)]
    return missing and f"not found: {missing}\n{text}"


def until(condition):
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False


def small_program():
    casemate("start", "--name", "d", "d.enclave", "/bin/debugged")
    until(lambda: "ready" in casemate("logs", "d"))
    text = gdb("d", 1, "bt", "info registers rip", "detach")
    found = [f for f in frames(text) if f in ("middle", "outer", "main")]
    point("the frames of a thread that stands in the LibOS", found != ["middle", "outer", "main"] and text,
          lacks(text, r"^rip +0x[0-9a-f]+ +0x[0-9a-f]+ <.*nanosleep"))
    text = gdb("d", 1, "break inner", "continue", "bt", "print number", "print argument + 0",
               "info registers rip", "delete", "detach")
    point("a breakpoint, and where it stops",
          frames(text)[:4] != ["inner", "middle", "outer", "main"] and text,
          lacks(text, r"^Breakpoint 1, inner", r"^\$1 = \d+$", r"^rip .*<inner"))
    before = casemate("logs", "d").count("tick")
    point("it goes on", not until(lambda: casemate("logs", "d").count("tick") > before) and "no more ticks")
    text = gdb("d", 1, "break inner", "continue", "set var argument = 4711", "delete", "detach")
    point("what is changed there changes", not until(lambda: "4711" in casemate("logs", "d")) and text)


def two_processes():
    until(lambda: " cat" in casemate("ps", "--processes", "d"))
    pids = {line.split()[5]: line.split()[0]
            for line in casemate("ps", "--processes", "d").splitlines()[1:]}
    text = gdb("d", pids["cat"], "bt", "detach")
    point("a distribution's program, started by exec", "main" not in " ".join(frames(text)) and text,
          lacks(text, r"in .*read"))


def refusals():
    point("no such process", lacks(casemate("gdb", "d", "777"), "no process 777"))
    point("no such enclave", lacks(casemate("gdb", "nothing"), "there is no enclave"))
    point("no number", lacks(casemate("gdb", "d", "x"), "must be the number"))


def left(before):
    return sorted(p.name for p in set(Path("/tmp").glob("casemate-gdb-*")) - before)


def main():
    if not shutil.which("gdb"):
        print("1..1\nok 1 - a debugger # SKIP no gdb here")
        return 0
    runtime = Path("runtime").resolve()
    runtime.mkdir(exist_ok=True)
    os.environ["XDG_RUNTIME_DIR"] = str(runtime)
    before = set(Path("/tmp").glob("casemate-gdb-*"))
    subprocess.run(["gcc", "-g", "-O0", "-o", "debugged", f"{TOP}/tests/system/sources/debugged.c"],
                   check=True)
    subprocess.run([CASEMATE, "build", "--copy", "./debugged:/bin/debugged", "--copy", "/bin/cat",
                    "-o", "d.enclave"], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    try:
        small_program()
        with subprocess.Popen([CASEMATE, "exec", "-i", "d", "cat"], stdin=subprocess.PIPE):
            two_processes()
        refusals()
        point("no file stays", left(before))
    finally:
        casemate("rm", "-f", "d")
    print(f"1..{points}")
    return failures != 0


if __name__ == "__main__":
    sys.exit(main())
