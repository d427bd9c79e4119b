# Enclaves.
# shellcheck shell=sh
passes "it is switched on for enclaves" casemate hypervisor enable
enclave_test /enclaves/svn1 /enclaves/svn2 /enclaves/other /enclaves/cpuid
passes "no enclave is left" sh -c 'casemate hypervisor status | grep -q "^enclaves *0$"'
passes "no memory is left with the hypervisor" sh -c 'casemate hypervisor status | grep -q " 0 KiB for enclaves, 0 KiB unused"'
passes "it is switched off without force" casemate hypervisor disable
