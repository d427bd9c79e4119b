#!/bin/busybox sh
# Process 1 of the guest: runs the tests named on the kernel's command line and switches off.
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
export PATH=/bin LD_LIBRARY_PATH=/lib
mkdir -p /tmp
echo 3 >/proc/sys/kernel/printk
. /tests/lib.sh
mkdir -p /lib/firmware/casemate
[ -d /images ] && cp "/images/$(sed -n 's/.*casemate.image=\([^ ]*\).*/\1/p' /proc/cmdline)" /lib/firmware/casemate/hypervisor.bin
for test in $(sed -n 's/.*casemate.tests=\([^ ]*\).*/\1/p' /proc/cmdline | tr , ' '); do
	# shellcheck disable=SC1090
	. "/tests/$test.sh"
done
echo "@@ end"
poweroff -f
