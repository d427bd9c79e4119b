"""`run --trace` against strace(1): the same program, the same calls with the same arguments."""
import os
import re
import shutil
import subprocess
import sys

CASEMATE = os.environ["CASEMATE"]
TOP = os.environ["TOP"]
points, failures = 0, 0


def point(name, *problems):
    global points, failures
    points += 1
    wrong = [p for p in problems if p]
    failures += bool(wrong)
    print(f"{'not ' if wrong else ''}ok {points} - {name}")
    for problem in wrong:
        print("\n".join(f"# {line}" for line in str(problem).splitlines()))


def traced(*options):
    """(output of the trace, exit status)"""
    done = subprocess.run([CASEMATE, "run", *options, "traced.enclave", "/bin/traced"],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
    return done.stderr, done.returncode


def plain(line):
    """Without what is different each time: process numbers, addresses, random bytes, the column."""
    line = re.sub(r"^(\[pid +\d+\]|\d+) +", "", line.rstrip())
    line = re.sub(r"\s+= ", " = ", line)
    line = re.sub(r"0x[0-9a-f]{6,}", "ADDRESS", line)
    line = re.sub(r'"(\\x[0-9a-f]{2})+"', "RANDOM", line)
    line = re.sub(r"^(getpid\(\)|set_tid_address\(ADDRESS\)|clone\(.*\)|wait4\(.*\)) = \d+$",
                  r"\1 = PID", line)
    return re.sub(r"(kill\(|si_pid=)\d+", r"\1PID", line)


# What may differ: where the program lies, when it ends, what the child does meanwhile, and what the
# kernel and strace know of Landlock.
IGNORED = re.compile(r"execve\(\"\./|brk|landlock_|readlink|rt_sigreturn|set_robust_list|.*st_mode=S_IFDIR|"
                     r"wait4|<\.\.\. wait4|--- SIGCHLD|exit_group\(3\)|\+\+\+ exited with 3|strace: ")


def joined(text):
    """The lines of strace, each call in one though another process came between."""
    begun = {}
    for line in text.splitlines():
        pid, _, rest = line.partition(" ")
        end = re.match(r" *<\.\.\. \w+ resumed>(.*)", rest)
        if rest.endswith(" <unfinished ...>"):
            begun[pid] = line.removesuffix(" <unfinished ...>")
        else:
            yield begun.pop(pid) + end[1] if end and pid in begun else line


def calls(text):
    return [line for line in map(plain, joined(text)) if not IGNORED.match(line)]


def same_as_strace():
    if not shutil.which("strace"):
        return print_skip("the same calls as strace prints", "no strace here")
    subprocess.run(["strace", "-f", "-o", "native", "./traced"], check=False,
                   stdin=subprocess.DEVNULL)
    with open("native", encoding="utf-8") as file:
        native = calls(file.read())
    inside = calls(traced("--trace")[0])
    missing = [f"strace: {line}" for line in native if line not in inside]
    extra = [f"inside: {line}" for line in inside if line not in native]
    return point("the same calls as strace prints", "\n".join(missing + extra),
                 len(native) < 25 and "too few calls")


def print_skip(name, why):
    global points
    points += 1
    print(f"ok {points} - {name} # SKIP {why}")


def names(text):
    return {m[1] for m in re.finditer(r"^(?:\[pid +\d+\] )?(\w+)\(", text, re.M)}


def shows(name, options, wanted, unwanted):
    text, status = traced("--trace", *options)
    point(name, status != 4 and f"exit status {status}: {text}",
          not wanted <= names(text) and f"missing: {wanted - names(text)}",
          names(text) & unwanted)


def filters():
    shows("-e trace=", ["-e", "trace=openat,write"], {"openat", "write"}, {"read", "close", "poll"})
    shows("-e of a name alone is a variable", ["-e", "A=1"], {"openat", "read"}, set())
    shows("-e trace=!", ["-e", "trace=!openat,write"], {"read", "close"}, {"openat", "write"})
    shows("-e !", ["-e", "!%file"], {"read", "close"}, {"openat", "readlink"})
    for kind, wanted, unwanted in [
            ("file", {"openat", "readlink", "newfstatat", "execve"}, {"read", "socket", "getpid"}),
            ("desc", {"read", "close", "pipe2", "socketpair"}, {"getpid", "kill"}),
            ("network", {"socket", "connect", "sendto"}, {"read", "openat"}),
            ("process", {"clone", "wait4", "exit_group"}, {"read", "openat"}),
            ("signal", {"rt_sigaction", "kill"}, {"read", "openat"}),
            ("memory", {"brk", "mprotect"}, {"read", "openat"}),
            ("ipc", set(), {"read", "openat", "brk"})]:
        shows(f"-e trace=%{kind}", ["-e", f"trace=%{kind}"], wanted, unwanted)
    text, _ = traced("--trace", "-e", "trace=none", "-e", "signal=none")
    point("-e signal=none", "--- SIG" in text and text)
    text, _ = traced("--trace", "-e", "trace=none")
    point("signals and the ends of threads", "--- SIGUSR1 {" not in text and text,
          "+++ exited with 4 +++" not in text and text)
    text, status = traced("--trace", "-e", "trace=nothing")
    point("a call that there is not", status != 125 and status, '"nothing"' not in text and text)
    text, _ = traced("--trace", "--string-size", "5", "-e", "trace=write")
    point("--string-size", '"hello"...' not in text and text)


def landlock():
    text, _ = traced("--trace", "-e", "trace=landlock_create_ruleset,landlock_add_rule,landlock_restrict_self")
    lines = [re.sub(r"\(\d+,", "(FD,", line) for line in map(plain, text.splitlines()) if "landlock" in line]
    wanted = [
        "landlock_create_ruleset(NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) = 7",
        "landlock_create_ruleset({handled_access_fs=LANDLOCK_ACCESS_FS_READ_FILE|LANDLOCK_ACCESS_FS_IOCTL_DEV, "
        "handled_access_net=LANDLOCK_ACCESS_NET_BIND_TCP, scoped=LANDLOCK_SCOPE_SIGNAL}, 24, 0) = ",
        "landlock_add_rule(FD, LANDLOCK_RULE_NET_PORT, {allowed_access=LANDLOCK_ACCESS_NET_BIND_TCP, "
        "port=80}, 0) = 0",
        "landlock_add_rule(FD, LANDLOCK_RULE_PATH_BENEATH, {allowed_access=LANDLOCK_ACCESS_FS_READ_FILE, "
        "parent_fd=-1}, 0) = -1 EBADF",
        "landlock_add_rule(FD, 0x3, NULL, 0) = -1 EINVAL",
        "landlock_restrict_self(-1, LANDLOCK_RESTRICT_SELF_LOG_SUBDOMAINS_OFF) = 0"]
    point("Landlock's structures and names",
          *[f"{line!r} instead of {want!r}" for line, want in zip(lines, wanted) if not line.startswith(want)],
          len(lines) != len(wanted) and text)


def stats():
    text, status = traced("--stats")
    rows = {line.split()[-1]: line.split() for line in text.splitlines() if line}
    point("--stats: calls and errors", status != 4 and status,
          rows["write"][3] != "3" and rows["write"], rows["openat"][3:5] != ["2", "1"] and rows["openat"],
          rows["socketpair"][3] != "1" and rows["socketpair"])
    counted = sum(int(row[3]) for name, row in rows.items()
                  if len(row) >= 5 and re.match(r"\d+\.\d\d$", row[0]) and name != "total")
    point("--stats: the sum", int(rows["total"][3]) != counted and (rows["total"], counted),
          float(rows["total"][1]) > 3600 and rows["total"])
    text, _ = traced("--trace", "--stats")
    point("both", "total" not in text and text, "socketpair(" not in text and text)


def log_level():
    for level, status in [("debug", 4), ("error", 4), ("loud", 125)]:
        done = subprocess.run([CASEMATE, "run", "traced.enclave", "/bin/traced"], text=True,
                              capture_output=True, env={**os.environ, "CASEMATE_LOG": level})
        point(f"CASEMATE_LOG={level}", done.returncode != status and done.stderr)


def main():
    subprocess.run(["gcc", "-O1", "-static", "-o", "traced",
                    f"{TOP}/tests/system/sources/traced.c"], check=True)
    subprocess.run([CASEMATE, "build", "--copy", "./traced:/bin/traced", "-o", "traced.enclave", "-c",
                    "/dev/stdin"], input=b'{"AllowEnv": ["*"]}', check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    same_as_strace()
    filters()
    landlock()
    stats()
    log_level()
    print(f"1..{points}")
    return failures != 0


if __name__ == "__main__":
    sys.exit(main())
