#!/usr/bin/python3
"""Counts what an enclave must trust of the hypervisor: the lines of code of what is linked into it.

    tools/tcb.py [--max LINES]

Lines of code: neither empty nor comment. Headers count once, whoever includes them. What is only
there in debug builds counts too. With --max, more than that is an error.
"""
import argparse
import re
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
# Of other folders, what hypervisor/meson.build links, and what is included from there.
SHARED = ["base/memory.c", "crypto/sha256*.c"]
COMMENT_OR_STRING = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\])*"', re.DOTALL)


def files(*patterns):
    out = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", *patterns],
                         cwd=TOP, check=True, capture_output=True, text=True).stdout
    return [name for name in out.split()
            if not name.endswith("_test.c") and not name.startswith("hypervisor/proofs/")]


def lines(name):
    text = (TOP / name).read_text()
    bare = COMMENT_OR_STRING.sub(lambda m: m[0] if m[0][0] == '"' else " ", text)
    return sum(1 for line in bare.splitlines() if line.strip())


def with_headers(names):
    """@names and all headers of the project that they include, directly or not."""
    found, todo = set(), list(names)
    while todo:
        name = todo.pop()
        if name in found or not (TOP / name).is_file():
            continue
        found.add(name)
        todo += re.findall(r'^\s*#\s*include\s+"([^"]+)"', (TOP / name).read_text(), re.MULTILINE)
    return sorted(found)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--max", type=int)
    args = parser.parse_args()
    names = with_headers(files("hypervisor/*.[chS]", "hypervisor/*.lds", *SHARED))
    total = 0
    for name in names:
        total += lines(name)
        if args.max is None:
            print(f"{lines(name):6} {name}")
    if args.max is None:
        print(f"{total:6} total")
    elif total > args.max:
        sys.exit(f"the hypervisor has {total} lines of code; {args.max} is the limit")


main()
