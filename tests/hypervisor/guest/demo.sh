# What `make demo-hypervisor` shows.
# shellcheck shell=sh
insmod /modules/casemate.ko 2>/dev/null
passes "root loads a kernel module of his" insmod /modules/attack.ko
demo_test /enclaves/svn1
rmmod attack
