# covers: /dev/attestation (an unmodified python3 attests itself; `casemate verify-evidence` judges outside)
. "$TOP/tests/applications/lib.sh"
python=/usr/bin/python3
need $python
library=$($python -c 'import os; print(os.path.dirname(os.__file__))')
if [ "${CASEMATE_NATIVE:-}" = 1 ]; then
	echo "ok 1 - attestation # SKIP Linux has no /dev/attestation"
	echo "1..1"
	exit 0
fi
app_image --copy $python --copy /bin/sh --copy /bin/cat --add "$library:$library"

measurement=$("$CASEMATE" inspect --json "$app_image_file" | $python -c '
import json, sys
print(json.load(sys.stdin)["Platforms"]["simulation"]["Measurement"])')
nonce=$(head -c 64 /dev/urandom | od -An -v -tx1 | tr -d ' \n')
other=$(printf '%064d' 0)

# policy MEASUREMENT NONCE
policy()
{
	echo "{\"rules\":[{\"type\":\"simulation\",\"measurement\":\"$1\",\"report_data\":\"$2\",
		\"tolerate\":[\"NO_PROTECTION\",\"DEBUG_ENABLED\"]}]}" >"$SCRATCH/policy.json"
}

# verdict MEASUREMENT NONCE: of $SCRATCH/quote.
verdict()
{
	policy "$1" "$2"
	"$CASEMATE" verify-evidence --json --policy "$SCRATCH/policy.json" "$SCRATCH/quote" |
		$python -c 'import json, sys; print(json.load(sys.stdin)["verdict"])'
}

# point NAME WANTED GOT
point()
{
	if [ "$2" = "$3" ]; then
		report ok "$1"
	else
		report fail "$1" <<<"wanted: $2
got: $3"
	fi
}

cat >"$SCRATCH/attest.py" <<'END'
import sys
directory = "/dev/attestation/"
with open(directory + "user_report_data", "wb") as f:
    f.write(bytes.fromhex(sys.argv[1]))
with open(directory + "quote", "rb") as f:
    print(f.read().hex())
END
run_inside $python -c "$(cat "$SCRATCH/attest.py")" "$nonce" >"$SCRATCH/quote" 2>"$SCRATCH/err"
point "python3 gets a quote" "0 " "$? $(cat "$SCRATCH/err")"
point "which is accepted: this image, this nonce" ACCEPTED "$(verdict "$measurement" "$nonce")"
point "another image is refused" POLICY_NOT_MATCHED "$(verdict "$other" "$nonce")"
point "another nonce is refused" POLICY_NOT_MATCHED "$(verdict "$measurement" "$(printf '%0128d' 1)")"
$python - "$SCRATCH/quote" <<'END'
import sys
quote = bytearray.fromhex(open(sys.argv[1]).read())
quote[48] ^= 1  # of the measurement
open(sys.argv[1], "w").write(quote.hex())
END
point "a changed bit is noticed" REPORT_SIGNATURE_INVALID "$(verdict "$measurement" "$nonce")"

# What each file does, and refuses. Each line is a point.
cat >"$SCRATCH/rules.py" <<'END'
import errno, os, subprocess, sys, threading
directory = "/dev/attestation/"

def read(name):
    with open(directory + name, "rb") as f: return f.read()
def write(name, data):
    fd = os.open(directory + name, os.O_WRONLY)
    try: return os.write(fd, data)
    finally: os.close(fd)
def error(call, *arguments):
    try: call(*arguments)
    except OSError as e: return errno.errorcode[e.errno]
    return "none"
def point(name, wanted, got):
    print("ok" if wanted == got else f"not ok: wanted {wanted}, got {got}", "-", name)

point("the type", b"simulation", read("attestation_type"))
point("what is there", ["attestation_type", "keys", "my_target_info", "quote", "report", "target_info",
                        "user_report_data"], sorted(os.listdir(directory)))
point("the quote, before anything is asked", "ENODATA", error(read, "quote"))
point("the report, too", "ENODATA", error(read, "report"))
point("report data, before it is written", bytes(64), read("user_report_data"))
for size in (0, 1, 63, 65, 4096):
    point(f"report data of {size} bytes", "EINVAL", error(write, "user_report_data", b"x" * size))
point("nothing of it stays", "ENODATA", error(read, "quote"))
point("64 bytes are taken", 64, write("user_report_data", bytes(range(64))))
point("and read back", bytes(range(64)), read("user_report_data"))
quote = read("quote")
point("they are in the quote", True, bytes(range(64)) in quote)
point("again: the same enclave, and the signature is new", (True, False), (read("quote")[:280] == quote[:280], read("quote") == quote))
point("the report wants a target", "ENODATA", error(read, "report"))
point("a target of another size", "EINVAL", error(write, "target_info", b"x" * 511))
target = read("my_target_info")
point("ours", 512, len(target))
point("a target is taken", 512, write("target_info", target))
report = read("report")
point("the report: its size, and the measurement", (256, target[:32]), (len(report), report[16:48]))
point("and the report data", bytes(range(64)), report[128:192])
for name in ("attestation_type", "quote", "report", "my_target_info"):
    point(f"{name} can't be written", "EACCES", error(write, name, b"x"))
point("nothing can be made there", "ENOENT", error(lambda: open(directory + "new", "wb")))
point("nor removed", True, error(os.unlink, directory + "quote") in ("EPERM", "EACCES", "EROFS"))
with open(directory + "quote", "rb", buffering=0) as f:
    whole, part = b"", f.read(7)
    while part: whole, part = whole + part, f.read(7)
    f.seek(0)
    point("in small pieces it is one quote", (True, len(quote)), (bytes(range(64)) in whole, len(whole)))

# Processes have requests of their own; children begin with their parent's.
point("a child reads its parent's", bytes(range(64)), subprocess.check_output(["/bin/cat", directory + "user_report_data"]))
child = os.fork()
if child == 0:
    write("user_report_data", b"c" * 64)
    os._exit(0 if b"c" * 64 in read("quote") else 1)
point("a child's is in its quote", 0, os.waitpid(child, 0)[1])
point("and not in its parent's", (bytes(range(64)), True), (read("user_report_data"), bytes(range(64)) in read("quote")))

wrong = []
def thread():
    for _ in range(5):
        if bytes(range(64)) not in read("quote"): wrong.append(1)
threads = [threading.Thread(target=thread) for _ in range(4)]
for t in threads: t.start()
for t in threads: t.join()
point("many at once", [], wrong)
children = []
for i in range(6):
    child = os.fork()
    if child == 0:
        data = bytes([65 + i]) * 64
        write("user_report_data", data)
        os._exit(0 if all(data in read("quote") for _ in range(5)) else 1)
    children.append(child)
point("many processes at once, each its own", [0] * 6, [os.waitpid(c, 0)[1] for c in children])

key = "keys/default"
point("the key, before there is one", "ENODATA", error(read, key))
for size in (1, 15, 17, 31, 33, 64):
    point(f"a key of {size} bytes", "EINVAL", error(write, key, b"k" * size))
point("a key of 16 bytes", (16, b"k" * 16), (write(key, b"k" * 16), read(key)))
point("a key of 32 bytes", (32, b"l" * 32), (write(key, b"l" * 32), read(key)))
point("other processes have the same", b"l" * 32, subprocess.check_output(["/bin/cat", directory + key]))
point("others' files are closed to them", "0o600", oct(os.stat(directory + key).st_mode & 0o777))
if os.getuid() == 0:
    child = os.fork()
    if child == 0:
        os.setuid(1000)
        os._exit(0 if error(read, key) == "EACCES" and error(write, "user_report_data", b"u" * 64) == "none" else 1)
    point("a user can attest, and not read the key", 0, os.waitpid(child, 0)[1])
END
run_inside $python -c "$(cat "$SCRATCH/rules.py")" >"$SCRATCH/rules" 2>&1
point "the rules: they end well" 0 $?
while read -r line; do
	name=${line#* - }
	case $line in
	ok*) report ok "$name" ;;
	*) report fail "$name" <<<"$line" ;;
	esac
done <"$SCRATCH/rules"

# A shell, as users have it.
run_inside sh -c 'printf "%064d" 7 >/dev/attestation/user_report_data; cat /dev/attestation/quote' >"$SCRATCH/quote"
point "a shell does, too" ACCEPTED "$(verdict "$measurement" "$(printf '%064d' 7 | od -An -v -tx1 | tr -d ' \n')")"
app_done
