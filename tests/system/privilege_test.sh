#!/bin/bash
# Building and running need no privilege, and little of the machine. usage: CASEMATE LIBOS FILTER
# shellcheck source=tests/system/tap.sh
. "$(dirname "$0")/tap.sh"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
chmod 777 "$scratch"
# The build may lie where that user can't reach it.
cp "$1" "$(dirname "$1")/casemate-tool" "$scratch"
cp "$2" "$scratch/libos.elf"
cp "$3" "$scratch/filter"
cd "$scratch" || exit 1
export HOME=$scratch TMPDIR=$scratch
script='set -e; (exit 3) || [ $? = 3 ]; /bin/cat <<<one | /bin/cat; x=$(/bin/cat <<<two); echo $x $$'
expected=$'one\ntwo 1'

user=()
[ "$(id -u)" != 0 ] ||
	user=(setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all --no-new-privs)
build() { "$@" ./casemate build --copy /bin/bash --copy /bin/cat --libos libos.elf -o "$scratch/image"; }
runs() { [ "$("$@" ./casemate run image /bin/bash -c "$script")" = "$expected" ]; }
limited() { (ulimit "$1" "$2" && shift 2 && "$@"); }

check "the user has no privilege" grep -qE '^CapEff:\s*0+$' <("${user[@]}" cat /proc/self/status)
check "build as a user" build "${user[@]}"
check "check as a user" "${user[@]}" ./casemate check
check "run as a user" runs "${user[@]}"
rm -f image
check "build in a container's filter" build ./filter "${user[@]}"
check "check in a container's filter" ./filter "${user[@]}" ./casemate check
check "run in a container's filter" runs ./filter "${user[@]}"
check "the filter does deny" bash -c "! ./filter unshare --user true 2>/dev/null"
check "run in two filters" runs ./filter ./filter

check_fails "a program that is not there is named" 127 "/bin/none: not found in the image" \
	./casemate run image /bin/none
check_fails "also without a path" 127 "none: not found in the image" ./casemate run image none
check_fails "a file that is no program" 126 "can't be executed" ./casemate run image /etc/passwd
check "8 descriptors are enough" limited -n 8 runs
check "64 KiB of locked memory are enough" limited -l 64 runs
check "a small stack is enough" limited -s 256 runs
check_fails "too little address space" 125 "ulimit -v" limited -v 1000000 ./casemate run image /bin/cat
check_fails "files must be allowed to be large" 125 "ulimit -f" limited -f 1000 ./casemate run image /bin/cat
check_fails "check says so too" 1 "" limited -v 1000000 ./casemate check
check "and why" bash -c "(ulimit -v 1000000; ./casemate check) | grep -q '^simulation *no: .*ulimit -v'"

no_place='mount -t tmpfs -o ro none /tmp && mount -t tmpfs -o ro none /dev/shm'
if unshare -m sh -c "$no_place" 2>/dev/null; then
	# What is needed stands outside /tmp.
	elsewhere=$(mktemp -d -p /var/tmp)
	trap 'rm -rf "$scratch" "$elsewhere"' EXIT
	cp casemate image "$elsewhere"
	without_places() {
		[ "$(unshare -m sh -c "$no_place && cd '$elsewhere' && exec env -u TMPDIR ./casemate run \
			image /bin/bash -c '$script'")" = "$expected" ]
	}
	check "no place for temporary files is needed" without_places
else
	tap_skip "no place for temporary files is needed" "file systems can't be mounted here"
fi
tap_done
