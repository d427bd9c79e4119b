# What single checks stop: of an image without them the same is expected to succeed.
# shellcheck shell=sh
case $(sed -n 's/.*casemate.image=\([^ ]*\).*/\1/p' /proc/cmdline) in
hypervisor_undefended.bin) expected=succeed ;;
*) expected=fail ;;
esac
# Root sees addresses as they are.
echo 1 >/proc/sys/kernel/kptr_restrict
passes "the attacker's module is there" insmod /modules/attack.ko
passes "it is switched on to see what stops attacks" casemate hypervisor enable
defence_test $expected /enclaves/svn1 /enclaves/other /enclaves/svn2
passes "it is switched off after that" casemate hypervisor disable
rmmod attack
