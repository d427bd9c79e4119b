"""The examples of the manual pages run, as they stand there: shell, C and JSON.

Each page's examples run one after another in a folder of their own, where what they take for granted
has been prepared. What can't run here is in CANNOT, with the reason, and is reported as skipped.
"""
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

TOP, BUILD, CASEMATE, SCRATCH = (Path(os.environ[n]) for n in ("TOP", "BUILD", "CASEMATE", "SCRATCH"))
TIMEOUT_S = 120

SAMPLES = SCRATCH / "samples"   # evidence: tests/vectors/attestation_seeds.c
ROOT = SCRATCH / "root"         # what `make install` installs
BIN = SCRATCH / "bin"

# Page, number of the block: why it doesn't run.
CANNOT = {
    ("casemate-attestation.4", 1): "is of a program in an enclave; applications/attestation runs one",
    ("casemate-gdb.1", 1): "names a process by a number that is another each time; system/run_gdb runs it",
    ("casemate-ratls.1", 1): "takes two machines and ports below 1024; system/run_ratls runs it",
}

# What starts a TPM of software, and leaves it running as $!.
SWTPM = ("mkdir state; swtpm socket --tpm2 --tpmstate dir=state --server type=unixio,path=tpm "
         "--ctrl type=unixio,path=tpm.ctrl --flags not-need-init,startup-clear >swtpm.log 2>&1 & "
         "until [ -S tpm ]; do sleep 0.1; done\n")

APP = 'casemate build --copy /bin/sh --copy /bin/cat --copy /bin/sleep -c app.json'
KEY = "openssl genrsa -3 -out key.pem 3072 2>/dev/null\n"
WEB = """echo '{{"Entrypoint": ["/bin/sh", "-c", "echo serving; {wait}"], "AllowPrograms": true,
"AllowArgs": true}}' >app.json
""" + APP + " -o web.enclave\n"

# What a page takes for granted, and what is to be put away.
BEFORE = {
    "casemate-build.1": "python3 {TOP}/tests/system/make_oci.py image layers docker >/dev/null\n"
                        "docker() {{ cp {archive} app.tar; }}\n",
    "casemate-evidence.1": SWTPM + """trap 'kill '$! EXIT
casemate() {{ [ $1 != evidence ] || set -- "$@" --tcti swtpm:path=tpm; command casemate "$@"; }}
echo '{tpm_policy}' >policy.json
""",
    "casemate-exec.1": WEB.replace("{wait}", "sleep 1000") +
                       "casemate start --name web web.enclave\necho new >new.conf\n",
    "casemate-inspect.1": "echo '{{}}' >app.json\n" + APP + " -o app.enclave\n",
    "casemate-start.1": WEB.replace("{wait}", "true"),
    "casemate-verify.1": KEY + "echo '{{}}' >app.json\n" + APP + " --sign-key key.pem -o app.enclave\n",
    "casemate-verify-evidence.1": "cp {SAMPLES}/dcap_quote-0 quote.bin\n"
                                  "cp {SAMPLES}/dcap_quote.collateral collateral.json\n"
                                  "cp {SAMPLES}/dcap_quote.root root.pem\n"
                                  "echo '{policy}' >policy.json\n",
}
AFTER = {
    "casemate-exec.1": "casemate rm -f web\n",
    "casemate-start.1": "casemate rm -f web\n",
}
TPM_POLICY = json.dumps({"rules": [{"type": "tpm", "nonce": b"nonce".hex(), "claims": {"hash": 11}}]})
POLICY = json.dumps({"rules": [{"type": "sgx", "product": 7, "measurement": "aa" * 32}]})

TPM = "./program swtpm:path=tpm >out; r=$?; kill $!; "

# How the programs of section 3 are run, after what has been made ready: (page, number) or page.
PROGRAMS = {
    ("attest_platform_tpm_new.3", 1): (SWTPM, TPM + "cat out; exit $r", 0, "tpm_quote"),
    ("attest_platform_tpm_new.3", 2): (SWTPM, TPM + "openssl pkey -pubin -in out -text -noout; exit $r", 0,
                                       "P-256"),
    "attest_verify.3": ("cp {SAMPLES}/casemate-0 e; echo '{{\"rules\": []}}' >p; echo '{{\"crl\": null}}' >c",
                        "./program e c p", 1, "POLICY_NOT_MATCHED"),
    "attest_evidence_new.3": ("true", "./program nonce >evidence; casemate verify-evidence evidence", 1,
                              "NO_PROTECTION"),
    "attest_ratls_verify.3": ("casemate ratls listen --platform simulation 127.0.0.1:0 127.0.0.1:1 >port & "
                              "sleep 0.2; until grep -q . port; do sleep 0.2; done",
                              "./program $(grep -oE '127[0-9.:]+' port | head -n1); kill $!", None, "ACCEPTED"),
}
points = failures = 0


def report(good, name, output="", skip=None):
    global points, failures
    points += 1
    failures += not good
    print(f"{'' if good else 'not '}ok {points} - {name}" + (f" # SKIP {skip}" if skip else ""), flush=True)
    if not good:
        print("".join(f"# {line}\n" for line in output.splitlines()[-30:]), end="", flush=True)


def blocks(page):
    """Each literal display among the examples, as its reader sees it."""
    text = re.search(r"^\.Sh EXAMPLES\n(.*?)(?=^\.Sh |\Z)", page.read_text(), re.M | re.S)
    for block in re.findall(r"^\.Bd -literal.*?\n(.*?)^\.Ed", text[1] if text else "", re.M | re.S):
        yield re.sub(r"\\e", r"\\", re.sub(r"\\-", "-", block))


def environment():
    pkgconfig = ":".join(str(p.parent) for p in ROOT.rglob("*.pc"))
    libraries = ":".join({str(p.parent) for p in ROOT.rglob("libcasemate-attestation*.so")})
    return {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", "PKG_CONFIG_SYSROOT_DIR": str(ROOT),
            "PKG_CONFIG_PATH": pkgconfig, "LD_LIBRARY_PATH": libraries}


def run(script, cwd):
    result = subprocess.run(["timeout", "-k", "10", str(TIMEOUT_S), "/bin/bash", "-c", script], cwd=cwd, env=environment(), text=True,
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            errors="replace")
    return result.returncode, result.stdout


def commands(block):
    """The lines after the prompt, with what continues them; others are what is printed."""
    found, goes_on = [], False
    for line in block.splitlines():
        if goes_on or line.startswith("$ "):
            found.append(line if goes_on else line[2:])
            goes_on = line.endswith("\\")
    return "\n".join(found) + "\n"


def in_terminal(script):
    """What asks for a terminal gets one; its standard input is at its end."""
    return re.sub(r"^(casemate run -it .*)$", r"printf 'exit\\n' | script -qec '\1' /dev/null", script, flags=re.M)


def check_shell(page, shell):
    where = SCRATCH / "pages" / page
    where.mkdir(parents=True)
    names = {"TOP": TOP, "SAMPLES": SAMPLES, "policy": POLICY, "tpm_policy": TPM_POLICY, "archive": "image/*.tar"}
    before, after = (texts.get(page, "").format(**names) for texts in (BEFORE, AFTER))
    numbers = [n for n, _ in shell if (page, n) not in CANNOT]
    if numbers:
        script = before + "set -e\n"
        for number, block in shell:
            if number in numbers:
                script += f"echo '@block {number}'\n" + in_terminal(commands(block)) + f"echo '@done {number}'\n"
        status, output = run(script, where)
        if after:
            run(after, where)
    for number, _ in shell:
        name = f"{page}, example {number}"
        if (page, number) in CANNOT:
            report(True, name, skip=CANNOT[page, number])
        else:
            ran = commands(block).strip() and f"@done {number}\n" in output
            report(bool(ran), name, f"exit status {status}\n{output}")


def check_program(page, number, text):
    where = SCRATCH / "programs" / page / str(number)
    where.mkdir(parents=True)
    (where / "program.c").write_text(text)
    library = "casemate-attestation-tpm" if "tpm" in page else "casemate-attestation"
    also = " libssl libcrypto" if "openssl" in text else ""
    status, output = run("cc -std=c11 -Wall -Wextra -Werror program.c -o program "
                         f"$(pkg-config --cflags --libs {library}{also})", where)
    report(status == 0, f"{page}, example {number}, is compiled with what is installed", output)
    before, command, wanted, says = PROGRAMS.get((page, number)) or PROGRAMS[page]
    before = before.format(SAMPLES=SAMPLES)
    status, output = run(f"{before}\n{command}", where)
    report((wanted is None or status == wanted) and says in output, f"{page}, example {number}",
           f"exit status {status}\n{output}")


def check_json(page, number, text):
    where = SCRATCH / "json" / page
    where.mkdir(parents=True)
    (where / "example.json").write_text(text)
    if page == "casemate-policy.5":
        status, output = run(f"casemate verify-evidence --policy example.json {SAMPLES}/dcap_quote-0", where)
        report(status == 1, f"{page}, example {number}", output)
        return
    status, output = run("echo pass >server.py; casemate build -c example.json --copy /usr/bin/python3 "
                         "--add server.py:/app/server.py --add /etc/passwd:/etc/passwd "
                         "--add /etc/group:/etc/group -o x.enclave", where)
    report(status == 0, f"{page}, example {number}", output)


def check_page(path):
    shell = []
    for number, block in enumerate(blocks(path), 1):
        if block.startswith("#include"):
            check_program(path.name, number, block)
        elif block.lstrip().startswith("{"):
            check_json(path.name, number, block)
        else:
            shell.append((number, block))
    if shell:
        check_shell(path.name, shell)


def prepare():
    for directory in SAMPLES, BIN:
        directory.mkdir()
    (BIN / "casemate").symlink_to(CASEMATE)
    subprocess.run([BUILD / "tests" / "vectors" / "attestation_seeds", SAMPLES], check=True)
    subprocess.run(["meson", "install", "--no-rebuild", "-C", BUILD], check=True, stdout=subprocess.DEVNULL,
                   env={**os.environ, "DESTDIR": str(ROOT)})


def main():
    prepare()
    for path in sorted((TOP / "man").glob("*.[1-9]")):
        check_page(path)
    shutil.rmtree(SAMPLES)
    print(f"1..{points}")
    return failures != 0


sys.exit(main())
