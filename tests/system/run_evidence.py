"""`casemate evidence`, and `casemate ratls` with a platform that is not simulation: the TPM is swtpm."""
import contextlib
import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import run_tpm
from run_tpm import CASEMATE, EVENTS, NONCE, OTHER_NONCE, TOOL_S, event_log, extend, point, rule, values

TCTI = f"swtpm:path={run_tpm.SOCKET}"
PCRS = ",".join(map(str, run_tpm.PCRS))
US, OTHERS = "5a" * 32, "6b" * 32


def casemate(*arguments):
    return subprocess.run([CASEMATE, *map(str, arguments)], capture_output=True, timeout=TOOL_S, check=False)


def make(output, *arguments):
    """The exit status."""
    done = casemate("evidence", "-o", output, *arguments)
    if done.returncode:
        print(f"# {done.stderr.decode(errors='replace').strip()}")
    return done.returncode


def tpm(*more):
    return ["--platform", "tpm", "--tcti", TCTI, "--pcrs", PCRS, *more]


def verdict(evidence, policy, *options):
    Path("policy.json").write_text(json.dumps({"rules": [policy]}))
    done = casemate("verify-evidence", "--json", "--policy", "policy.json", *options, evidence)
    return json.loads(done.stdout)["verdict"]


def simulation_rule(measurement, nonce):
    return {"type": "simulation", "measurement": measurement, "nonce": nonce, "tolerate": ["NO_PROTECTION"]}


def test_simulation():
    point("simulation: made", 0, make("simulation.bin", "--platform", "simulation", "--measurement", US,
                                      "--nonce", NONCE))
    padded = NONCE.ljust(128, "0")
    point("simulation: accepted", "ACCEPTED", verdict("simulation.bin", simulation_rule(US, padded)))
    point("simulation: of another measurement", "POLICY_NOT_MATCHED",
          verdict("simulation.bin", simulation_rule(OTHERS, padded)))
    done = casemate("evidence", "--platform", "simulation", "--nonce", NONCE)
    point("without -o: to standard output", b"CMEVIDNC", done.stdout[:8])


def test_tpm(kind, pcrs):
    Path("log").write_bytes(event_log(EVENTS))
    key, other = f"{kind}.pem", f"{kind}-other.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out",
                    "other.key"], check=True, stderr=subprocess.DEVNULL)
    subprocess.run(["openssl", "pkey", "-in", "other.key", "-pubout", "-out", other], check=True)
    point(f"TPM, {kind}: made", 0, make("tpm.json", *tpm("--tpm-key", kind, "--nonce", NONCE, "--event-log", "log",
                                                         "--key-out", key)))
    good = rule(pcrs)
    point(f"TPM, {kind}: accepted", "ACCEPTED", verdict("tpm.json", good, "--root", key))
    point(f"TPM, {kind}: another nonce", "POLICY_NOT_MATCHED",
          verdict("tpm.json", {**good, "nonce": OTHER_NONCE}, "--root", key))
    point(f"TPM, {kind}: another PCR", "POLICY_NOT_MATCHED",
          verdict("tpm.json", rule({**pcrs, 7: "00" * 32}), "--root", key))
    point(f"TPM, {kind}: nobody vouches for the key", "KEY_NOT_CERTIFIED", verdict("tpm.json", good))
    point(f"TPM, {kind}: another key is trusted", "KEY_NOT_CERTIFIED", verdict("tpm.json", good, "--root", other))
    make("again.json", *tpm("--tpm-key", kind, "--nonce", OTHER_NONCE, "--event-log", "", "--key-out", other))
    point(f"TPM, {kind}: the key is the same each time", Path(key).read_text(), Path(other).read_text())
    Path("log").write_bytes(event_log([event for event in EVENTS if event[2] != b"kernel"]))
    make("short.json", *tpm("--tpm-key", kind, "--nonce", NONCE, "--event-log", "log"))
    point(f"TPM, {kind}: a log that does not explain the PCRs", "EVENT_LOG_MISMATCH",
          verdict("short.json", good, "--root", key))


def test_certificate(pcrs):
    """The maker of the machine certifies the attestation key."""
    run_tpm.tool("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                 "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=maker of machines")
    run_tpm.tool("openssl", "req", "-new", "-key", "ca.key", "-subj", "/CN=a machine", "-out", "request")
    run_tpm.tool("openssl", "x509", "-req", "-in", "request", "-force_pubkey", "ecc.pem", "-CA", "ca.pem",
                 "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-out", "ak.crt")
    make("certified.json", *tpm("--nonce", NONCE, "--event-log", "", "--ak-certificate", "ak.crt"))
    point("TPM: its key is certified", "ACCEPTED",
          verdict("certified.json", rule(pcrs, tolerate=["REVOCATION_UNKNOWN"]), "--root", "ca.pem"))


@contextlib.contextmanager
def running(name, *command):
    """Its port, which it prints."""
    with open(f"{name}.log", "wb") as log:
        process = subprocess.Popen(list(map(str, command)), stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + TOOL_S
        while True:
            said = re.search(r"(?:listening at|Serving HTTP on) .*?[: ](\d+)", Path(f"{name}.log").read_text())
            if said:
                break
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{name}: {Path(f'{name}.log').read_text()}")
            time.sleep(0.05)
        yield said[1]
    finally:
        process.terminate()
        process.wait()


def got(port):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/file", timeout=TOOL_S) as answer:
            return answer.read().decode()
    except OSError:
        return None


def connector(name, listener, policy, root):
    Path(f"{name}.json").write_text(json.dumps({"rules": [policy]}))
    return running(name, CASEMATE, "ratls", "connect", "--policy", f"{name}.json", "--root", root,
                   "127.0.0.1:0", f"127.0.0.1:{listener}")


def test_ratls(pcrs):
    Path("served").mkdir()
    Path("served/file").write_text("served")
    Path("log").write_bytes(event_log([*EVENTS, (23, run_tpm.EV_NO_ACTION, bytes(150000))]))
    wanted = {"type": "tpm", "pcrs": {str(n): value for n, value in pcrs.items()}}
    unwanted = {"type": "tpm", "pcrs": {**wanted["pcrs"], "4": "00" * 32}}
    with running("http", sys.executable, "-u", "-m", "http.server", "--bind", "127.0.0.1", "-d", "served",
                 "0") as http, \
         running("listener", CASEMATE, "ratls", "listen", *tpm("--event-log", "log"), "127.0.0.1:0",
                 f"127.0.0.1:{http}") as listener:
        for what, name, policy, root, answer, why in (
                ("a TPM as wanted", "good", wanted, "ecc.pem", "served", ""),
                ("another state", "state", unwanted, "ecc.pem", None, "POLICY_NOT_MATCHED"),
                ("another TPM", "key", wanted, "ecc-other-tpm.pem", None, "KEY_NOT_CERTIFIED")):
            with connector(name, listener, policy, root) as port:
                point(f"attested TLS: {what}", answer, got(port))
                point(f"attested TLS: {what}: what is said", True, why in Path(f"{name}.log").read_text())


def test_usage():
    made = ["--nonce", NONCE]
    for what, status, arguments in (
            ("no platform", 2, made),
            ("no nonce", 2, ["--platform", "simulation"]),
            ("an unknown platform", 2, ["--platform", "abacus", *made]),
            ("half a byte", 2, ["--platform", "simulation", "--nonce", "123"]),
            ("a nonce of 65 bytes", 2, ["--platform", "simulation", "--nonce", "00" * 65]),
            ("a PCR that is not there", 2, tpm("--pcrs", "24", *made)),
            ("PCRs backwards", 2, tpm("--pcrs", "7-0", *made)),
            ("an unknown bank", 2, tpm("--bank", "md5", *made)),
            ("a key of a file that is not there", 1, tpm("--ak-certificate", "nothing", *made)),
            ("a log that is not there", 1, tpm("--event-log", "nothing", *made)),
            ("no such TPM", 1, ["--platform", "tpm", "--tcti", "swtpm:path=nobody", *made]),
            ("the key of simulation", 2, ["--platform", "simulation", "--key-out", "key", *made]),
            ("a directory that is not there", 1, ["--platform", "simulation", "-o", "no/where", *made])):
        point(f"refused: {what}", status, casemate("evidence", *arguments).returncode)
    if not os.path.exists("/sys/kernel/config/tsm"):
        done = casemate("evidence", "--platform", "tsm", *made)
        point("no TDX or SEV-SNP guest: it says so", (1, True), (done.returncode, b"not a TDX" in done.stderr))


def main():
    with run_tpm.running_tpm("another", "not-need-init,startup-clear"):
        make("other.json", *tpm("--nonce", NONCE, "--event-log", "", "--key-out", "ecc-other-tpm.pem"))
    with run_tpm.running_tpm("tpm", "not-need-init,startup-clear"):
        extend()
        pcrs = values("sha256")
        test_simulation()
        for kind in ("ecc", "rsa"):
            test_tpm(kind, pcrs)
        test_certificate(pcrs)
        test_ratls(pcrs)
        test_usage()
    print(f"1..{run_tpm.points}")
    return run_tpm.failures != 0


if __name__ == "__main__":
    sys.exit(main())
