# Standard streams are the host's: pipes, files, closed ones; and several enclaves run at once.
. "$TOP/tests/system/lib.sh"
shell_image sh.enclave
sh() { "$CASEMATE" run sh.enclave /bin/sh -c "$@"; }

through_pipes() { is "$(seq 200000 | sha256sum)" "$(seq 200000 | sh 'cat' | cat | sha256sum)"; }
from_file() { seq 1000 >in; is 1000 "$(sh 'wc -l' <in)"; }
to_file() { sh 'seq 1000' >out && seq 1000 | cmp - out; }
appending() { echo first >log; sh 'echo second' >>log; is "first,second" "$(paste -sd, log)"; }
streams_apart() { sh 'echo out; echo err >&2' >o 2>e; is "out err" "$(cat o) $(cat e)"; }
seeks_are_shared()
{
	printf 'one\ntwo\nthree\n' >in
	{
		read -r a
		b=$(sh 'read -r x; echo $x')
		read -r c
	} <in
	is "one|two|three" "$a|$b|$c"
}
closed_stdin() { is "closed 1" "$(sh 'cat 2>/dev/null; echo closed $?' <&-)"; }
broken_pipe()
{
	local status
	sh 'exec seq 10000000' | head -n 1 >first
	status=${PIPESTATUS[0]}
	is "1 141" "$(cat first) $status"
}
null() { exits 0 sh 'cat >/dev/null' </dev/null; }
at_once()
{
	local i status pids=()
	for i in 1 2 3 4 5 6 7 8; do
		sh "sleep 0.2; echo $i; exit $i" >at-once.$i &
		pids+=($!)
	done
	for i in 1 2 3 4 5 6 7 8; do
		wait "${pids[i - 1]}"
		status=$?
		is "$i $i" "$(cat at-once.$i) $status" || return
	done
}
in_a_pipeline() { is "$(seq 100 | tac | sha256sum)" "$(seq 100 | sh 'cat' | sh 'cat' | tac | sh 'cat' | sha256sum)"; }

point "a megabyte through pipes" through_pipes
point "from a file" from_file
point "to a file" to_file
point "appending to a file" appending
point "standard output and error stay apart" streams_apart
point "what the program leaves unread is there for the next reader" seeks_are_shared
point "a closed standard input" closed_stdin
point "a broken pipe ends the program" broken_pipe
point "/dev/null" null
point "eight enclaves at once" at_once
point "three enclaves in a pipeline" in_a_pipeline
system_done
