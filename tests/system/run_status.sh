# The exit status of `run` is docker's: the program's, 128 + n, or 125, 126, 127.
. "$TOP/tests/system/lib.sh"
echo "no program" >plain
chmod 644 plain
shell_image sh.enclave --add "$PWD/plain:/etc/plain"
run() { "$CASEMATE" run "$@"; }
sh() { run sh.enclave /bin/sh -c "$@"; }

for status in 0 1 2 42 124 125 126 127 255; do
	point "exit $status" exits $status sh "exit $status"
done
for signal in HUP INT QUIT KILL TERM SEGV ABRT PIPE USR1; do
	point "killed by $signal" exits $((128 + $(kill -l $signal))) sh "kill -$signal \$\$"
done
point "a program that is not there" exits 127 run sh.enclave /bin/nosuch
point "a program that is not there is named" says '/bin/nosuch' run sh.enclave /bin/nosuch
point "a directory is not a program" exits 126 run sh.enclave /bin
point "a file without permission to execute" exits 126 run sh.enclave /etc/plain
point "an image that is not there" exits 125 run nosuch.enclave
point "an image that is not there is named" says 'nosuch.enclave' run nosuch.enclave
echo "not an image" >text.enclave
point "a file that is no image" exits 125 run text.enclave /bin/sh
point "an empty file" exits 125 run /dev/null /bin/sh
point "an unknown option" exits 125 run --no-such-option sh.enclave /bin/sh
point "no image" exits 125 run
point "a name found along PATH" exits 3 run sh.enclave sh -c 'exit 3'
point "children that outlive the program end with it" exits 5 sh 'sleep 300 & exit 5'
system_done
