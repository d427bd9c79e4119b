# Demotion and back.
# shellcheck shell=sh
passes "the driver loads" insmod /modules/casemate.ko
passes "it is off at first" is_off
fails "there is nothing to switch off" "is off" casemate hypervisor disable
passes "it is switched on" casemate hypervisor enable
passes "all processors are demoted" has_processors "$(processors)"
fails "it can't be switched on twice" "is on already" casemate hypervisor enable
fails "the driver can't be unloaded meanwhile" "" rmmod casemate
passes "it is switched off" casemate hypervisor disable
passes "and is off" is_off
