#!/usr/bin/python3
"""Which folder may include which. Dependencies point down; include paths start at the top.

Prints each #include that breaks the table and exits 1 if there is one.
"""
import fnmatch
import re
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent

# Each folder, and what it may include besides its own headers.
ALLOWED = {
    "base": [],
    "abi": [],
    "crypto": ["base/*"],
    "libos": ["abi/*", "base/*", "crypto/*", "platform/platform.h", "platform/upcalls.h"],
    # A back end is linked into the LibOS: it may use its memory, locks and log, and the registers
    # of its threads; it knows nothing of programs.
    "platform": ["abi/*", "base/*", "platform/platform.h", "libos/core/*",
                 "libos/processes/thread.h"],
    "host": ["abi/*", "base/*", "crypto/*", "image/*", "platform/layout.h"],
    # Stands alone: its users need nothing else of the project.
    "attestation": ["abi/evidence.h", "base/*"],
    "image": ["abi/*", "base/*", "crypto/*"],
    "cli": ["abi/*", "attestation/attestation.h", "base/*", "crypto/*", "image/*", "host/*", "libos/syscalls/table.*"],
    # Neither knows anything of programs.
    "hypervisor": ["abi/*", "base/*", "crypto/sha256*"],
    "driver": ["abi/*"],
    "bench": ["attestation/*", "base/*"],
    "tests": ["*"],
}
# Written by the build, beside what includes it.
GENERATED = ["vdso_image.h"]
# A back end knows platform.h and itself, not the back end beside it.
SEPARATE = ["platform/simulation", "platform/stub"]


def sources():
    out = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "*.[chS]", "*.def"],
                         cwd=TOP, check=True, capture_output=True, text=True).stdout
    return [name for name in out.splitlines() if not name.startswith("third_party/")]


def includes(name):
    text = (TOP / name).read_text(errors="replace")
    for number, line in enumerate(text.splitlines(), 1):
        match = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
        if match:
            yield number, match[1]


def objection(name, path):
    """Why file @name may not include @path; None if it may."""
    folder = name.split("/")[0]
    if folder not in ALLOWED:
        return f"{folder}/ has no rule in tools/check-includes.py"
    if folder == "tests":
        return None
    if (path == "table.def" and folder == "libos") or path in GENERATED:
        return None
    if "/" not in path:
        return "an include path starts at the top of the repository"
    if any(fnmatch.fnmatch(path, pattern) for pattern in ALLOWED[folder]):
        return None
    if path.split("/")[0] != folder:
        return f"{folder}/ may not use {path.split('/')[0]}/"
    mine = [s for s in SEPARATE if name.startswith(s + "/")]
    theirs = [s for s in SEPARATE if path.startswith(s + "/")]
    return f"{name} may not use {theirs[0]}/" if theirs and mine != theirs else None


def main():
    broken = 0
    for name in sources():
        for number, path in includes(name):
            why = objection(name, path)
            if why:
                print(f'{name}:{number}: "{path}": {why}')
                broken += 1
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
