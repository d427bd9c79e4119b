# A processor that has no random numbers to give, so that no root key could be drawn.
# shellcheck shell=sh
passes "the driver loads where there is no RDRAND" insmod /modules/casemate.ko
passes "there is none" sh -c '! grep -qw rdrand /proc/cpuinfo'
fails "without RDRAND it is not switched on, and says so" "no RDRAND" casemate hypervisor enable
passes "it is off, and nothing of it is left" sh -c '! grep casemate /proc/vmallocinfo | grep vmap'
passes "the driver is unloaded after that" rmmod casemate
