# No call of a program reaches the host's kernel but through the LibOS.
. "$TOP/tests/system/lib.sh"
gcc -O2 -o escape "$TOP/tests/system/sources/escape.c" || exit 1
"$CASEMATE" build --copy "$PWD/escape" -o escape.enclave || exit 1
"$CASEMATE" run escape.enclave "$PWD/escape" >out 2>err

answered() { says "^$1: ($2)\$" cat out; }

for way in "code made now" "code that looks like libc's" "code rewritten" "a jump into libc"; do
	point "$way ends in the LibOS" answered "$way" ours
done
for way in "int 0x80" "sysenter" "an x32 number"; do
	point "$way is refused" answered "$way" 'error|signal'
done
not_the_hosts_number() { ! grep -E 'ESCAPED|broken' out; }
point "the host's kernel answered none" not_the_hosts_number
system_done
