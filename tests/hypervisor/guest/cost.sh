# What the hypervisor costs, on a machine whose clock counts instructions.
# shellcheck shell=sh
passes "the driver loads for counting" insmod /modules/casemate.ko
passes "the module that counts loads" insmod /modules/attack.ko
cost_test /enclaves/svn1
