# What Linux does to processors and power, and what else would use SVM.
# shellcheck shell=sh
cpu1=/sys/devices/system/cpu/cpu1/online
nmis()
{
	awk '$1 == "NMI:" { for (i = 2; i <= NF; i++) if ($i ~ /^[0-9]+$/) sum += $i; print sum }' /proc/interrupts
}
gets_nmis()
{
	before=$(nmis)
	echo l >/proc/sysrq-trigger
	sleep 1
	[ "$(nmis)" -gt "$before" ]
}
last=$(($(processors) - 1))
echo $last >/sys/module/casemate/parameters/fail_on
fails "one processor that refuses keeps all from it" "Input/output error" casemate hypervisor enable
passes "it is off then" is_off
echo -1 >/sys/module/casemate/parameters/fail_on
if [ -e $cpu1 ]; then
	echo 0 >$cpu1
	fails "an offline processor keeps it off" "offline" casemate hypervisor enable
	# On a busy machine it may come too late for Linux's patience.
	until [ "$(cat $cpu1)" = 1 ]; do
		echo 1 >$cpu1
	done
fi
passes "it is switched on again" casemate hypervisor enable
if [ -e $cpu1 ]; then
	fails "no processor goes offline meanwhile" "busy" sh -c "echo 0 >$cpu1"
	passes "it is still there" taskset 2 true
	passes "NMIs reach Linux" gets_nmis
fi
fails "the machine does not go to sleep" "busy" sh -c 'echo freeze >/sys/power/state'
insmod /modules/irqbypass.ko
insmod /modules/kvm.ko
[ ! -e /modules/ccp.ko ] || insmod /modules/ccp.ko
fails "KVM is refused" "not supported" insmod /modules/kvm-amd.ko
passes "programs compute" sh -c 'i=0; while [ $i -lt 20000 ]; do i=$((i + 1)); done; sha256sum /bin/busybox'
passes "memory is there" sh -c 'dd if=/dev/zero of=/tmp/big bs=1M count=100 2>/dev/null && sha256sum /tmp/big && rm /tmp/big'
passes "timers run" sleep 1
passes "it is switched off at the end" casemate hypervisor disable
passes "where KVM is not refused" sh -c 'insmod /modules/kvm-amd.ko && rmmod kvm_amd'
passes "and on, to be left so when the machine is switched off" casemate hypervisor enable
