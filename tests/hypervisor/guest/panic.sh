# A panic, while there is an enclave. The attacker's module tells what it finds after the driver.
# shellcheck shell=sh
passes "the driver loads before a panic" insmod /modules/casemate.ko
passes "the attacker's module does" insmod /modules/attack.ko
passes "it is switched on before a panic" casemate hypervisor enable
end_test panic /enclaves/svn1
echo c >/proc/sysrq-trigger
