# Pages that come and go while an enclave runs, and its window.
# shellcheck shell=sh
passes "it is switched on for pages" casemate hypervisor enable
pages_test /enclaves/svn1 /enclaves/other
passes "no memory is left with the hypervisor after that" sh -c 'casemate hypervisor status | grep -q " 0 KiB for enclaves, 0 KiB unused"'
passes "it is switched off after that" casemate hypervisor disable
