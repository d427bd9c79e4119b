# Signals to `casemate run` reach the program, and it decides.
. "$TOP/tests/system/lib.sh"
shell_image sh.enclave
pid=
watchdog=

# start SCRIPT: runs it in the background, with no signal ignored, until it prints `ready`.
start()
{
	: >log
	env --default-signal "$CASEMATE" run sh.enclave /bin/bash -c "$1" >log 2>&1 </dev/null &
	pid=$!
	{ sleep 60 && kill -KILL $pid; } >/dev/null 2>&1 &
	watchdog=$!
	for _ in $(seq 500); do
		grep -q ready log && return
		sleep 0.05
	done
	echo "never ready"
	cat log
	return 1
}

# ends_with WANTED: exit status and output, in one line.
ends_with()
{
	local status
	wait $pid
	status=$?
	kill $watchdog 2>/dev/null
	# shellcheck disable=SC2046,SC2116 # a line of words
	is "$1" "$status $(echo $(cat log))"
}

reaches_trap()
{
	start "trap 'echo got $1; exit 9' $1; echo ready; while :; do sleep 0.1; done" || return
	kill -s "$1" $pid
	ends_with "9 ready got $1"
}

ends()
{
	start 'echo ready; exec sleep 300' || return
	kill -s "$1" $pid
	ends_with "$((128 + $(kill -l "$1"))) ready"
}

is_ignored()
{
	start "trap '' TERM; echo ready; sleep 1; echo done" || return
	kill -TERM $pid
	ends_with "0 ready done"
}

stops_and_continues()
{
	start 'echo ready; for i in {1..20}; do sleep 0.1; done; echo done' || return
	kill -STOP $pid
	sleep 0.5
	kill -CONT $pid
	ends_with "0 ready done"
}

for signal in HUP INT QUIT TERM USR1 USR2; do
	point "$signal reaches a trap" reaches_trap $signal
done
for signal in HUP TERM USR1; do
	point "$signal ends a program that doesn't catch it" ends $signal
done
point "a program may ignore TERM" is_ignored
point "stopped and continued" stops_and_continues
system_done
