#!/usr/bin/python3
"""Damaged images: an error that names the place before any program runs; for contents of files EIO at
the read that meets it. Never wrong data. usage: CASEMATE LIBOS
"""
import hashlib
import json
import os
import random
import re
import subprocess
import sys
import tempfile
from pathlib import Path

CASEMATE, LIBOS = (str(Path(p).resolve()) for p in sys.argv[1:3])
BLOCK = 4096
FLIPS = 25
points, failures = 0, 0


def point(name, problem):
    """@problem: nothing if all is well."""
    global points, failures
    points += 1
    failures += bool(problem)
    print(f"{'not ' if problem else ''}ok {points} - {name}", flush=True)
    if problem:
        print("#", str(problem).replace("\n", "\n# "))


def run(*command, image="damaged"):
    return subprocess.run([CASEMATE, "run", image, *command], stdin=subprocess.DEVNULL,
                          capture_output=True, timeout=60, check=False)


def damage(offset, mask=1):
    content = bytearray(GOOD)
    content[offset] ^= mask
    Path("damaged").write_bytes(content)


def refused(result, words):
    errors = result.stderr.decode()
    if result.returncode != 125 or result.stdout or not re.search(words, errors):
        return f"status {result.returncode}, output {result.stdout[:80]}, errors: {errors}"
    return None


def make():
    subprocess.run([CASEMATE, "build", "--copy", "/bin/cat", "--copy", "/bin/dd", "--copy",
                    "/bin/bash", "--add", "data:/data", "--libos", LIBOS, "-o", "good"],
                   check=True, capture_output=True)
    found = json.loads(subprocess.run([CASEMATE, "inspect", "--json", "good"], check=True,
                                      capture_output=True).stdout)
    return {section["Kind"]: section for section in found["Sections"]}


def check_file_data(sections):
    """One bit of a file in the root file system."""
    place = GOOD.index(DATA[20 * BLOCK:20 * BLOCK + 64])
    block = (place - sections["ROOTFS"]["Offset"]) // BLOCK
    damage(place + 100, 0x10)
    result = run("/bin/cat", "/data")
    errors = result.stderr.decode()
    point("a flipped bit of a file: reading it fails",
          None if result.returncode == 1 else f"status {result.returncode}, {errors}")
    point("... with EIO", None if "Input/output error" in errors else errors)
    point("... and what comes before is right",
          None if DATA[:20 * BLOCK].startswith(result.stdout) else "wrong data")
    lines = [line for line in errors.splitlines() if line.startswith("casemate:")]
    log = [line for line in lines if re.search(rf"\bblock {block}\b", line)]
    point("... one line of the log names the block", None if len(log) == len(lines) == 1 else (block, errors))
    result = run("/bin/dd", "if=/data", f"bs={BLOCK}", "count=8", "status=none")
    point("... what lies elsewhere is read", None if result.stdout == DATA[:8 * BLOCK] else
          (result.returncode, result.stderr))
    result = run("/bin/bash", "-c", "/bin/cat /data >/dev/null; echo on")
    point("... and the enclave goes on", None if result.stdout == b"on\n" else result)


def check_any_bit():
    """Whatever is flipped: an error, or what the undamaged image gives."""
    generator = random.Random(7)
    good = run("/bin/cat", "/data", image="good")
    point("the undamaged image runs", None if good.stdout == DATA else good.stderr)
    wrong = []
    for _ in range(FLIPS):
        offset = generator.randrange(len(GOOD))
        damage(offset, 1 << generator.randrange(8))
        result = run("/bin/cat", "/data")
        if result.stdout == DATA and result.returncode == 0:
            continue  # a byte that nothing read
        if result.returncode == 0 or not DATA.startswith(result.stdout) or not result.stderr:
            wrong.append(f"byte {offset}: status {result.returncode}, {result.stderr}")
    point(f"{FLIPS} images with a bit flipped anywhere: an error or the right data",
          "\n".join(wrong))


def check_sections(sections):
    for kind, section in sections.items():
        if kind in ("ROOTFS", "HASH_TREE"):
            continue  # verified when read
        damage(section["Offset"] + section["Size"] // 2)
        point(f"a flipped bit in section {kind}", refused(run("/bin/cat", "/data"), "damaged: "))
    damage(sections["ROOTFS"]["Offset"] + 1024 + 8)
    point("a flipped bit in the file system's superblock", refused(run("/bin/cat", "/data"), "damaged"))
    damage(0)
    point("not an image", refused(run("/bin/cat", "/data"), "damaged: .*image"))
    damage(8, 0x40)
    point("an unknown version", refused(run("/bin/cat", "/data"), "version"))


def check_size():
    for size in (0, 1, BLOCK, len(GOOD) // 2, len(GOOD) - 1):
        Path("damaged").write_bytes(GOOD[:size])
        point(f"cut to {size} bytes", refused(run("/bin/cat", "/data"), "damaged: "))
    Path("damaged").write_bytes(GOOD + bytes(BLOCK))
    point("longer than it says", refused(run("/bin/cat", "/data"), "damaged: "))


def check_swapped(sections):
    """The root file system of another image of the same signer."""
    Path("data").write_bytes(DATA[::-1])
    make()
    other = Path("good").read_bytes()
    section = sections["ROOTFS"]
    start, end = section["Offset"], section["Offset"] + section["Size"]
    Path("damaged").write_bytes(GOOD[:start] + other[start:end] + GOOD[end:])
    result = run("/bin/cat", "/data")
    point("another image's files", None if result.returncode and not result.stdout else
          (result.returncode, result.stdout[:80]))


def main():
    global DATA, GOOD
    with tempfile.TemporaryDirectory() as scratch:
        os.chdir(scratch)
        os.environ["HOME"] = scratch
        DATA = b"".join(hashlib.sha256(bytes([i & 255, i >> 8])).digest() for i in range(8192))
        Path("data").write_bytes(DATA)
        sections = make()
        GOOD = Path("good").read_bytes()
        check_any_bit()
        check_file_data(sections)
        check_sections(sections)
        check_size()
        check_swapped(sections)
        os.chdir("/")
    print(f"1..{points}")
    return failures != 0


if __name__ == "__main__":
    sys.exit(main())
