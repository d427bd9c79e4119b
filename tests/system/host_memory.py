"""The memory of an enclave's host processes, as the host counts it."""
import re
from pathlib import Path


def family(pid):
    """The process and all below it."""
    found = [pid]
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue  # it ended meanwhile
        if parent == pid:
            found += family(int(stat.parent.name))
    return found


def pss_kib(pid):
    """Of one process, each page that it shares counted in part."""
    return int(re.search(r"Pss:\s+(\d+)", Path(f"/proc/{pid}/smaps_rollup").read_text())[1])
