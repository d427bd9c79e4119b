# covers: stress-ng (more than 230 stressors of twelve classes, each class at once; `make stress`: each class for two minutes)
. "$TOP/tests/applications/lib.sh"
need /usr/bin/stress-ng /usr/bin/setpriv
. "$TOP/demos/stress-ng/image.sh"
app_image "${image[@]}" --copy /usr/bin/setpriv --copy /bin/bash
seconds=${STRESS_SECONDS:-2}
APP_TIMEOUT=$((seconds + 280))

# What is left out. (What stress-ng itself finds missing and skips is named below each class.)
left_out=(
	# It kills whatever process bears a number that it never set (its memset clears one of 2,048): often process 1.
	resources
	# Its 32 children fill all the memory of the machine.
	mmapfork
	# It traces its child by ptrace(2), which is refused, and waits for it for ever.
	vm-segv
	# Packets not of a protocol's making, which an enclave does not send: it fails, though root's in a container would not.
	icmp-flood rawpkt rawsock rawudp
	# Netlink beyond what names interfaces.
	netlink-proc netlink-task
	# It wants EINVAL for bad arguments of reboot(2) where who may not boot is told EPERM.
	reboot
	# Physical addresses in /proc/self/pagemap, which isn't opened.
	physpage
	# Hardware, file systems and swap space of the machine's.
	binderfs efivar pci rawdev swap uprobe
	# A tmpfs that isn't below /dev.
	tmpfs
	# Instructions at random: one with a %gs before it writes into the LibOS's own, which simulation can't keep from it.
	opcode
)
# One needs more of the processor than its part of two seconds beside thirty others; the other's grandchild, where the
# machine is slow, outlives the child that is killed, and still counts when the sum has been made.
alone=(mq dev-shm)
# These don't run as root.
unprivileged=(exec spawn)

# A stressor's child that is killed while it counts, or counts on when the sum has been made: then stress-ng can't tell
# how much was done, on Linux as well. What a kernel counts wrongly it does again.
UNTRUSTWORTHY=7

# what_it_says OPTION...: runs it; its status.
what_it_says()
{
	run_inside "${as[@]}" stress-ng --temp-path /tmp --verify --timeout "${seconds}s" "$@" </dev/null >"$SCRATCH/stress" 2>&1
}

# The lines that matter come first.
failed()
{
	echo "exit status $1"
	grep -E '(fail|error|warn): ' "$SCRATCH/stress" | cut -c1-200
	echo "stress-ng ${*:2}"
	cut -c1-200 "$SCRATCH/stress"
}

# stress NAME OPTION...: it must end with success, having verified what its stressors did. It isn't run natively: as
# root it strains the machine, its devices and its settings; and its own checks say what Linux would have done.
stress()
{
	local name=$1 status
	shift
	what_it_says "$@"
	status=$?
	if [ "$status" = "$UNTRUSTWORTHY" ]; then
		grep -E '(fail|warn): ' "$SCRATCH/stress" | cut -c1-200 | sed 's/^/# once more: /'
		what_it_says "$@"
		status=$?
	fi
	if [ "$status" = 0 ]; then
		report ok "$name"
	else
		report fail "$name" < <(failed "$status" "$@")
	fi
	sed -nE 's/.*\[[0-9]+\] ([a-z_0-9-]+).*(will be skipped|skipping).*/# skipped: \1/p' "$SCRATCH/stress" | tr _ - | sort -u
}

# Its main process bears SIGALRM only when all stressors run, and some, where the machine is slow, send it before.
as=(bash -c 'trap "" ALRM; exec "$@"' bash)
# Each stressor runs in the first class that names it.
seen=("${left_out[@]}" "${alone[@]}" "${unprivileged[@]}")
for class in device interrupt io pipe network filesystem scheduler vm cpu cpu-cache memory os; do
	others=$(IFS=,; echo "${seen[*]}")
	stress "class $class for $seconds s" --class $class --all 1 --exclude "$others"
	# shellcheck disable=SC2207 # names, without blanks
	seen+=($(stress-ng --class "$class?" | sed 's/.*: //'))
done
for stressor in "${alone[@]}"; do
	stress "$stressor for $seconds s" "--$stressor" 1
done
as+=(setpriv --reuid=65534 --regid=65534 --clear-groups)
for stressor in "${unprivileged[@]}"; do
	stress "$stressor for $seconds s, not as root" "--$stressor" 1
done
app_done
