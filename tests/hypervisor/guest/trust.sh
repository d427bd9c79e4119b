# The root key and the TPM: the first launch of this boot.
# shellcheck shell=sh
kind=$(sed -n 's/.*casemate.trust=\([^ ]*\).*/\1/p' /proc/cmdline)
image=/lib/firmware/casemate/hypervisor.bin
passes "the driver loads before a launch" insmod /modules/casemate.ko
case $kind in
image) # it is filled up with zeros
	printf '\001' | dd of=$image bs=1 seek=$(($(stat -c %s $image) - 1)) conv=notrunc 2>/dev/null
	;;
pcr)
	echo 1 >/sys/module/casemate/parameters/no_cap
	;;
esac
trust_test "$kind" /enclaves/svn1
passes "the driver is unloaded" rmmod casemate
