# The system-call table, its tests and its page agree.
. "$TOP/tests/checks/lib.sh"
silent "each call that is not ENOSYS has a conformance test that names it" tools/compatibility.py --untested
silent "each call that a test names stands in the table" tools/compatibility.py --unknown
silent "at least 330 calls are not ENOSYS" tools/compatibility.py --count-at-least 330
silent "each reason in expected.txt is on the compatibility page" tools/compatibility.py --unexplained
silent "docs/COMPATIBILITY.md is what tools/compatibility.py writes" \
	diff -u docs/COMPATIBILITY.md <(tools/compatibility.py)
check_done
