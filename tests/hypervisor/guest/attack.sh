# Root and his kernel module attack.
# shellcheck shell=sh
# Root sees addresses as they are.
echo 1 >/proc/sys/kernel/kptr_restrict
passes "the attacker's module loads" insmod /modules/attack.ko
attack_test without
passes "it is switched on against attacks" casemate hypervisor enable
attack_test with /enclaves/svn1
passes "it is off after the attacks" is_off
rmmod attack
