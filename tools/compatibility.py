#!/usr/bin/python3
"""Writes docs/COMPATIBILITY.md to standard output, or checks what the page is made from.

    compatibility.py                        the page
    compatibility.py --untested             calls that are not ENOSYS and that no test names
    compatibility.py --unknown              calls that a test names and the table does not
    compatibility.py --unexplained          lines of expected.txt without a reason
    compatibility.py --count-at-least N     complains if fewer calls than N are not ENOSYS

Sources: libos/syscalls/table.def; `covers:` comments of tests/conformance/ and tests/applications/;
tests/conformance/expected.txt; tools/compatibility.md, the part that is written by hand.
"""
import collections
import re
import sys
import textwrap
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
TABLE = TOP / "libos" / "syscalls" / "table.def"
CONFORMANCE = TOP / "tests" / "conformance"
APPLICATIONS = TOP / "tests" / "applications"

Call = collections.namedtuple("Call", "number name level error note")


def read_table():
    """Every call, in the table's order."""
    text = TABLE.read_text() if TABLE.exists() else ""
    entry = re.compile(r'^SYSCALL\(\s*(\d+),\s*(\w+),\s*(\w+),\s*(\w+),\s*((?:"(?:[^"\\]|\\.)*"\s*)+)\)',
                       re.MULTILINE)
    calls = []
    for number, name, level, error, note in entry.findall(text):
        note = "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', note)).replace('\\"', '"')
        calls.append(Call(int(number), name, level, error, note))
    return calls


def is_offered(call):
    return call.error != "ENOSYS"


def covered(path):
    """What a test says it covers, as written; None if it says nothing."""
    comment = r"^[ /]?\* ?covers:([^/]*)\*/" if path.suffix == ".c" else r"^# covers:(.*)$"
    match = re.search(comment, path.read_text(), re.MULTILINE)
    return match and match[1].strip()


def conformance_coverage():
    """Maps each call that a conformance test names to the tests that do."""
    tests = collections.defaultdict(list)
    for path in sorted(CONFORMANCE.rglob("*.c")):
        for name in re.findall(r"\w+", covered(path) or ""):
            tests[name].append(path.relative_to(CONFORMANCE))
    return tests


def read_expected():
    path = CONFORMANCE / "expected.txt"
    lines = path.read_text().splitlines() if path.exists() else []
    return [line.split(": ", 2) for line in lines if line and not line.startswith("#")]


def row(*cells):
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"


def calls_table(calls):
    yield row("number", "call", "answer", "note")
    yield row("---:", "---", "---", "---")
    for call in calls:
        answer = call.level.lower() if call.error == "0" else f"{call.level.lower()}, {call.error}"
        yield row(call.number, f"`{call.name}`", answer, call.note)


def names(calls):
    return textwrap.wrap(", ".join(f"`{call.name}`" for call in calls) + ".", 100)


def calls_section(calls):
    offered = [call for call in calls if is_offered(call)]
    full = [call for call in offered if call.level == "FULL" and not call.note]
    noted = [call for call in offered if call not in full]
    absent = [call for call in calls if not is_offered(call)]
    yield f"Of Linux's {len(calls)} x86-64 system calls, {len(offered)} are offered: {len(full)} as the"
    yield f"manual pages describe them, {len(noted)} with what the note says. The other {len(absent)} answer"
    yield "ENOSYS, as does any number that Linux does not know."
    yield ""
    yield "### Offered, with a note"
    yield ""
    yield from calls_table(noted)
    yield ""
    yield "### Offered in full"
    yield ""
    yield from names(full)
    yield ""
    yield "### ENOSYS"
    yield ""
    yield from names(call for call in absent if not call.note)
    if any(call.note for call in absent):
        yield ""
        yield from calls_table(call for call in absent if call.note)


def page():
    yield "# What runs, and what does not"
    yield ""
    yield "<!-- Written by tools/compatibility.py (`make docs`); edit its sources. -->"
    yield ""
    yield "## Programs"
    yield ""
    yield "Debian 12's packages, unmodified. Each is a test that compares what the program prints and its"
    yield "exit status with the same command run natively."
    yield ""
    for path in sorted(APPLICATIONS.glob("*.sh")):
        if covered(path):
            yield f"- {covered(path)} ([{path.name}](../tests/applications/{path.name}))"
    yield ""
    yield "## System calls"
    yield ""
    yield from calls_section(read_table())
    if read_expected():
        yield ""
        yield "## Known differences from Linux"
        yield ""
        yield row("test", "point", "reason")
        yield row("---", "---", "---")
        for entry in read_expected():
            yield row(*entry)
    yield ""
    yield (TOP / "tools" / "compatibility.md").read_text().rstrip()


def main(arguments):
    calls, tests = read_table(), conformance_coverage()
    if not arguments:
        complaints = page()
    elif arguments == ["--untested"]:
        complaints = [f"{c.name}: no conformance test covers it"
                      for c in calls if is_offered(c) and c.name not in tests]
    elif arguments == ["--unknown"]:
        known = {c.name for c in calls}
        complaints = [f"{', '.join(map(str, tests[name]))}: covers {name}, which is no call"
                      for name in sorted(tests) if name not in known]
    elif arguments == ["--unexplained"]:
        complaints = [": ".join(entry) for entry in read_expected()
                      if len(entry) != 3 or len(entry[2].split()) < 3]
    elif len(arguments) == 2 and arguments[0] == "--count-at-least":
        count = sum(map(is_offered, calls))
        complaints = [f"{count} calls are not ENOSYS"] if count < int(arguments[1]) else []
    else:
        sys.exit(__doc__)
    for line in complaints:
        print(line)


if __name__ == "__main__":
    main(sys.argv[1:])
