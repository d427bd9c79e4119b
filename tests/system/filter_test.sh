#!/bin/bash
# No call of a program reaches the host's kernel but through the LibOS. usage: CASEMATE LIBOS PROGRAM
# shellcheck source=tests/system/tap.sh
. "$(dirname "$0")/tap.sh"
casemate=$1 libos=$2 program=$(realpath "$3")
here=$(cd "$(dirname "$0")" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export HOME=$scratch

build_image() {
	"$casemate" build --copy "$program" --libos "$libos" -o "$scratch/image"
}

run() { "$casemate" run "$scratch/image" "$program" "$scratch"; }

every_way_ends_in_the_libos() {
	run >"$scratch/out" && grep -qx '1\.\.[0-9]*' "$scratch/out" && ! grep '^not ok' "$scratch/out"
	tap_got=$?
	cat "$scratch/out"
	return $tap_got
}

symbol() { nm "$libos" | sed -n "s/ . $1\$//p"; }

# The observer: strace sees each call before the filter does, with the instruction's address.
observe() {
	strace -f -i -o "$scratch/trace" "$casemate" run "$scratch/image" "$program" "$scratch" \
		>"$scratch/out" || return 1
	awk -v start="$(symbol host_syscall_start)" -v end="$(symbol host_syscall_end)" \
		-f "$here/host_calls.awk" "$scratch/trace" >"$scratch/found"
	cat "$scratch/found"
}
nothing_else_served() { [ -s "$scratch/found" ] && ! grep '^served' "$scratch/found"; }
# How many traps there are beyond 15 depends on what the kernel makes of the vsyscall page.
enough_seen() {
	awk '/ trapped$/ { exit !($1 > 50 && $3 > 15) }' "$scratch/found"
}

check "an image of the program" build_image
check "whatever a program does to make a call, the LibOS serves it" every_way_ends_in_the_libos
if strace -o /dev/null true 2>/dev/null; then
	check "the same under an observer" observe
	check "the host's kernel served calls of the LibOS's page alone" nothing_else_served
	check "the observer saw the LibOS's calls and the traps" enough_seen
else
	tap_skip "the host's kernel served calls of the LibOS's page alone" "strace can't trace here"
fi
tap_done
