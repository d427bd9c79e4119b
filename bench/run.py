#!/usr/bin/python3
"""Measures Casemate beside native Linux and its peers, and writes docs/PERFORMANCE.md.

    bench/run.py [--build DIR] [--rounds N] [--section NAME[,NAME...]] [--only NAME[,NAME...]] [-o FILE]

The systems take turns within each round, so that a machine that slows down slows all of them; what is
reported is each system's median over the rounds. Sections are `systems` and `attestation`; one that is
not measured stays as the page has it.
"""
import argparse
import datetime
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import servers

TOP = Path(__file__).resolve().parent.parent
PYTHON = "/usr/bin/python3"
NODE = Path("/usr/bin/node")
JDK = Path("/usr/lib/jvm/java-17-openjdk-amd64")
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


def rows(loads):
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
        Row("node", "start node inside a running enclave", most=1.3),
        Row("java", "start java inside a running enclave", most=1.3),
        Row("hello", "`run` of a hello-world image, new process", most_ms=30),
    ]
    for pinned in False, True:
        where = "one processor" if pinned else "all processors"
        table += [
            Row("pipe", f"pipe, 64 KiB blocks, {where}", least=1.2, pinned=pinned),
            Row("ping_pong", f"pipe ping-pong, {where}", most=1.0, pinned=pinned),
            Row("unix", f"AF_UNIX stream, 64 KiB blocks, {where}", least=1.2, pinned=pinned),
            Row("unix_ping_pong", f"AF_UNIX ping-pong, {where}", most=1.0, pinned=pinned),
            Row("fork_exec", f"fork + exec + wait, {where}", most=1.5, pinned=pinned),
            Row("spawn", f"posix_spawn + wait, {where}", most=1.5, pinned=pinned),
            Row("pthread", f"pthread create + join, {where}", most=1.5, pinned=pinned),
        ]
    return table + [Row(name, f"{load.what}, over a published port", least=0.95)
                    for name, load in loads.items()]


# The systems: each turns a command into one that runs it there, in a directory in memory. A server's
# @port is to be reached from outside.

def native(command, _build, _port=None):
    return command


def casemate(command, build, port=None):
    image = "hello.enclave" if command[0] == "/bin/echo" else "bench.enclave"
    publish = ["-p", f"{port}:{port}"] if port else []
    return [build / "cli" / "casemate", "run", *publish, "-w", "/tmp", build / "bench" / image, *command]


def runsc(command, _build, port=None):
    if port:
        return None # with --network=none nothing outside reaches it
    rootless = [] if os.getuid() == 0 else ["--rootless"]
    return ["runsc", *rootless, "--network=none", "--platform=ptrace", "--ignore-cgroups",
            "do", "--cwd=/tmp", *command]


def proot(command, _build, port=None):
    if port:
        return None # its end leaves the server running
    return ["proot", *command]


def find_systems(build, loads):
    systems = {"native": native}
    if (build / "cli" / "casemate").exists():
        build_images(build, loads)
        systems["casemate"] = casemate
    systems.update({f.__name__: f for f in (runsc, proot) if shutil.which(f.__name__)})
    return systems


def build_images(build, loads):
    program = build / "cli" / "casemate"
    library = subprocess.run([PYTHON, "-c", "import os; print(os.path.dirname(os.__file__))"],
                             check=True, capture_output=True, text=True).stdout.strip()
    copy = [build / "bench" / "micro", "/bin/true", PYTHON, NODE, JDK / "bin/java"]
    add = [library, TOP / "bench" / "sqlite.py", JDK, "/etc/java-17-openjdk", "/etc/passwd", "/etc/group"]
    for load in loads.values():
        copy.append(load.command[0])
        add += load.files
    subprocess.run([program, "build", *(word for path in dict.fromkeys(copy) for word in ("--copy", path)),
                    *(word for path in dict.fromkeys(add) for word in ("--add", f"{path}:{path}")),
                    "-o", build / "bench" / "bench.enclave"], check=True)
    subprocess.run([program, "build", "--copy", "/bin/echo",
                    "-o", build / "bench" / "hello.enclave"], check=True)


def run(command, cwd):
    return subprocess.run(command, cwd=cwd, check=True, timeout=TIMEOUT_S, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE).stdout


def measure(row, wrap, build, cwd, loads):
    """Returns (value, unit), or None where the system can't be asked."""
    if row.name in loads:
        load = loads[row.name]
        command = wrap(load.command, build, load.port)
        return (servers.measure(load, command, cwd), "/s") if command else None
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


def measure_all(table, systems, build, rounds, loads):
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
                        measured = measure(row, wrap, build, cwd, loads)
                        if measured:
                            row.add(name, *measured)
                    except (subprocess.SubprocessError, OSError, ValueError) as error:
                        print(f"  {name}: {error} {getattr(error, 'stderr', '')}", file=sys.stderr)
                        broken.add((row.what, name))
                        row.values.pop(name, None)
    return broken


# Attestation: quotes verified, beside bare signatures by OpenSSL's own measure.

SIGNATURES = 4  # of a quote: by the attestation key, by the PCK, and of two certificates
SIGNATURES_KNOWN = 2
QUOTES_LEAST = 1000


def run_openssl():
    """Signatures on P-256 that OpenSSL verifies in a second."""
    output = run(["openssl", "speed", "-seconds", "1", "ecdsap256"], "/")
    return float(re.search(r"nistp256\).* ([0-9.]+)$", output, re.M)[1])


def measure_attestation(build, rounds):
    """Medians: microseconds of each part, and of OpenSSL's signature."""
    values = {}
    for number in range(rounds):
        print(f"round {number + 1}/{rounds}: quotes", file=sys.stderr)
        output = run([build / "attestation" / "bench_attestation", "1"], "/")
        parts = {name: float(value) for name, value, _ in map(str.split, output.splitlines())}
        for name, value in {**parts, "openssl": 1e6 / run_openssl()}.items():
            values.setdefault(name, []).append(value)
    return {name: statistics.median(of) for name, of in values.items()}


def attestation_page(us, rounds):
    def row(what, name, is_aim):
        rate = 1e6 / us[name]
        met = "-" if not is_aim else "yes" if rate >= QUOTES_LEAST else "**no**"
        return (f"| {what} | {rate:,.0f} | {us[name]:.0f} | {us[name] / us['openssl']:.1f} | "
                f"{f'>= {QUOTES_LEAST:,}' if is_aim else '-'} | {met} |")

    def part(what, time):
        return f"| {what} | {time:.0f} | {100 * time / us['quote']:.0f} % |"

    own, rest = us["signature"], us["quote"] - SIGNATURES * us["signature"] - us["certificate"]
    yield "## Attestation"
    yield ""
    yield f"Measured on: {machine()}."
    yield ""
    yield "SGX quotes (version 3, certification data of type 5) verified on one processor, in processor time, with"
    yield f"collateral that was parsed before; `openssl speed ecdsap256` took turns with it. Medians of {rounds} rounds."
    yield "*ratio* is to that one signature."
    yield ""
    yield "| what | in a second | us | ratio | target | met |"
    yield "| --- | ---: | ---: | ---: | ---: | ---: |"
    yield row("quote", "quote", True)
    yield row("quote whose PCK certificate is among the collateral", "quote_of_known_pck", False)
    yield row("one signature on P-256, by OpenSSL's own measure", "openssl", False)
    yield ""
    yield "Where a quote's time goes, each part measured by itself in the same turns:"
    yield ""
    yield "| part | us | share |"
    yield "| --- | ---: | ---: |"
    yield part(f"{SIGNATURES} signatures: quote, QE report, PCK certificate, its CA's", SIGNATURES * own)
    yield part("parsing the PCK certificate and its key, which came with the quote", us["certificate"])
    yield part("the rest: base64 of the chain, seeking it, lists, TCB levels, digests, reading fields", rest)
    yield ""
    yield (f"A signature as the library checks it, with its digest and its own setting up, takes {own:.0f} us, "
           f"{own / us['openssl']:.2f} times")
    yield "what OpenSSL measures with all set up once. What does not change is done once, when collateral is parsed: the"
    yield "signatures of TCB info, of the QE identity, of their certificate and of the revocation lists. Whoever verifies"
    yield "quotes of the same platforms again and again gives their PCK certificates as collateral, too: then"
    yield f"{SIGNATURES_KNOWN} signatures are left, and nothing is parsed."


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


def systems_page(table, systems, rounds):
    peers = [name for name in systems if name not in ("native", "casemate")]
    heads = ["what", "unit", "native", "Casemate", "ratio", "target", "met"] + [f"{p}, ratio" for p in peers]
    yield f"Measured on: {machine()}."
    yield ""
    yield f"Medians of {rounds} rounds in which the systems took turns; *ratio* is the system's value divided"
    yield "by the native one. MB/s and requests per second (/s) are better when higher, all else when"
    yield "lower. Casemate ran on the simulation platform. Files lie in memory on every system. *One"
    yield "processor* means that all processes of the row were held on it: two that idle wake each other"
    yield "slowly in a virtual machine. Servers answer a native program over the loopback interface."
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


SECTIONS = "systems", "attestation"


def read_sections(path):
    """The sections of the page as it is."""
    text = path.read_text() if path.exists() else ""
    return {name: body.strip("\n") for name, body in
            re.findall(r"<!-- (\w+) -->\n(.*?)<!-- end -->\n", text, re.S)}


def write_page(path, sections):
    text = "# Performance\n\n<!-- Written by `make bench` (bench/run.py and bench/notes.md). -->\n"
    for name in SECTIONS:
        if name in sections:
            text += f"\n<!-- {name} -->\n\n{sections[name]}\n\n<!-- end -->\n"
    path.write_text(text)
    print(text)


def measure_systems(arguments, build):
    """The section, and what failed in it."""
    loads = servers.loads(build / "bench" / "files")
    servers.make_files(build / "bench" / "files")
    table = [row for row in rows(loads) if not arguments.only or row.name in arguments.only]
    systems = find_systems(build, loads)
    broken = measure_all(table, systems, build, arguments.rounds, loads)
    return "\n".join(systems_page(table, systems, arguments.rounds)), broken


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--build", type=Path, default=TOP / "build")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--section", type=lambda names: names.split(","), default=SECTIONS)
    parser.add_argument("--only", type=lambda names: names.split(","), help="rows of `systems`")
    parser.add_argument("-o", "--output", type=Path, default=TOP / "docs" / "PERFORMANCE.md")
    arguments = parser.parse_args()
    if unknown := set(arguments.section) - set(SECTIONS):
        parser.error(f"no section {', '.join(unknown)}; there are {', '.join(SECTIONS)}")

    build = arguments.build.resolve()
    sections, broken = read_sections(arguments.output), set()
    if "systems" in arguments.section:
        sections["systems"], broken = measure_systems(arguments, build)
    if "attestation" in arguments.section:
        sections["attestation"] = "\n".join(
            attestation_page(measure_attestation(build, arguments.rounds), arguments.rounds))
    write_page(arguments.output, sections)
    for what, system in sorted(broken):
        print(f"failed: {what} on {system}", file=sys.stderr)
    return 1 if any(system in ("native", "casemate") for _, system in broken) else 0


if __name__ == "__main__":
    sys.exit(main())
