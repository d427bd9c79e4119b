"""`casemate verify-evidence` and the quotes of a TPM 2.0: swtpm speaks the real protocol, tpm2-tools makes
the keys and quotes as a machine's owner would, and OpenSSL certifies one of the keys."""
import base64
import contextlib
import hashlib
import json
import os
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

CASEMATE = os.environ["CASEMATE"]
TOOL_S = 300
SOCKET, CONTROL = "tpm.sock", "tpm.sock.ctrl"
ENVIRONMENT = {**os.environ, "TPM2TOOLS_TCTI": f"swtpm:path={SOCKET}"}

NONCE, OTHER_NONCE = b"\x00fresh as of now\xff".hex(), b"\x00fresh as of then".hex()
PCRS = [0, 1, 4, 7, 17, 23]

# Keys: name and what tpm2_createak calls it.
KEYS = {
    "RSASSA": ("rsa", "sha256", "rsassa"),
    "RSAPSS": ("rsa", "sha256", "rsapss"),
    "ECDSA": ("ecc", "sha256", "ecdsa"),
    "ECDSA P-384": ("ecc384", "sha384", "ecdsa"),
    "ECDSA other": ("ecc", "sha256", "ecdsa"),
    "RSASSA SHA-1": ("rsa", "sha1", "rsassa"),
}

# TCG PC Client Platform Firmware Profile: what a firmware's log says. (PCR, type, data)
EV_POST_CODE, EV_NO_ACTION, EV_SEPARATOR, EV_S_CRTM_VERSION = 1, 3, 4, 8
EV_EFI_VARIABLE, EV_EFI_APPLICATION, EV_IPL = 0x80000001, 0x80000003, 13
EVENTS = [
    (0, EV_S_CRTM_VERSION, "1.0".encode("utf-16-le")),
    (0, EV_POST_CODE, b"firmware volume"),
    (7, EV_EFI_VARIABLE, b"SecureBoot=1"),
    (1, EV_EFI_VARIABLE, b"BootOrder=0000"),
    *[(pcr, EV_SEPARATOR, bytes(4)) for pcr in (0, 1, 4, 7)],
    (4, EV_EFI_APPLICATION, b"kernel"),
    (23, EV_IPL, b"an application's own"),
]
BANKS = {"sha1": 4, "sha256": 11}

points = failures = 0


def point(name, wanted, got):
    global points, failures
    points += 1
    failures += wanted != got
    print(f"{'ok' if wanted == got else 'not ok'} {points} - {name}")
    if wanted != got:
        print(f"# wanted: {wanted}\n# got:    {got}")


def tool(*command):
    done = subprocess.run([str(word) for word in command], env=ENVIRONMENT, timeout=TOOL_S,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        raise RuntimeError(f"{command}: {done.returncode}: {done.stdout.decode(errors='replace')}")


def answers(path):
    with socket.socket(socket.AF_UNIX) as to:
        return to.connect_ex(path) == 0


@contextlib.contextmanager
def running_tpm(state, flags):
    Path(state).mkdir()
    for path in (SOCKET, CONTROL):
        Path(path).unlink(missing_ok=True)
    with open(f"{state}.log", "wb") as log:
        tpm = subprocess.Popen(["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={state}",
                                "--server", f"type=unixio,path={SOCKET}",
                                "--ctrl", f"type=unixio,path={CONTROL}",
                                "--locality", "allow-set-locality", "--flags", flags],
                               stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + TOOL_S
        while not (answers(CONTROL) and answers(SOCKET)):
            if tpm.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("swtpm does not start")
            time.sleep(0.05)
        yield
    finally:
        tpm.kill()
        tpm.wait()


def start_up_from_locality_3():
    """As firmware does that a measured launch has started. tpm2_startup would go back to 0."""
    tool("swtpm_ioctl", "--unix", CONTROL, "-l", "3")
    with socket.socket(socket.AF_UNIX) as tpm:
        tpm.settimeout(TOOL_S)
        tpm.connect(SOCKET)
        tpm.sendall(struct.pack(">HIIH", 0x8001, 12, 0x144, 0))  # TPM2_Startup(TPM_SU_CLEAR)
        if tpm.recv(64) != struct.pack(">HII", 0x8001, 10, 0):
            raise RuntimeError("TPM2_Startup failed")


# What the TPM makes

def make_keys(names):
    tool("tpm2_createek", "-G", "rsa", "-c", "ek.ctx", "-u", "ek.pub")
    for name in names:
        kind, digest, scheme = KEYS[name]
        tool("tpm2_flushcontext", "-t")
        tool("tpm2_createak", "-C", "ek.ctx", "-G", kind, "-g", digest, "-s", scheme,
             "-c", f"{name}.ctx", "-u", f"{name}.pub")
        tool("tpm2_flushcontext", "-t")
        tool("tpm2_readpublic", "-c", f"{name}.ctx", "-f", "pem", "-o", f"{name}.pem")
        tool("tpm2_flushcontext", "-t")


def digests(data):
    return {bank: hashlib.new(bank, data).digest() for bank in BANKS}


def extend():
    for pcr, _, data in EVENTS:
        each = ",".join(f"{bank}={digest.hex()}" for bank, digest in digests(data).items())
        tool("tpm2_pcrextend", f"{pcr}:{each}")


def values(bank):
    """The PCRs as the TPM has them."""
    tool("tpm2_pcrread", f"{bank}:{','.join(map(str, PCRS))}", "-o", "values")
    size = hashlib.new(bank).digest_size
    read = Path("values").read_bytes()
    return {pcr: read[i * size:(i + 1) * size].hex() for i, pcr in enumerate(PCRS)}


def quote(key, selection):
    """(TPMS_ATTEST, TPMT_SIGNATURE)"""
    tool("tpm2_quote", "-c", f"{key}.ctx", "-l", selection, "-q", NONCE, "-g", KEYS[key][1],
         "--scheme", KEYS[key][2], "-m", "message", "-s", "signature")
    tool("tpm2_flushcontext", "-t")
    return Path("message").read_bytes(), Path("signature").read_bytes()


def quote_pcrs(key, bank="sha256"):
    return quote(key, f"{bank}:{','.join(map(str, PCRS))}")


# What carries it

def event_log(events):
    """Crypto-agile: the first event has the form of TPM 1.2 and names the banks."""
    spec = struct.pack("<16sIBBBBI", b"Spec ID Event03", 0, 0, 2, 0, 2, len(BANKS))
    for bank, number in BANKS.items():
        spec += struct.pack("<HH", number, hashlib.new(bank).digest_size)
    spec += b"\0"
    log = struct.pack("<II20sI", 0, EV_NO_ACTION, bytes(20), len(spec)) + spec
    for pcr, kind, data in events:
        log += struct.pack("<III", pcr, kind, len(BANKS))
        for bank, digest in digests(data).items():
            log += struct.pack("<H", BANKS[bank]) + digest
        log += struct.pack("<I", len(data)) + data
    return log


def evidence(quoted, key, pcrs=None, log=None, **more):
    message, signature = quoted
    tpm_quote = {"message": base64.b64encode(message).decode(), "signature": signature.hex()}
    if pcrs:
        tpm_quote["pcrs"] = pcrs
    made = {"tpm_quote": tpm_quote, "ak_public": Path(f"{key}.pub").read_bytes().hex(), **more}
    if log:
        made["event_log"] = base64.b64encode(log).decode()
    return json.dumps(made).encode()


def rule(pcrs, **more):
    return {"type": "tpm", "nonce": NONCE, "pcrs": {str(n): v for n, v in pcrs.items()}, **more}


def verdict(data, root, policy, collateral=None):
    """What it says, which its exit status must agree with."""
    Path("evidence").write_bytes(data)
    Path("policy").write_text(json.dumps({"rules": [policy]}))
    options = ["--collateral", collateral] if collateral else []
    done = subprocess.run([CASEMATE, "verify-evidence", "--json", "--root", root, *options,
                           "--policy", "policy", "evidence"],
                          capture_output=True, timeout=TOOL_S, check=False)
    if done.returncode not in (0, 1):
        return f"exit status {done.returncode}: {done.stderr.decode(errors='replace')}"
    said = json.loads(done.stdout)["verdict"]
    return said if (said == "ACCEPTED") == (done.returncode == 0) else f"{said}, {done.returncode}"


def flipped(data, bit):
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


# The tests

def test_key(name, pcrs):
    """What holds for a key of each kind."""
    message, signature = quoted = quote_pcrs(name)
    root, log, good = f"{name}.pem", event_log(EVENTS), rule(pcrs)
    point(f"{name}: accepted", "ACCEPTED", verdict(evidence(quoted, name, pcrs, log), root, good))
    digest = hashlib.new(KEYS[name][1], b"".join(map(bytes.fromhex, pcrs.values()))).hexdigest()
    point(f"{name}: accepted as bytes, by the digest of the PCRs", "ACCEPTED",
          verdict(message + signature, root,
                  {"type": "tpm", "nonce": NONCE, "measurement": digest}))
    point(f"{name}: another nonce is refused", "POLICY_NOT_MATCHED",
          verdict(evidence(quoted, name, pcrs, log), root, {**good, "nonce": OTHER_NONCE}))
    point(f"{name}: another key is not trusted", "KEY_NOT_CERTIFIED",
          verdict(evidence(quoted, name, pcrs, log), "ECDSA other.pem", good))
    point(f"{name}: nor does it explain the signature", "QUOTE_SIGNATURE_INVALID",
          verdict(evidence(quoted, "ECDSA other", pcrs, log), "ECDSA other.pem", good))
    for what, damaged in (("quote's last", (flipped(message, 8 * len(message) - 1), signature)),
                          ("quote's nonce", (flipped(message, 8 * message.index(bytes.fromhex(NONCE))),
                                             signature)),
                          ("signature's last", (message, flipped(signature, 8 * len(signature) - 8)))):
        point(f"{name}: a flipped bit, the {what}", "QUOTE_SIGNATURE_INVALID",
              verdict(evidence(damaged, name, pcrs, log), root, good))


def test_pcrs(pcrs):
    name, root, log = "ECDSA", "ECDSA.pem", event_log(EVENTS)
    quoted = quote_pcrs(name)
    changed = {**pcrs, 7: hashlib.sha256(b"another").hexdigest()}
    left_out = {n: value for n, value in pcrs.items() if n != 7}
    point("a PCR that the policy does not name so", "POLICY_NOT_MATCHED",
          verdict(evidence(quoted, name, pcrs, log), root, rule(changed)))
    point("a value that was not quoted", "PCR_DIGEST_MISMATCH",
          verdict(evidence(quoted, name, changed, log), root, rule(changed)))
    point("a value that is not given", "PCR_DIGEST_MISMATCH",
          verdict(evidence(quoted, name, left_out, log), root, rule(left_out)))
    point("no values at all", "POLICY_NOT_MATCHED",
          verdict(evidence(quoted, name), root, rule(pcrs)))
    point("a PCR that was not quoted", "POLICY_NOT_MATCHED",
          verdict(evidence(quoted, name, {**pcrs, 2: "00" * 32}, log), root,
                  rule({**pcrs, 2: "00" * 32})))


def test_log(pcrs):
    name, root, good = "RSAPSS", "RSAPSS.pem", rule(pcrs)
    quoted = quote_pcrs(name)
    swapped = [EVENTS[1], EVENTS[0], *EVENTS[2:]]
    for what, wanted, log in (
            ("changed", "EVENT_LOG_MISMATCH",
             event_log([(pcr, kind, b"Kernel" if data == b"kernel" else data)
                        for pcr, kind, data in EVENTS])),
            ("short of the kernel", "EVENT_LOG_MISMATCH",
             event_log([event for event in EVENTS if event[2] != b"kernel"])),
            ("in another order", "EVENT_LOG_MISMATCH", event_log(swapped)),
            ("once more", "EVENT_LOG_MISMATCH", event_log([*EVENTS, EVENTS[-1]])),
            ("cut short", "EVENT_LOG_MALFORMED", event_log(EVENTS)[:-1]),
            ("and one that is not measured", "ACCEPTED",
             event_log([*EVENTS, (0, EV_NO_ACTION, b"a note")])),
            ("followed by an unused buffer", "ACCEPTED", event_log(EVENTS) + b"\xff" * 100)):
        point(f"event log: {what}", wanted, verdict(evidence(quoted, name, pcrs, log), root, good))


def test_weak():
    pcrs = values("sha1")
    quoted = quote_pcrs("ECDSA", "sha1")
    data = evidence(quoted, "ECDSA", pcrs, event_log(EVENTS))
    point("PCRs of SHA-1 are refused", "HASH_WEAK", verdict(data, "ECDSA.pem", rule(pcrs)))
    point("unless asked for", "ACCEPTED",
          verdict(data, "ECDSA.pem", rule(pcrs, tolerate=["HASH_WEAK"])))
    pcrs = values("sha256")
    data = evidence(quote_pcrs("RSASSA SHA-1"), "RSASSA SHA-1", pcrs)
    point("a signature over SHA-1 is refused", "HASH_WEAK",
          verdict(data, "RSASSA SHA-1.pem", rule(pcrs)))
    point("several banks in one quote are refused", "EVIDENCE_UNSUPPORTED",
          verdict(evidence(quote("ECDSA", "sha1:0+sha256:0"), "ECDSA"), "ECDSA.pem", rule(pcrs)))


def test_other_statement():
    """The TPM signs other things with the same key, which say nothing about PCRs."""
    tool("tpm2_gettime", "-c", "ECDSA.ctx", "-q", NONCE, "-o", "signature", "--attestation",
         "message")
    tool("tpm2_flushcontext", "-t")
    said = Path("message").read_bytes(), Path("signature").read_bytes()
    point("what the TPM says about its clock is no quote", "EVIDENCE_MALFORMED",
          verdict(evidence(said, "ECDSA"), "ECDSA.pem", rule({0: "00" * 32})))


CA = """
[ca]
default_ca = maker
[maker]
database = ca.index
default_md = sha256
default_crl_days = 2
unique_subject = no
"""


def make_certificates():
    tool("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
         "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=maker of TPMs")
    for name in ("ECDSA", "ECDSA other"):
        tool("openssl", "req", "-new", "-key", "ca.key", "-subj", "/CN=a TPM", "-out", "request")
        tool("openssl", "x509", "-req", "-in", "request", "-force_pubkey", f"{name}.pem",
             "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
             "-out", f"{name}.crt")
    Path("ca.cnf").write_text(CA)
    Path("ca.index").touch()
    ca = "openssl", "ca", "-config", "ca.cnf", "-keyfile", "ca.key", "-cert", "ca.pem"
    tool(*ca, "-gencrl", "-out", "none.crl")
    tool(*ca, "-revoke", "ECDSA.crt")
    tool(*ca, "-gencrl", "-out", "revoked.crl")


def test_certificate(pcrs):
    make_certificates()
    quoted, policy = quote_pcrs("ECDSA"), rule(pcrs)
    for what, wanted, certified, root, crl in (
            ("will do", "ACCEPTED", "ECDSA", "ca.pem", "none.crl"),
            ("which nobody says is not revoked", "REVOCATION_UNKNOWN", "ECDSA", "ca.pem", None),
            ("which is revoked", "CERTIFICATE_REVOKED", "ECDSA", "ca.pem", "revoked.crl"),
            ("of another key", "ATTESTATION_KEY_NOT_BOUND", "ECDSA other", "ca.pem", "none.crl"),
            ("of a maker not trusted", "ROOT_NOT_TRUSTED", "ECDSA", "ECDSA other.pem", "none.crl")):
        data = evidence(quoted, "ECDSA", pcrs, ak_certificate=Path(f"{certified}.crt").read_text())
        point(f"the maker's certificate: {what}", wanted, verdict(data, root, policy, crl))


def test_replay(pcrs):
    """An old quote says what was; the next one says what is."""
    old = rule(pcrs)
    tool("tpm2_pcrextend", f"4:sha256={hashlib.sha256(b'a second kernel').hexdigest()}")
    now = values("sha256")
    quoted = quote_pcrs("RSASSA")
    point("what is extended later shows", "POLICY_NOT_MATCHED",
          verdict(evidence(quoted, "RSASSA", now), "RSASSA.pem", old))
    point("and can't be hidden behind the old values", "PCR_DIGEST_MISMATCH",
          verdict(evidence(quoted, "RSASSA", pcrs, event_log(EVENTS)), "RSASSA.pem", old))


def test_locality():
    """PCR 0 then begins with the locality, which the log must tell."""
    start_up_from_locality_3()
    make_keys(["ECDSA"])
    extend()
    pcrs = values("sha256")
    quoted = quote_pcrs("ECDSA")
    for what, wanted, locality in (("told", "ACCEPTED", 3), ("not told", "EVENT_LOG_MISMATCH", None),
                                   ("told wrongly", "EVENT_LOG_MISMATCH", 4)):
        told = [] if locality is None else [(0, EV_NO_ACTION, b"StartupLocality\0" + bytes([locality]))]
        data = evidence(quoted, "ECDSA", pcrs, event_log(told + EVENTS))
        point(f"started from locality 3: {what}", wanted, verdict(data, "ECDSA.pem", rule(pcrs)))


def main():
    with running_tpm("tpm", "not-need-init,startup-clear"):
        make_keys(KEYS)
        extend()
        pcrs = values("sha256")
        point("PCR 17 is what it is without a dynamic launch", "ff" * 32, pcrs[17])
        for name in ("RSASSA", "RSAPSS", "ECDSA", "ECDSA P-384"):
            test_key(name, pcrs)
        test_pcrs(pcrs)
        test_log(pcrs)
        test_weak()
        test_other_statement()
        test_certificate(pcrs)
        test_replay(pcrs)
    with running_tpm("launched", "not-need-init"):
        test_locality()
    print(f"1..{points}")
    return failures != 0


if __name__ == "__main__":
    sys.exit(main())
