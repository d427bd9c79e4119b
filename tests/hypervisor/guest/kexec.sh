# Another kernel in place of this one, which sees neither firmware nor a reset.
# shellcheck shell=sh
if grep -q casemate.again /proc/cmdline; then
	passes "another kernel goes on, which is no guest any more" grep -qw svm /proc/cpuinfo
	passes "on all processors" [ "$(processors)" = 2 ]
else
	passes "the driver loads before kexec" insmod /modules/casemate.ko
	passes "the attacker's module, too" insmod /modules/attack.ko
	passes "it is switched on before kexec" casemate hypervisor enable
	# This flavour drives the IOMMU, which is not shared with it.
	passes "it says that an IOMMU of Linux's contains nothing" \
		sh -c 'ls -d /sys/class/iommu/* && casemate hypervisor status | grep -q "^DMA *NOT contained"'
	# What it boots to: this, without what it does not use.
	(
		cd / || exit
		for name in proc sys dev tmp; do
			echo $name
		done
		find bin tests init -xdev | grep -v -e _test -e casemate
	) | (cd / && cpio -o -H newc >/tmp/initrd 2>/dev/null)
	end_test kexec /enclaves/svn1 /boot/vmlinuz /tmp/initrd
fi
