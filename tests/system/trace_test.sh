#!/bin/bash
# `run --trace` prints calls as strace does. usage: CASEMATE LIBOS
# shellcheck source=tests/system/tap.sh
. "$(dirname "$0")/tap.sh"
casemate=$1 libos=$2
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export HOME=$scratch

build_image() {
	"$casemate" build --copy /bin/bash --copy /bin/cat --copy /bin/true --libos "$libos" \
		-o "$scratch/image"
}
traced() { "$casemate" run --trace="$scratch/trace" "$scratch/image" "$@"; }
# A line of the trace is this, but for any run of spaces.
line() { tr -s ' ' <"$scratch/trace" | grep -qE -e "$1" || { tail -n 15 "$scratch/trace" && false; }; }

check "an image" build_image
printf 'one\ttwo "three" and a line longer than it prints\n' |
	traced /bin/cat /etc/absent - >/dev/null 2>&1
check "names of flags, the directory, the error in words" \
	line '^openat\(AT_FDCWD, "/etc/absent", O_RDONLY\) = -1 ENOENT \(No such file or directory\)$'
check "what was read, cut and escaped" \
	line '^read\(0, "one\\ttwo \\"three\\" and a line longe"\.\.\., [0-9]+\) = [0-9]+$'
check "the end of what is read" line '^read\(0, "", [0-9]+\) = 0$'
check "protections and kinds of mappings" \
	line '^mmap\(NULL, [0-9]+, PROT_READ\|PROT_WRITE, MAP_PRIVATE\|MAP_ANONYMOUS, -1, 0\) = 0x[0-9a-f]+$'
check "calls in the column of strace" grep -qE '^close\(3\)                                = 0$' "$scratch/trace"
check "the exit" line '^\+\+\+ exited with 1 \+\+\+$'
check "no thread is named while there is one" bash -c "! grep -q pid '$scratch/trace'"

traced /bin/bash -c '/bin/true; kill -TERM $$' >/dev/null 2>&1
check "a program that is started" line '^\[pid 2\] execve\("/bin/true", \["/bin/true"\], 0x[0-9a-f]+ /\* [0-9]+ vars \*/\) = 0$'
check "threads are named once there are several" line '^\[pid 2\] exit_group\(0\) = \?$'
check "how a child ended" line '^\[pid 1\] wait4\(-1, \[\{WIFEXITED\(s\) && WEXITSTATUS\(s\) == 0\}\], 0, NULL\) = 2$'
check "a signal" line '^\[pid 1\] --- SIGTERM \{si_signo=SIGTERM, si_code=SI_USER, si_pid=1, si_uid=0\} ---$'
check "an end by a signal" line '^\[pid 1\] \+\+\+ killed by SIGTERM \+\+\+$'

to_standard_error() { "$casemate" run --trace "$scratch/image" /bin/true 2>&1 >/dev/null | grep -q '^exit_group(0)'; }
check "to standard error" to_standard_error
check_fails "a file that can't be written" 125 "--trace=/nonexistent/file: No such file" \
	"$casemate" run --trace=/nonexistent/file "$scratch/image" /bin/true
tap_done
