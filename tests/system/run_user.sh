# An ordinary user, without any privilege, builds and runs.
. "$TOP/tests/system/lib.sh"
as_user=()
if [ "$(id -u)" = 0 ]; then
	as_user=(setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all --no-new-privs)
fi

where=$(mktemp -d)
trap 'rm -rf "$where"' EXIT
chmod 777 "$where"
cd "$where" || exit 1

# The build may lie where that user can't reach it.
program=$CASEMATE
if ! "${as_user[@]}" test -x "$program"; then
	program=$where/casemate
	cp "$CASEMATE" "$program"
	cp "$(dirname "$CASEMATE")/casemate-tool" .
	cp "$CASEMATE_LIBOS" libos.elf
	export CASEMATE_LIBOS=$where/libos.elf
fi
user() { "${as_user[@]}" env HOME="$where" TMPDIR="$where" "$program" "$@"; }

point "the user has no privilege" says '^CapEff:[[:space:]]*0+$' "${as_user[@]}" cat /proc/self/status
point "build" user build --copy /bin/sh --copy /usr/bin/id -o sh.enclave
point "inspect" user inspect sh.enclave
point "verify" user verify sh.enclave
point "check" user check
run_id() { is "0" "$(user run sh.enclave /bin/sh -c '/usr/bin/id -u')"; }
point "run" run_id
with_few_descriptors() { is "0" "$(ulimit -n 256 -l 64 && user run sh.enclave /usr/bin/id -u)"; }
point "run with 256 descriptors and 64 KiB of locked memory" with_few_descriptors
system_done
