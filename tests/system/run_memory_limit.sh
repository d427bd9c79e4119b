# MemoryLimit: what counts, who is refused and who is killed.
. "$TOP/tests/system/lib.sh"
cc -O1 -o hog "$TOP/tests/system/sources/hog.c" || exit 1
echo '{"MemoryLimit": 268435456, "WorkingDir": "/tmp"}' >limit.json
shell_image limit.enclave -c limit.json --copy "$PWD/hog" --copy /bin/dd --copy /bin/grep --copy /bin/df
inside() { "$CASEMATE" run limit.enclave "$@"; }

point "little is had" says '^lives' inside "$PWD/hog" 64
too_much() { exits 137 inside "$PWD/hog" 600; }
point "too much: the process is killed" too_much
point "... a line says who, and what it had" \
	says 'out of memory: process 1 \(hog\) is killed, which has [0-9]+ KiB; MemoryLimit is 262144 KiB' \
	inside "$PWD/hog" 600
others() { is "137 lives, child 0" "$(inside /bin/bash -c "$PWD/hog 600; echo \$? \$($PWD/hog 64)" 2>/dev/null)"; }
point "... others live, and the memory is there again" others
point "what a fork shares counts once" says '^lives, child 0$' inside "$PWD/hog" 150 fork
point "more than there can be is refused beforehand" says '^mmap: Cannot allocate memory$' inside "$PWD/hog" 300 reserve
point "... unless nothing is to be reserved" says '^lives' inside "$PWD/hog" 3000 noreserve
point "files count: no space is left" says 'No space left on device' inside /bin/dd if=/dev/zero of=/tmp/f bs=1M count=600
point "programs see the limit" says '^MemTotal: +262144 kB$' inside /bin/grep MemTotal /proc/meminfo
point "shared memory may be half of it, as tmpfs(5) has it" \
	says '^131072$' inside /bin/bash -c 'df --output=size /dev/shm | { read -r _; read -r n; echo "$n"; }'
point "... also where only mappings fill it: they are refused" \
	says '^/dev/shm/f: Cannot allocate memory$' inside "$PWD/hog" 140 /dev/shm/f
point "... less is mapped" says '^lives' inside "$PWD/hog" 100 /dev/shm/f
point "... which /proc/mounts need not say" \
	says '^tmpfs /dev/shm tmpfs rw,nosuid,nodev,relatime 0 0$' inside /bin/grep /dev/shm /proc/mounts
system_done
