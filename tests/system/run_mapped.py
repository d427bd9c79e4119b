"""Mappings of a large file of the image: what is touched is read, and no more; and all that a program
may do with such a mapping has the result that it has on Linux."""
import os
import re
import struct
import subprocess
import sys
from pathlib import Path

CASEMATE, TOP = os.environ["CASEMATE"], Path(os.environ["TOP"])
PAGE, PAGES = 4096, 8192
DAMAGED = 5000
points = failures = 0


def point(name, problem):
    """@problem: nothing if all is well."""
    global points, failures
    points += 1
    failures += bool(problem)
    print(f"{'not ' if problem else ''}ok {points} - {name}", flush=True)
    if problem:
        print("#", str(problem).replace("\n", "\n# "))


def output(*command):
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=120, check=False)


def make():
    subprocess.run(["cc", "-O1", "-D_GNU_SOURCE", "-pthread", "-o", "mapped", TOP / "tests/system/sources/mapped.c"],
                   check=True)
    with open("data", "wb") as file:
        for page in range(PAGES):
            file.write(struct.pack("<q", page).ljust(PAGE, bytes([page & 255])))
    subprocess.run([CASEMATE, "build", "--copy", Path("mapped").resolve(), "--add", "data:/data",
                    "-o", "mapped.enclave"], check=True, capture_output=True)


def damage():
    """One bit of one page."""
    content = bytearray(Path("mapped.enclave").read_bytes())
    place = content.index(struct.pack("<q", DAMAGED).ljust(64, bytes([DAMAGED & 255])))
    content[place + 40] ^= 4
    Path("damaged.enclave").write_bytes(content)


def touch(page, image="damaged.enclave"):
    return output(CASEMATE, "run", image, Path("mapped").resolve(), "/data", "touch", str(page))


def main():
    make()
    native = output("./mapped", "data")
    inside = output(CASEMATE, "run", "mapped.enclave", Path("mapped").resolve(), "/data")
    point("natively, the program ends well",
          native.stderr if native.returncode or "cost little: 1" not in native.stdout else None)
    for line, (want, got) in enumerate(zip(native.stdout.splitlines(),
                                           inside.stdout.splitlines() + [""] * 99)):
        point(f"line {line + 1}: {want.partition(':')[0]}", None if want == got else f"{got} for {want}")
    point("as many lines, and no complaint",
          None if native.stdout.count("\n") == inside.stdout.count("\n") and not inside.stderr
          else inside.stderr or inside.stdout)
    damage()
    result = touch(DAMAGED)
    point("a damaged page: SIGBUS at the touch", None if result.stdout == "-7\n" else result)
    lines = [line for line in result.stderr.splitlines() if re.search(r"damaged, at byte \d+", line)]
    point("... and one line that names the place", None if len(lines) == 1 else result.stderr)
    for page in DAMAGED - 1, DAMAGED + 1, 1:
        result = touch(page)
        point(f"... page {page} is read", None if result.stdout == f"{page}\n" else result)
    print(f"1..{points}")
    return failures != 0


if __name__ == "__main__":
    sys.exit(main())
