# Calls at random, for as long as boot.py was told.
# shellcheck shell=sh
argument()
{
	sed -n "s/.*casemate.$1=\([^ ]*\).*/\1/p" /proc/cmdline
}
echo 1 >/proc/sys/kernel/kptr_restrict
passes "the driver loads for calls at random" insmod /modules/casemate.ko
passes "the attacker's module does, too" insmod /modules/attack.ko
passes "it is switched on for calls at random" casemate hypervisor enable
fuzz_test "$(argument fuzz)" "$(argument seed)" /enclaves/svn1 /enclaves/other
passes "it is switched off after them" casemate hypervisor disable
rmmod attack
