#!/usr/bin/python3
"""Measures Casemate beside native Linux and its peers, and writes docs/PERFORMANCE.md.

    bench/run.py [--build DIR] [--rounds N] [--only NAME[,NAME...]] [-o FILE]

The systems take turns within each round, so that a machine that slows down slows all of them; what is
reported is each system's median over the rounds.
"""
import argparse
import datetime
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
PYTHON = "/usr/bin/python3"
TIMEOUT_S = 300


class Row:
    """One line of the table. @most or @least bounds casemate's value divided by the native one."""

    def __init__(self, name, what, *, most=None, least=None, most_ms=None, pinned=False):
        self.name, self.what, self.pinned = name, what, pinned
        self.most, self.least, self.most_ms = most, least, most_ms
        self.values, self.unit = {}, ""

    def add(self, system, value, unit):
        self.values.setdefault(system, []).append(value)
        self.unit = unit

    def median(self, system):
        return statistics.median(self.values[system]) if system in self.values else None

    def ratio(self, system):
        mine, native = self.median(system), self.median("native")
        return mine / native if mine and native else None

    def target(self):
        if self.most_ms:
            return f"<= {self.most_ms} ms"
        return f"<= {self.most} x" if self.most else f">= {self.least} x"

    def is_met(self):
        ratio, value = self.ratio("casemate"), self.median("casemate")
        if value is None or ratio is None:
            return None
        if self.most_ms:
            return value <= self.most_ms
        return ratio <= self.most if self.most else ratio >= self.least


def rows():
    table = [
        Row("getppid", "getppid", most=0.2),
        Row("fstat", "fstat", most=0.4),
        Row("sigprocmask", "sigprocmask", most=0.4),
        Row("read_zero", "read 1 byte of /dev/zero", most=0.4),
        Row("stat", "stat", most=0.6),
        Row("open_close", "open + close", most=0.6),
        Row("create", "create, write 1 KiB, close, unlink", most=0.6),
        Row("sqlite", "sqlite, 20,000 indexed selects", most=1.0),
        Row("python", "start python3 inside a running enclave", most=1.3),
        Row("hello", "`run` of a hello-world image, new process", most_ms=30),
    ]
    for pinned in False, True:
        where = "one processor" if pinned else "all processors"
        table += [
            Row("pipe", f"pipe, 64 KiB blocks, {where}", least=1.2, pinned=pinned),
            Row("ping_pong", f"pipe ping-pong, {where}", most=1.0, pinned=pinned),
            Row("fork_exec", f"fork + exec + wait, {where}", most=1.5, pinned=pinned),
            Row("spawn", f"posix_spawn + wait, {where}", most=1.5, pinned=pinned),
            Row("pthread", f"pthread create + join, {where}", most=1.5, pinned=pinned),
        ]
    return table


# The systems: each turns a command into one that runs it there, in a directory in memory.

def native(command, _build):
    return command


def casemate(command, build):
    image = "hello.enclave" if command[0] == "/bin/echo" else "bench.enclave"
    return [build / "cli" / "casemate", "run", "-w", "/tmp", build / "bench" / image, *command]


def runsc(command, _build):
    rootless = [] if os.getuid() == 0 else ["--rootless"]
    return ["runsc", *rootless, "--network=none", "--platform=ptrace", "--ignore-cgroups",
            "do", "--cwd=/tmp", *command]


def proot(command, _build):
    return ["proot", *command]


def find_systems(build):
    systems = {"native": native}
    if (build / "cli" / "casemate").exists():
        build_images(build)
        systems["casemate"] = casemate
    systems.update({f.__name__: f for f in (runsc, proot) if shutil.which(f.__name__)})
    return systems


def build_images(build):
    program = build / "cli" / "casemate"
    library = subprocess.run([PYTHON, "-c", "import os; print(os.path.dirname(os.__file__))"],
                             check=True, capture_output=True, text=True).stdout.strip()
    script = TOP / "bench" / "sqlite.py"
    subprocess.run([program, "build", "--copy", build / "bench" / "micro", "--copy", "/bin/true",
                    "--copy", PYTHON, "--add", f"{library}:{library}",
                    "--add", f"{script}:{script}", "-o", build / "bench" / "bench.enclave"],
                   check=True)
    subprocess.run([program, "build", "--copy", "/bin/echo",
                    "-o", build / "bench" / "hello.enclave"], check=True)


def run(command, cwd):
    return subprocess.run(command, cwd=cwd, check=True, timeout=TIMEOUT_S, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE).stdout


def measure(row, wrap, build, cwd):
    """Returns (value, unit)."""
    pin = ["taskset", "-c", "0"] if row.pinned else []
    if row.name == "hello":
        start = time.monotonic()
        run(wrap(["/bin/echo", "hello"], build), cwd)
        return (time.monotonic() - start) * 1e3, "ms"
    if row.name == "sqlite":
        command = [PYTHON, str(TOP / "bench" / "sqlite.py")]
    else:
        command = [str(build / "bench" / "micro"), row.name]
    _, value, unit = run(pin + wrap(command, build), cwd).split()
    return float(value), unit


def measure_all(table, systems, build, rounds):
    """Fills the table; returns what failed."""
    broken = set()
    with tempfile.TemporaryDirectory(dir="/dev/shm") as cwd:
        for number in range(rounds):
            for row in table:
                print(f"round {number + 1}/{rounds}: {row.what}", file=sys.stderr)
                for name, wrap in systems.items():
                    if (row.what, name) in broken:
                        continue
                    try:
                        row.add(name, *measure(row, wrap, build, cwd))
                    except (subprocess.SubprocessError, OSError, ValueError) as error:
                        print(f"  {name}: {error} {getattr(error, 'stderr', '')}", file=sys.stderr)
                        broken.add((row.what, name))
                        row.values.pop(name, None)
    return broken


# The page

def machine():
    """The machine, described without naming it."""
    cpuinfo = Path("/proc/cpuinfo").read_text()
    model = next((line.split(":", 1)[1].strip() for line in cpuinfo.splitlines()
                  if line.startswith("model name")), platform.machine())
    virtual = ", a virtual machine" if " hypervisor" in cpuinfo else ""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    system = next((line.split("=", 1)[1].strip('"\n')
                   for line in Path("/etc/os-release").read_text().splitlines()
                   if line.startswith("PRETTY_NAME=")), "Linux")
    kernel = platform.release().split("-")[0]
    return (f"{model}{virtual}, {os.cpu_count()} processors, {memory:.0f} GiB; Linux {kernel}; "
            f"{system}; {datetime.date.today().isoformat()}")


def cell(value, form="{:.3g}"):
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 100 else form.format(value)


def page(table, systems, rounds):
    peers = [name for name in systems if name not in ("native", "casemate")]
    heads = ["what", "unit", "native", "Casemate", "ratio", "target", "met"] + [f"{p}, ratio" for p in peers]
    yield "# Performance"
    yield ""
    yield "<!-- Written by `make bench` (bench/run.py and bench/notes.md). -->"
    yield ""
    yield f"Measured on: {machine()}."
    yield ""
    yield f"Medians of {rounds} rounds in which the systems took turns; *ratio* is the system's value divided"
    yield "by the native one. MB/s are better when higher, all else when lower. Casemate ran on the"
    yield "simulation platform. Files lie in memory on every system. *One processor* means that all"
    yield "processes of the row were held on it: two that idle wake each other slowly in a virtual machine."
    yield ""
    yield "| " + " | ".join(heads) + " |"
    yield "| --- | --- " + "| ---: " * (len(heads) - 2) + "|"
    for row in table:
        met = {None: "-", True: "yes", False: "**no**"}[row.is_met()]
        yield "| " + " | ".join([row.what, row.unit, cell(row.median("native")),
                                 cell(row.median("casemate")), cell(row.ratio("casemate"), "{:.2f}"),
                                 row.target(), met] +
                                [cell(row.ratio(p), "{:.2f}") for p in peers]) + " |"
    notes = TOP / "bench" / "notes.md"
    if notes.exists():
        yield ""
        yield notes.read_text().rstrip()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--build", type=Path, default=TOP / "build")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", type=lambda names: names.split(","))
    parser.add_argument("-o", "--output", type=Path, default=TOP / "docs" / "PERFORMANCE.md")
    arguments = parser.parse_args()

    build = arguments.build.resolve()
    table = [row for row in rows() if not arguments.only or row.name in arguments.only]
    systems = find_systems(build)
    broken = measure_all(table, systems, build, arguments.rounds)
    text = "\n".join(page(table, systems, arguments.rounds)) + "\n"
    arguments.output.write_text(text)
    print(text)
    for what, system in sorted(broken):
        print(f"failed: {what} on {system}", file=sys.stderr)
    return 1 if any(system in ("native", "casemate") for _, system in broken) else 0


if __name__ == "__main__":
    sys.exit(main())
