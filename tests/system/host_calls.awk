# Reads `strace -f -i` of `casemate run`. Once the filter is there, every call that the host's kernel
# serves must come from the page [start, end) of the LibOS; any other must have been refused with SIGSYS,
# which is the next thing that its thread sees. Prints what breaks that, and the counts.
# Variables: start, end (16 lower-case hexadecimal digits).

function refused(pid) {
	if (pid in waiting)
		print "served: " waiting[pid]
	delete waiting[pid]
}

{
	pid = $1
	ip = $2
	gsub(/[][]/, "", ip)
	while (length(ip) < 16)
		ip = "0" ip
}
NR == 1 { launchers[pid] = 1 }
# Its threads: the first enclave process is cloned, too, but is none.
pid in launchers && /CLONE_THREAD/ { starts_thread[pid] = 1 }
pid in launchers && starts_thread[pid] && / = [0-9]+$/ {
	launchers[$NF] = 1
	delete waiting[$NF]
	starts_thread[pid] = 0
}
pid in launchers { next }
$3 == "---" && $4 == "SIGSYS" {
	trapped++
	delete waiting[pid]
	next
}
$3 == "---" || $3 == "+++" || $3 == "<..." { next }
{ refused(pid) }
$3 ~ /^seccomp\(SECCOMP_SET_MODE_FILTER/ { filtered = 1 }
!filtered { next }
(ip "") >= (start "") && (ip "") < (end "") { served++; next }
{ waiting[pid] = $0 }
END {
	for (pid in waiting)
		refused(pid)
	print served + 0, "served,", trapped + 0, "trapped"
}
