"""Evidence of Casemate's hypervisor platform, as abi/evidence.md has it: a quoting key signs an enclave's report,
and the quote of a TPM 2.0 (swtpm) over the launch's PCRs certifies that key. There is no such machine yet."""
import base64
import hashlib
import json
import struct
import subprocess
import sys
from pathlib import Path

import run_tpm
from run_evidence import make, tpm, verdict
from run_tpm import EVENTS, event_log, point, tool

LABEL = b"casemate quoting key v1"
PCRS = [4, 17]
US, OTHERS = bytes.fromhex("5a" * 32), "6b" * 32
SIGNER = bytes.fromhex("c3" * 32)
ASKED = hashlib.sha256(b"who asks").digest().ljust(64, b"\0")
DEBUG = 1
REPORT, SIGNATURE, KEY, TPM_QUOTE, TPM_SIGNATURE, TPM_KEY, PCR_VALUES, EVENT_LOG = range(1, 9)


def new_key(name):
    tool("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", f"{name}.key")


def key_point(name):
    """x and y: the end of the SubjectPublicKeyInfo."""
    return subprocess.run(["openssl", "pkey", "-in", f"{name}.key", "-pubout", "-outform", "DER"], check=True,
                          capture_output=True).stdout[-64:]


def report(flags=0, svn=3, report_data=ASKED):
    return struct.pack("<8sHHI32s32s32sHH12x64s64x", b"CMREPORT", 1, 2, flags, US, SIGNER, bytes(32), 7, svn,
                       report_data)


def sign(data, name):
    """r and s, out of the DER that OpenSSL makes."""
    Path("signed").write_bytes(data)
    der = subprocess.run(["openssl", "dgst", "-sha256", "-sign", f"{name}.key", "signed"], check=True,
                         capture_output=True).stdout
    numbers, at = b"", 2
    for _ in range(2):
        size = der[at + 1]
        numbers += der[at + 2:at + 2 + size].lstrip(b"\0").rjust(32, b"\0")
        at += 2 + size
    return numbers


def quote(name):
    """What the TPM says of the quoting key: the parts of the evidence."""
    Path("log").write_bytes(event_log(EVENTS))
    nonce = hashlib.sha256(LABEL + key_point(name)).hexdigest()
    status = make("quote.json", *tpm("--pcrs", ",".join(map(str, PCRS)), "--nonce", nonce, "--event-log", "log",
                                     "--key-out", "ak.pem"))
    if status:
        raise RuntimeError("the TPM has made no quote")
    made = json.loads(Path("quote.json").read_text())
    pcrs = made["tpm_quote"]["pcrs"]
    return {TPM_QUOTE: base64.b64decode(made["tpm_quote"]["message"]),
            TPM_SIGNATURE: bytes.fromhex(made["tpm_quote"]["signature"]),
            TPM_KEY: bytes.fromhex(made["ak_public"]),
            PCR_VALUES: b"".join(bytes.fromhex(pcrs[str(n)]) for n in PCRS),
            EVENT_LOG: base64.b64decode(made["event_log"])}, pcrs


def evidence(quoted, said, signer, key=None, **changes):
    parts = {REPORT: said, SIGNATURE: sign(said, signer), KEY: key_point(key or signer), **quoted,
             **{int(kind[1:]): data for kind, data in changes.items()}}
    data = struct.pack("<8sHHI", b"CMEVIDNC", 1, len(parts), 0)
    for kind, content in parts.items():
        data += struct.pack("<HHI", kind, 0, len(content)) + content
    return data


def judge(data, pcrs, root="ak.pem", **more):
    Path("evidence").write_bytes(data)
    enclave = {"type": "hypervisor", "measurement": US.hex(), "signer": SIGNER.hex(), "product": 7, "min_svn": 3,
               "report_data": ASKED.hex(), **more}
    return verdict("evidence", {"type": "tpm", "pcrs": pcrs, "nested": [enclave]}, "--root", root)


def test(quoted, pcrs):
    good = evidence(quoted, report(), "quoting")
    point("the chain holds: TPM, quoting key, enclave", "ACCEPTED", judge(good, pcrs))
    point("another hypervisor was started", "POLICY_NOT_MATCHED", judge(good, {**pcrs, "17": "00" * 32}))
    point("another enclave", "POLICY_NOT_MATCHED", judge(good, pcrs, measurement=OTHERS))
    point("an older version of it", "POLICY_NOT_MATCHED", judge(evidence(quoted, report(svn=2), "quoting"), pcrs))
    point("what another asked for", "POLICY_NOT_MATCHED",
          judge(evidence(quoted, report(report_data=bytes(64)), "quoting"), pcrs))
    point("a debug enclave", "DEBUG_ENABLED", judge(evidence(quoted, report(flags=DEBUG), "quoting"), pcrs))
    point("another TPM", "KEY_NOT_CERTIFIED", judge(good, pcrs, root="other.pem"))
    point("a quoting key that the TPM does not know", "ATTESTATION_KEY_NOT_BOUND",
          judge(evidence(quoted, report(), "stranger"), pcrs))
    point("a report that another key has signed", "REPORT_SIGNATURE_INVALID",
          judge(evidence(quoted, report(), "stranger", key="quoting"), pcrs))
    point("PCRs that were not quoted", "PCR_DIGEST_MISMATCH",
          judge(evidence(quoted, report(), "quoting", _7=bytes(64)), pcrs))
    short = event_log([event for event in EVENTS if event[2] != b"kernel"])
    point("a log that leaves out the kernel", "EVENT_LOG_MISMATCH",
          judge(evidence(quoted, report(), "quoting", _8=short), pcrs))
    changed = bytearray(quoted[TPM_QUOTE])
    changed[-1] ^= 1
    point("a quote that was changed", "QUOTE_SIGNATURE_INVALID",
          judge(evidence(quoted, report(), "quoting", _4=bytes(changed)), pcrs))
    Path("evidence").write_bytes(good)
    point("a policy that names no enclave", "POLICY_NOT_MATCHED",
          verdict("evidence", {"type": "tpm", "pcrs": pcrs}, "--root", "ak.pem"))


def test_later(quoted, pcrs):
    """The quote says what was started when it was made; a newer one shows what came after."""
    tool("tpm2_pcrextend", f"4:sha256={hashlib.sha256(b'another hypervisor').hexdigest()}")
    later, now = quote("quoting")
    point("after another launch: refused", "EVENT_LOG_MISMATCH", judge(evidence(later, report(), "quoting"), pcrs))
    del later[EVENT_LOG]
    point("without the log: other PCRs", "POLICY_NOT_MATCHED", judge(evidence(later, report(), "quoting"), pcrs))
    point("by a policy that wants these: accepted", "ACCEPTED", judge(evidence(later, report(), "quoting"), now))
    point("the old quote is as good as it was", "ACCEPTED", judge(evidence(quoted, report(), "quoting"), pcrs))


def main():
    for name in ("quoting", "stranger"):
        new_key(name)
    tool("openssl", "pkey", "-in", "stranger.key", "-pubout", "-out", "other.pem")
    with run_tpm.running_tpm("tpm", "not-need-init,startup-clear"):
        run_tpm.extend()
        quoted, pcrs = quote("quoting")
        test(quoted, pcrs)
        test_later(quoted, pcrs)
    print(f"1..{run_tpm.points}")
    return run_tpm.failures != 0


if __name__ == "__main__":
    sys.exit(main())
