# The host's requests to a running enclave, from a host that lies and changes them while they are read.
. "$TOP/tests/system/lib.sh"
cc -O1 -pthread -D_GNU_SOURCE -I "$TOP" -o hostile_host "$TOP/tests/system/sources/hostile_host.c" || exit 1
shell_image sh.enclave
name=hostile-$$
trap '"$CASEMATE" rm -f "$name" >/dev/null 2>&1' EXIT
"$CASEMATE" start --name "$name" sh.enclave /bin/bash -c 'echo up; while :; do sleep 0.1; done' >/dev/null || exit 1
host_process() { "$CASEMATE" ps --processes="$name" | awk '$1 == 1 { print $3 }'; }

seed=${FUZZ_SEED:-$RANDOM}
point "whatever is asked is answered (seed $seed)" \
	says '^[1-9][0-9]* requests answered$' ./hostile_host "$(host_process)" "$seed" "${FUZZ_SECONDS:-8}"
point "... the enclave lives, and serves" is "still here" "$("$CASEMATE" exec "$name" /bin/bash -c 'echo still here')"
point "... its first process too" says '^1 0 .* bash$' "$CASEMATE" ps --processes="$name"
none_left() { local n; for _ in $(seq 100); do n=$("$CASEMATE" ps --processes="$name" | wc -l); [ "$n" -le 3 ] && return; sleep 0.2; done; "$CASEMATE" ps --processes="$name"; return 1; }
point "... nothing that was started stays" none_left
system_done
