# An ordinary container: podman's default filter of system calls, its capabilities, no others. Casemate
# builds and runs images there as root of the container and as a user without any privilege.
. "$TOP/tests/system/lib.sh"

root=$SCRATCH/root
mkdir -p "$root"/{etc,proc,sys,dev,usr,var,run,root,tmp}
ln -s usr/bin usr/sbin usr/lib usr/lib64 "$root"
cp /etc/passwd /etc/group "$root/etc"
chmod 1777 "$root/tmp"

runroot=$(mktemp -d) # podman wants a short name
trap 'rm -rf "$runroot"' EXIT

# runc refuses machines whose cgroups are of both versions: it is shown the first one's alone.
podman_alone='umount /sys/fs/cgroup/unified 2>/dev/null; exec podman "$@"'
container()
{
	local options=()
	while [ "$1" != -- ]; do options+=("$1") && shift; done
	shift
	unshare -m bash -c "$podman_alone" - --root "$SCRATCH/storage" --runroot "$runroot" \
		--cgroup-manager=cgroupfs --runtime runc run --rm --network none --ulimit nofile=1024:4096 \
		--ulimit nproc=4096:4096 -v /usr:/usr:ro -v "$TOP:/casemate:ro" \
		-e "CASEMATE_LIBOS=/casemate/${CASEMATE_LIBOS#"$TOP/"}" -w /tmp \
		"${options[@]}" --rootfs "$root" "$@" </dev/null
}
unprivileged=(--user 1000:1000 --cap-drop=all --read-only --tmpfs /tmp:mode=1777
	--security-opt no-new-privileges)

if [ "$(id -u)" != 0 ] || ! command -v podman >/dev/null || ! container -- true 2>"$SCRATCH/why"; then
	reason=$(tail -n 1 "$SCRATCH/why" 2>/dev/null)
	echo "ok 1 - a container # SKIP podman runs no container here: ${reason:-not root, or not installed}"
	echo "1..1"
	exit 0
fi

script='HOME=$(mktemp -d) && cd "$HOME" || exit; casemate=/casemate/'${CASEMATE#"$TOP/"}'
$casemate build --copy /bin/bash --copy /bin/cat -o image >log 2>&1 || { cat log; exit 1; }
$casemate run image /bin/bash -c "(exit 3); echo \$? \$((6*7)); /bin/cat <<<piped | /bin/cat"'
want=$'3 42\npiped'

runs() { is "$want" "$(container "$@" -- /bin/bash -c "$script" 2>&1)"; }
status() { container "$@" -- grep -E '^(Seccomp|CapEff):' /proc/self/status; }

point "the container has a filter" says '^Seccomp:.2$' status
point "root of a container" runs
point "a user has no capability" says '^CapEff:.0+$' status "${unprivileged[@]}"
point "a user of a read-only container" runs "${unprivileged[@]}"
system_done
