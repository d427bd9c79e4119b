"""What an enclave takes that does nothing: the memory of all its host processes, the launcher included,
each page shared among them counted once (PSS; the enclave's region is shared memory and counts)."""
import os
import subprocess
import sys
import time

from host_memory import family, pss_kib

CASEMATE = os.environ["CASEMATE"]
MOST_KIB = 16 << 10
START_S = 60


def main():
    subprocess.run([CASEMATE, "build", "--copy", "/bin/sh", "--copy", "/bin/sleep",
                    "-o", "idle.enclave"], check=True, capture_output=True)
    with subprocess.Popen([CASEMATE, "run", "idle.enclave", "/bin/sh", "-c",
                           "echo hello; exec sleep 300"], stdout=subprocess.PIPE) as enclave:
        try:
            enclave.stdout.readline()
            deadline = time.monotonic() + START_S
            while len(family(enclave.pid)) < 3 and time.monotonic() < deadline:
                time.sleep(0.05)
            time.sleep(0.5)
            used = {pid: pss_kib(pid) for pid in family(enclave.pid)}
        finally:
            enclave.kill()
    ok = len(used) >= 3 and sum(used.values()) <= MOST_KIB
    print(f"{'ok' if ok else 'not ok'} 1 - an idle enclave takes at most {MOST_KIB} KiB")
    print(f"# {sum(used.values())} KiB: {used}")
    print("1..1")
    return not ok


if __name__ == "__main__":
    sys.exit(main())
